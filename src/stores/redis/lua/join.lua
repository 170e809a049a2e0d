-- First of two steps: a user takes part in a conversation. KEYS conversation. Replies the time, and the id by which they do.

if redis.call('EXISTS', KEYS[1]) == 0 then
  return false
end
local user = member(1, given.user)
redis.call('HSETNX', KEYS[1], 'p:' .. user, now)
return { now, user }
