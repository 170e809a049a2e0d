-- KEYS home, inbox, due.

if not holds(given.token, given.turn) then
  return 0
end
redis.call('HSET', HOME, 'until', now + given.ms)
redis.call('ZADD', DUE, now + given.ms, given.home)
return 1
