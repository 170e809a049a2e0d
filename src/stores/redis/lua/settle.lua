-- A turn is over. KEYS home, inbox, due, conversation, messages, turns, updated. Replies {status, next}.

if finished(given.turn, given.token) then
  return { 'ok', pass_on() }
end
if holds(given.token, given.turn) then
  finish(given.turn, given.token)
  return { 'ok', pass_on() }
end
if redis.call('EXISTS', KEYS[4]) == 1 then
  return { 'lost', false }
end
return { 'gone', pass_on() }
