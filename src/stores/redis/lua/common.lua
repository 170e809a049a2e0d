-- Put in front of every other script. ARGV[1] is a JSON object of small named values, `given`; texts that are only
-- stored or handed back are further ARGV, never decoded. Keys come from KEYS alone, so that the same scripts run on a
-- Cluster; scripts about a home begin with its KEYS: home, inbox, due.

local given = cjson.decode(ARGV[1])
local HOME, INBOX, DUE = KEYS[1], KEYS[2], KEYS[3]

-- Redis' own clock, so that instances agree whatever theirs say; tests give one.
local now = given.now
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

-- An entry of an inbox: turn, conversation, acceptedAt and the incoming message's JSON, parted by blanks.
local function parse(entry)
  return string.match(entry, '^(%S+) (%S+) (%S+) ')
end

-- A text stands last in the JSON of an entry or a message, and no unescaped quote is inside of it: so it can be taken out
-- and another put in without decoding what is around it.
local function text_of(stored)
  return string.match(stored, '^.*,"text":(".*")}$')
end

local function with_text(stored, text)
  return string.match(stored, '^(.*,"text":)"') .. text .. '}'
end

-- The conversation and turn that any of the seen keys from KEYS[first] on remembers.
local function recall(first)
  for i = first, #KEYS do
    local mark = redis.call('GET', KEYS[i])
    if mark then
      local conversation, turn, till = string.match(mark, '^(%S+) (%S+) (%S+)$')
      if tonumber(till) > now and conversation ~= given.stale then
        return conversation, turn
      end
    end
  end
end

-- The first key is that of the message's own id, which is remembered for longer.
local function remember(first, conversation, turn)
  for i = first, #KEYS do
    local till = now + (i == first and given.ownIdMs or given.seenMs)
    redis.call('SET', KEYS[i], conversation .. ' ' .. turn .. ' ' .. till, 'PXAT', till)
  end
end

-- The conversation that the place of this home continues, when it was last used, and whether it is muted.
local function pointer()
  local to = redis.call('HMGET', HOME, 'to', 'toUntil', 'muted')
  if to[1] and tonumber(to[2]) > now and to[1] ~= given.stale then
    return to[1], to[2] - given.pointerMs, to[3]
  end
  return nil, nil, to[3]
end

local function point(conversation)
  redis.call('HSET', HOME, 'to', conversation, 'toUntil', now + given.pointerMs)
end

local function unpoint()
  redis.call('HDEL', HOME, 'to', 'toUntil', 'toDirect', 'muted')
end

-- Under which id someone takes part in the conversation of KEYS[at]: who was merged into another is that one by now.
local function member(at, user)
  while redis.call('HEXISTS', KEYS[at], 'p:' .. user) == 0 do
    local merged = redis.call('HGET', KEYS[at], 'm:' .. user)
    if not merged then
      break
    end
    user = merged
  end
  return user
end

-- The token of the lease, if it has not run out.
local function holder()
  local lease = redis.call('HMGET', HOME, 'token', 'until')
  if lease[1] and tonumber(lease[2]) > now then
    return lease[1]
  end
end

-- Whether this token works on this turn. A lease that ran out still counts as long as nobody else took it.
local function holds(token, turn)
  local run = redis.call('HMGET', HOME, 'token', 'turn')
  return run[1] == token and run[2] == turn
end

-- The running turn: entry, attempt, draft, answer, stopped.
local function running()
  local entry = redis.call('LINDEX', INBOX, 0)
  local run = redis.call('HMGET', HOME, 'attempt', 'draft', 'answer', 'stop:' .. parse(entry))
  return { entry, tonumber(run[1]), run[2] or '', run[3] or '', run[4] and 1 or 0 }
end

-- Take the oldest message of an unleased home.
local function claim(token, ms)
  local entry = redis.call('LINDEX', INBOX, 0)
  if not entry then
    return false
  end
  local turn = parse(entry)
  if redis.call('HGET', HOME, 'turn') ~= turn then
    redis.call('HDEL', HOME, 'attempt', 'draft', 'answer', 'discard')
    redis.call('HSET', HOME, 'turn', turn)
  end
  -- Who takes it reads the text as it is now.
  redis.call('HDEL', HOME, 'amended:' .. turn)
  redis.call('HINCRBY', HOME, 'attempt', 1)
  redis.call('HSET', HOME, 'token', token, 'until', now + ms)
  redis.call('ZADD', DUE, now + ms, given.home)
  return running()
