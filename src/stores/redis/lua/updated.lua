-- Bring a conversation into the index by time of update. KEYS conversation, updated.

local at = redis.call('HGET', KEYS[1], 'updatedAt')
if at then
  redis.call('ZADD', KEYS[2], at, given.conversation)
end
return 1
