-- Claim a due home, unless someone else did. KEYS home, inbox, due. Repeating it with the same token gives the same claim.

local token = holder()
if token then
  if token == given.token then
    return running()
  end
  redis.call('ZADD', DUE, redis.call('HGET', HOME, 'until'), given.home)
  return false
end
local claimed = claim(given.token, given.ms)
if not claimed then
  redis.call('ZREM', DUE, given.home)
end
return claimed
