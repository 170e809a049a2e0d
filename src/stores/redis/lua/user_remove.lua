-- Delete a user. KEYS user, users, list, sessions.

redis.call('DEL', KEYS[1], KEYS[3], KEYS[4])
redis.call('ZREM', KEYS[2], given.id)
return 1
