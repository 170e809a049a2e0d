-- Take an entry out of a log. KEYS entries, records; ARGV[2] its id. Replies 1 if it was there.

redis.call('ZREM', KEYS[2], ARGV[2])
return redis.call('HDEL', KEYS[1], ARGV[2])
