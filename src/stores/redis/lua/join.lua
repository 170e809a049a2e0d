-- First of two steps: a user takes part in a conversation. KEYS conversation. Replies the time.

if redis.call('EXISTS', KEYS[1]) == 0 then
  return false
end
redis.call('HSETNX', KEYS[1], 'p:' .. given.user, now)
return now
