-- End a session, if it is still this user's. KEYS session.

local session = redis.call('GET', KEYS[1])
if session and string.match(session, '^%S+ (%S*) ') == given.user then
  redis.call('DEL', KEYS[1])
end
return 1
