-- Let a place continue a conversation, or begin a fresh one with its next message. KEYS home.

if not given.conversation then
  redis.call('HDEL', HOME, 'to', 'toUntil')
  return 1
end
redis.call('HSET', HOME, 'to', given.conversation, 'toUntil', now + given.pointerMs)
redis.call('PEXPIREAT', HOME, now + given.pointerMs)
return 1
