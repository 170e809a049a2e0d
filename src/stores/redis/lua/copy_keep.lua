-- All messages of a copy are there: begin the conversation. KEYS conversation, messages, turns, updated; ARGV[2..] its fields
-- and values. given.turns: turn and place of each, in a row. Replies 0 if the messages ended meanwhile.

if redis.call('EXISTS', KEYS[1]) == 1 then
  return 1
end
if redis.call('LLEN', KEYS[2]) ~= given.count then
  return 0
end
redis.call('PERSIST', KEYS[2])
redis.call('HSET', KEYS[1], 'createdAt', now, 'updatedAt', now, 'p:' .. given.user, now, unpack(ARGV, 2))
for i = 1, #given.turns, 2 do
  redis.call('HSET', KEYS[3], given.turns[i], given.turns[i + 1])
end
redis.call('ZADD', KEYS[4], now, given.conversation)
return 1