end

-- After a turn: its home's next one, claimed if a lease is offered (again, if this offer took it already).
local function pass_on()
  local offer = given.next
  local token = holder()
  if token then
    return offer and token == offer.token and running()
  end
  if redis.call('EXISTS', INBOX) == 0 then
    redis.call('ZREM', DUE, given.home)
    return false
  end
  if offer then
    return claim(offer.token, offer.ms)
  end
  redis.call('ZADD', DUE, now, given.home)
  return false
end

-- Forget all of the running turn but its inbox entry.
local function drop_run(turn)
  redis.call('HDEL', HOME, 'turn', 'attempt', 'draft', 'answer', 'discard', 'token', 'until', 'stop:' .. turn,
    'amended:' .. turn)
end

-- Drop a conversation that nothing came of, and nothing will: no messages, none waiting. KEYS conversation, messages,
-- turns, updated from 4 on.
local function discard()
  if redis.call('EXISTS', KEYS[5]) == 1 then
    return
  end
  for _, entry in ipairs(redis.call('LRANGE', INBOX, 0, -1)) do
    local _, conversation = parse(entry)
    if conversation == given.conversation then
      return
    end
  end
  redis.call('DEL', KEYS[4], KEYS[6])
  redis.call('ZREM', KEYS[7], given.conversation)
  if redis.call('HGET', HOME, 'to') == given.conversation then
    unpoint()
  end
end

-- A summary that tells of a message that is gone goes with it. KEYS conversation at 4.
local function forget_summary(seq)
  local summarized = redis.call('HGET', KEYS[4], 'summaryUpTo')
  if summarized and tonumber(summarized) > seq then
    redis.call('HDEL', KEYS[4], 'summary', 'summaryUpTo')
  end
end

-- The running turn is over. The last few are remembered with their tokens, so that a repeated call is told apart from a
-- call of someone who lost the lease. A tilde tells that the question was amended.
local function finish(turn, token, amended)
  redis.call('LPOP', INBOX)
  if redis.call('HEXISTS', HOME, 'discard') == 1 then
    discard()
  end
  drop_run(turn)
  local before = redis.call('HGET', HOME, 'settled') or ''
  local kept = string.match(before, '^%S+ %S+ %S+ %S+ %S+ %S+') or before
  redis.call('HSET', HOME, 'settled', turn .. ' ' .. token .. (amended and '~' or '') .. (kept ~= '' and ' ' .. kept or ''))
end

-- Whether this turn was ended with this token; and whether its question was amended.
local function finished(turn, token)
  local settled = ' ' .. (redis.call('HGET', HOME, 'settled') or '') .. ' '
  local told = ' ' .. turn .. ' ' .. token
  local amended = string.find(settled, told .. '~ ', 1, true)
  return amended or string.find(settled, told .. ' ', 1, true), amended
end

-- A conversation with a window of its messages, read from the tail: its fields, how many messages it has, the seq of the
-- first, the messages newest first, and the places of their turns. Nothing, if there is no such conversation. KEYS conversation,
-- messages, turns from `at` on.
local function read_window(at, window)
  local CONVERSATION, MESSAGES, TURNS = KEYS[at], KEYS[at + 1], KEYS[at + 2]
  local fields = redis.call('HGETALL', CONVERSATION)
  if #fields == 0 then
    return false
  end
  local count = redis.call('LLEN', MESSAGES)
  local first = math.min(window.before or count, count)
  -- Where only so many bytes may come, few at a time are looked at.
  local step = window.bytes and 32 or window.messages
  local found, size = {}, 0

  local function take(message)
    size = size + #message - string.find(message, ' ', 1, true)
    if window.bytes and #found > 0 and size > window.bytes then
      return false
    end
    found[#found + 1] = message
    first = first - 1
    return true
  end

  local more = true
  while more and first > 0 and #found < window.messages do
    local from = math.max(0, first - math.min(step, window.messages - #found))
    local chunk = redis.call('LRANGE', MESSAGES, from, first - 1)
    for i = #chunk, 1, -1 do
      more = more and take(chunk[i])
    end
  end

  local places = {}
  if redis.call('HEXISTS', CONVERSATION, 'rated') == 1 then
    for i, message in ipairs(found) do
      places[i] = redis.call('HGET', TURNS, (string.match(message, '^%S+'))) or ''
    end
  end
  return { fields, count, first, found, places }
end
