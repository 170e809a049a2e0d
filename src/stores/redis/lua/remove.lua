-- Delete a conversation and what waits for it. KEYS home, inbox, due, conversation, messages, turns, updated. Replies its users.

local users = {}
for _, field in ipairs(redis.call('HKEYS', KEYS[4])) do
  if string.sub(field, 1, 2) == 'p:' then
    users[#users + 1] = string.sub(field, 3)
  end
end
redis.call('DEL', KEYS[4], KEYS[5], KEYS[6])
redis.call('ZREM', KEYS[7], given.conversation)
if redis.call('HGET', HOME, 'to') == given.conversation then
  unpoint()
end
local head = redis.call('HGET', HOME, 'turn')
for _, entry in ipairs(redis.call('LRANGE', INBOX, 0, -1)) do
  local turn, conversation = parse(entry)
  if conversation == given.conversation then
    redis.call('LREM', INBOX, 1, entry)
    redis.call('HDEL', HOME, 'stop:' .. turn)
    -- Whoever runs it finds its lease gone; the next message need not wait for that.
    if turn == head then
      drop_run(turn)
    end
  end
end
pass_on()
return users
