-- Append a turn's messages to its conversation, once, and end the turn if its answer was delivered.
-- KEYS home, inbox, due, conversation, messages, turns. ARGV[2] the answer's JSON, then role and JSON of each message.
-- Replies {status, next}.

local CONVERSATION, MESSAGES, TURNS = KEYS[4], KEYS[5], KEYS[6]
local turn, token = given.turn, given.token

-- The messages of the turn that is asked anew, and all after it. Costs what is dropped.
local function drop_replaced()
  local place = given.replaces and redis.call('HGET', TURNS, given.replaces)
  if not place then
    return
  end
  local first = tonumber(string.match(place, '^%d+'))
  for _, message in ipairs(redis.call('LRANGE', MESSAGES, first, -1)) do
    redis.call('HDEL', TURNS, (string.match(message, '^%S+')))
  end
  if first == 0 then
    redis.call('DEL', MESSAGES)
  else
    redis.call('LTRIM', MESSAGES, 0, first - 1)
  end
  local summarized = redis.call('HGET', CONVERSATION, 'summaryUpTo')
  if summarized and tonumber(summarized) > first then
    redis.call('HDEL', CONVERSATION, 'summary', 'summaryUpTo')
  end
end

local function append()
  local first, answer = redis.call('LLEN', MESSAGES), '-'
  for i = 3, #ARGV, 2 do
    local count = redis.call('RPUSH', MESSAGES, turn .. ' ' .. ARGV[i + 1])
    if ARGV[i] == 'assistant' then
      answer = count - 1
    end
  end
  if #ARGV > 2 then
    redis.call('HSET', TURNS, turn, first .. ' ' .. answer)
  end
end

local function describe()
  for field, tokens in pairs(given.usage) do
    redis.call('HINCRBY', CONVERSATION, field, tokens)
  end
  for i, user in ipairs(given.participants) do
    redis.call('HSETNX', CONVERSATION, 'p:' .. user, now + i)
  end
  if given.title and redis.call('HGET', CONVERSATION, 'titledBy') == 'none' then
    redis.call('HSET', CONVERSATION, 'title', given.title, 'titledBy', 'text')
  end
  redis.call('HSET', CONVERSATION, 'updatedAt', now)
end

if finished(turn, token) then
  return { 'ok', pass_on() }
end
local exists = redis.call('EXISTS', CONVERSATION) == 1
if not holds(token, turn) then
  return { exists and 'lost' or 'gone', not exists and pass_on() }
end
-- With an answer the turn was appended before.
if redis.call('HEXISTS', HOME, 'answer') == 0 then
  if not exists then
    finish(turn, token)
    return { 'gone', pass_on() }
  end
  drop_replaced()
  append()
  describe()
  redis.call('HSET', HOME, 'answer', ARGV[2])
  if given.discard then
    redis.call('HSET', HOME, 'discard', 1)
  end
end
if not given.delivered then
  return { 'ok', false }
end
finish(turn, token)
return { 'ok', pass_on() }
