-- Take no follow-ups at a place that continues something. KEYS home.

if redis.call('HEXISTS', HOME, 'to') == 1 then
  redis.call('HSET', HOME, 'muted', 1)
end
return 1
