-- The homes that someone must look at, the longest due of each shard first. KEYS due of one shard, or of several.

local homes = {}
for i = 1, #KEYS do
  for _, value in ipairs(redis.call('ZRANGEBYSCORE', KEYS[i], '-inf', now, 'WITHSCORES', 'LIMIT', 0, given.limit)) do
    homes[#homes + 1] = value
  end
end
return homes
