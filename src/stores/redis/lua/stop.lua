-- Mark a conversation's turns, or one of them, as stopped. KEYS home, inbox. Replies the turns.

local stopped = {}
local run = redis.call('HMGET', HOME, 'turn', 'answer')
for _, entry in ipairs(redis.call('LRANGE', INBOX, 0, -1)) do
  local turn, conversation = parse(entry)
  local answered = run[2] and turn == run[1]
  if conversation == given.conversation and (not given.turn or given.turn == turn) and not answered then
    redis.call('HSET', HOME, 'stop:' .. turn, 1)
    stopped[#stopped + 1] = turn
  end
end
return stopped
