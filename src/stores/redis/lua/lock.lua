-- Take a lock, keep it, or let it go (ms = 0). KEYS lock. Replies 1 if it is (or was) ours.

local held = redis.call('GET', KEYS[1]) or ''
local owner, till = string.match(held, '^(%S+) (%d+)$')
if held ~= '' and owner ~= given.owner and tonumber(till or now + 1) > now then
  return 0
end
if given.ms == 0 then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], given.owner .. ' ' .. now + given.ms, 'PXAT', now + given.ms)
end
return 1
