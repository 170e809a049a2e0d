-- Let a place continue a conversation, or begin a fresh one with its next message. KEYS home, and the conversation if it
-- was born here: one that is gone cannot be continued.

if not given.conversation or (KEYS[2] and redis.call('EXISTS', KEYS[2]) == 0) then
  unpoint()
  return 1
end
point(given.conversation)
redis.call('HDEL', HOME, 'muted', 'toDirect')
if KEYS[2] then
  redis.call('HSET', HOME, 'toDirect', redis.call('HGET', KEYS[2], 'direct'))
end
redis.call('PEXPIREAT', HOME, now + given.pointerMs)
return 1
