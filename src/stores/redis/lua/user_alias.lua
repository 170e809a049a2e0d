-- From now on a user's id leads to another's. What was known of them is kept beside it until the other has it.
-- KEYS user, users, list. given.listed: only if their list is as long. Replies 0 if it is not.

if redis.call('HEXISTS', KEYS[1], 'alias') == 1 then
  redis.call('HSET', KEYS[1], 'alias', given.into)
  return 1
end
if given.listed and redis.call('ZCARD', KEYS[3]) ~= given.listed then
  return 0
end
local was = redis.call('HGETALL', KEYS[1])
if #was == 0 then
  return 1
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'alias', given.into)
for i = 1, #was, 2 do
  redis.call('HSET', KEYS[1], 'was:' .. was[i], was[i + 1])
end
redis.call('ZREM', KEYS[2], given.id)
return 1
