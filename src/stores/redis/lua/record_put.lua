-- Put an entry into a log. KEYS entries, records; ARGV[2] its id, ARGV[3] its JSON. Replies the one it replaces, if any.

local before = redis.call('HGET', KEYS[1], ARGV[2])
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
redis.call('ZADD', KEYS[2], 0, ARGV[2])
return before
