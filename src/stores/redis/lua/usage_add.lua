-- Add to what was used. KEYS the shard's rows of the day, the user's rows of the month; ARGV[2], ARGV[3] the row's field there;
-- ARGV[4..] its numbers. The same value is in both; its last word is the id of the addition, so that a repeat of the last one
-- (its reply was lost) counts once.

local value = redis.call('HGET', KEYS[1], ARGV[2]) or ''
if string.match(value, '%S+$') == given.id then
  return
end
local sums = {}
for number in string.gmatch(value, '%S+') do
  table.insert(sums, number)
end
local added = {}
for i = 4, #ARGV do
  table.insert(added, string.format('%.0f', (tonumber(sums[i - 3]) or 0) + ARGV[i]))
end
local text = table.concat(added, ' ') .. ' ' .. given.id
redis.call('HSET', KEYS[1], ARGV[2], text)
redis.call('HSET', KEYS[2], ARGV[3], text)
redis.call('PEXPIREAT', KEYS[1], given.dayEnds)
redis.call('PEXPIREAT', KEYS[2], given.monthEnds)
