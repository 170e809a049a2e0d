-- Change fields of a user. KEYS user; ARGV[2..] fields and values; given.drop: fields to take away. Replies the record, or
-- the id of the user into whom this one was merged.

if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('HEXISTS', KEYS[1], 'pending') == 1 then
  return false
end
local merged = redis.call('HGET', KEYS[1], 'alias')
if merged then
  return merged
end
if #ARGV > 1 then
  redis.call('HSET', KEYS[1], unpack(ARGV, 2))
end
for _, field in ipairs(given.drop) do
  redis.call('HDEL', KEYS[1], field)
end
return redis.call('HGETALL', KEYS[1])
