-- First of two steps: a user takes part in a conversation no longer. KEYS conversation. Replies the id by which they did.

local user = member(1, given.user)
redis.call('HDEL', KEYS[1], 'p:' .. user)
return user
