-- Rate a turn's answer. KEYS conversation, turns; ARGV[2] the rating's JSON, or nothing to take it back.

local place = redis.call('HGET', KEYS[2], given.turn)
local seqs = place and string.match(place, '^%d+ %d+')
if not seqs then
  return 0
end
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], 'rated', 1)
end
redis.call('HSET', KEYS[2], given.turn, ARGV[2] == '' and seqs or seqs .. ' ' .. ARGV[2])
return 1
