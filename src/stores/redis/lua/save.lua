-- Remember what the surface shows. KEYS home; ARGV[2] the draft's JSON.

if not holds(given.token, given.turn) then
  return 0
end
redis.call('HSET', HOME, 'draft', ARGV[2])
return 1
