-- Change a turn's question, wherever it is. KEYS home, inbox, due, conversation, messages, turns, updated; ARGV[2] the JSON of the
-- new text, of an empty one if the question was deleted. Replies {when, turn, stopped turns}.

local CONVERSATION, MESSAGES, TURNS = KEYS[4], KEYS[5], KEYS[6]
local text, deleted = ARGV[2], given.deleted
local turn, when, stopped, dropped = given.turn, 'unknown', {}, false

-- The first question is what a title is made of, if no person made it.
local function retitle()
  local by = redis.call('HGET', CONVERSATION, 'titledBy')
  if by == 'user' or (by == 'model' and not deleted) then
    return
  end
  redis.call('HSET', CONVERSATION, 'title', given.title, 'titledBy', given.title == '' and 'none' or 'text')
end

-- A turn that was asked anew goes on under another.
local place = redis.call('HGET', TURNS, turn)
while place and string.sub(place, 1, 1) == '=' do
  turn = string.sub(place, 2)
  place = redis.call('HGET', TURNS, turn)
end

if place then
  local first, answer = string.match(place, '^(%d+) (%S+)')
  if first ~= answer then
    when = 'answered'
    redis.call('LSET', MESSAGES, first, with_text(redis.call('LINDEX', MESSAGES, first), text))
    forget_summary(tonumber(first))
    if first == '0' then
      retitle()
    end
  end
end

local mine = { [turn] = true }
local run = redis.call('HMGET', HOME, 'turn', 'answer')
for i, entry in ipairs(redis.call('LRANGE', INBOX, 0, -1)) do
  local waiting = parse(entry)
  local replaced = string.match(entry, '"replaces":"([%w_-]+)".*,"text":"')
  if mine[waiting] or mine[replaced or ''] then
    turn = waiting
    mine[turn] = true
    if run[1] ~= turn then
      when = 'waiting'
      if deleted then
        redis.call('LREM', INBOX, 1, entry)
        redis.call('HDEL', HOME, 'stop:' .. turn)
        dropped = true
      else
        redis.call('LSET', INBOX, i - 1, with_text(entry, text))
      end
    else
      -- Whoever answers it, or takes it over, or commits it has the head of the inbox to look at.
      redis.call('LSET', INBOX, 0, with_text(entry, text))
      if not run[2] then
        when = 'running'
        redis.call('HSET', HOME, 'amended:' .. turn, given.title)
        if deleted then
          redis.call('HSET', HOME, 'stop:' .. turn, 1)
          stopped[1] = turn
        end
      end
    end
  end
end

if dropped then
  discard()
  pass_on()
end
return { when, turn, stopped }
