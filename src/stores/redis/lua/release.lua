-- Give an unfinished turn back; the try does not count. KEYS home, inbox, due.

if not holds(given.token, given.turn) then
  return 0
end
redis.call('HINCRBY', HOME, 'attempt', -1)
redis.call('HDEL', HOME, 'token', 'until')
redis.call('ZADD', DUE, now, given.home)
return 1
