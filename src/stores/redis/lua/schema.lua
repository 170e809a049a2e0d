-- What the layout's version is; a fresh Redis gets the current one. KEYS schema. Replies {version, shards}.

if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'version', given.version, 'shards', given.shards, 'at', now)
end
return redis.call('HMGET', KEYS[1], 'version', 'shards')
