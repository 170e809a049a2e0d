-- Another user has the identity: drop the new record. KEYS user.

if redis.call('HEXISTS', KEYS[1], 'pending') == 1 then
  redis.call('DEL', KEYS[1])
end
return 1
