-- Let one user take part in a conversation since when another did; with given.leave instead of them, and whatever comes in
-- their name from then on is the other's. KEYS conversation. Replies 1, or 0 if there is no such conversation.

if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
local since = redis.call('HGET', KEYS[1], 'p:' .. given.from)
if since then
  local own = redis.call('HGET', KEYS[1], 'p:' .. given.into)
  if not own or tonumber(since) < tonumber(own) then
    redis.call('HSET', KEYS[1], 'p:' .. given.into, since)
  end
end
if given.leave then
  redis.call('HDEL', KEYS[1], 'p:' .. given.from)
  redis.call('HSET', KEYS[1], 'm:' .. given.from, given.into)
end
return 1
