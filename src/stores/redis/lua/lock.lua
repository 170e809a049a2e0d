-- Take a lock, keep it, or let it go (ms = 0). KEYS lock. Replies 1 if it is (or was) ours.

local owner = redis.call('GET', KEYS[1])
if owner and owner ~= given.owner then
  return 0
end
if given.ms == 0 then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], given.owner, 'PX', given.ms)
end
return 1
