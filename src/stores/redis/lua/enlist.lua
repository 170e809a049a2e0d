-- Put a conversation on a user's list. KEYS list, user. Replies nothing, or the user into whom this one was merged: then the
-- list to put it on is theirs.

local merged = redis.call('HGET', KEYS[2], 'alias')
if merged then
  return merged
end
redis.call('ZADD', KEYS[1], 'GT', given.at or now, given.id)
return ''
