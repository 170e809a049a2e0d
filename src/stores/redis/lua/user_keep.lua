-- A new user has all their identities: keep the record. KEYS user, users. Replies 0 if it ended meanwhile.

if redis.call('HEXISTS', KEYS[1], 'id') == 0 then
  return 0
end
redis.call('HDEL', KEYS[1], 'pending')
redis.call('PERSIST', KEYS[1])
redis.call('ZADD', KEYS[2], 0, given.id)
return 1
