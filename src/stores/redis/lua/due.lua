-- The homes of a shard that someone must look at, the longest due first. KEYS due.

return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'WITHSCORES', 'LIMIT', 0, given.limit)
