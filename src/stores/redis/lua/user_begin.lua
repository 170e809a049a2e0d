-- Write a new user's record for now: it ends by itself unless `user_keep` follows. KEYS user; ARGV[2..] fields, values.
-- Replies 1, or 0 if there is such a user.

if redis.call('EXISTS', KEYS[1]) == 1 and redis.call('HEXISTS', KEYS[1], 'pending') == 0 then
  return 0
end
redis.call('HSET', KEYS[1], 'pending', 1, unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], given.ms)
return 1
