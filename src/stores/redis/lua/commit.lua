-- Append a turn's messages to its conversation, once, and end the turn if its answer was delivered.
-- KEYS home, inbox, due, conversation, messages, turns, updated. ARGV[2] the answer's JSON, then role and JSON of each message.
-- Replies {status, next, amended}.

local CONVERSATION, MESSAGES, TURNS = KEYS[4], KEYS[5], KEYS[6]
local turn, token = given.turn, given.token
-- The question was changed since this claim read it: the title by its new first words.
local amended = redis.call('HGET', HOME, 'amended:' .. turn)

-- The messages of the turn that is asked anew, and all after it. Costs what is dropped.
local function drop_replaced()
  local place = given.replaces and redis.call('HGET', TURNS, given.replaces)
  local first = place and tonumber(string.match(place, '^%d+'))
  if not first then
    return
  end
  for _, message in ipairs(redis.call('LRANGE', MESSAGES, first, -1)) do
    redis.call('HDEL', TURNS, (string.match(message, '^%S+')))
  end
  if first == 0 then
    redis.call('DEL', MESSAGES)
  else
    redis.call('LTRIM', MESSAGES, 0, first - 1)
  end
  redis.call('HSET', TURNS, given.replaces, '=' .. turn)
  forget_summary(first)
end

local function append()
  local first, answer = redis.call('LLEN', MESSAGES), '-'
  for i = 3, #ARGV, 2 do
    local message = ARGV[i + 1]
    if amended and ARGV[i] == 'user' then
      message = with_text(message, text_of(redis.call('LINDEX', INBOX, 0)))
    end
    local count = redis.call('RPUSH', MESSAGES, turn .. ' ' .. message)
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
    redis.call('HSETNX', CONVERSATION, 'p:' .. member(4, user), now + i)
  end
  local title = amended or given.title
  if title and title ~= '' and redis.call('HGET', CONVERSATION, 'titledBy') == 'none' then
    redis.call('HSET', CONVERSATION, 'title', title, 'titledBy', 'text')
  end
  redis.call('HSET', CONVERSATION, 'updatedAt', now)
  redis.call('ZADD', KEYS[7], now, given.conversation)
end

local over, told = finished(turn, token)
if over then
  return { 'ok', pass_on(), told and 1 or 0 }
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
if given.delivered then
  finish(turn, token, amended)
end
return { 'ok', given.delivered and pass_on(), amended and 1 or 0 }
