-- Store a message in the inbox of its home, once. KEYS home, inbox, due, conversation, updated; conversation, messages and turns
-- of given.likely; seen...; ARGV[2] its JSON.
-- given.into: the message is for the conversation of KEYS[4]; `named`: the user has to take part in it; `pointed`: a
-- place points at it. Otherwise the place decides, and KEYS[4] is the conversation to begin if it points nowhere.
-- Replies {status, conversation, turn} and, when it is claimed, {.., acceptedAt, attempt, draft, answer, stopped}, and then
-- what `read_window` does if the message came to the conversation for which that was likely.

local known, became = recall(9)
if known then
  -- Ids of the same message that were not named the first time.
  remember(9, known, became)
  if not given.into and string.sub(known, 1, #given.home) ~= given.home then
    return { 'elsewhere', known, became, 0 }
  end
  if given.token and holds(given.token, became) then
    local run = running()
    local _, _, at = parse(run[1])
    return { 'accepted', known, became, tonumber(at), run[2], run[3], run[4], run[5] }
  end
  return { became == given.mine and 'accepted' or 'duplicate', known, became }
end

local conversation, begins = given.conversation, false
if given.into then
  if redis.call('EXISTS', KEYS[4]) == 0 then
    return { 'gone' }
  end
  if given.into == 'named' and redis.call('HEXISTS', KEYS[4], 'p:' .. member(4, given.user or '')) == 0 then
    return { 'denied' }
  end
  -- What is said in private does not get into a shared conversation, nor the other way.
  if tonumber(redis.call('HGET', KEYS[4], 'direct')) ~= given.direct then
    return { given.into == 'named' and 'denied' or 'gone' }
  end
else
  local to, used, muted = pointer()
  -- The same for what was born here. Of what was not, the second step can tell.
  if to and tonumber(redis.call('HGET', HOME, 'toDirect') or given.direct) ~= given.direct then
    to = nil
  end
  if given.followUpMs and (not to or muted or now - used >= given.followUpMs) then
    return { 'ignored' }
  end
  if muted then
    redis.call('HDEL', HOME, 'muted')
  end
  if to then
    point(to)
    redis.call('PEXPIREAT', HOME, now + given.pointerMs)
    if string.sub(to, 1, #given.home) ~= given.home then
      remember(9, to, given.turn)
      return { 'elsewhere', to, given.turn, 1 }
    end
    conversation = to
  else
    begins = true
  end
end

if redis.call('LLEN', INBOX) >= given.maxWaiting then
  return { 'full' }
end

if begins then
  redis.call('HSET', KEYS[4], 'id', conversation, 'title', '', 'titledBy', 'none', 'createdAt', now, 'updatedAt', now,
    'surface', given.surface, 'direct', given.direct)
  if given.audience then
    redis.call('HSET', KEYS[4], 'audience', given.audience)
  end
  redis.call('ZADD', KEYS[5], now, conversation)
  if given.user then
    redis.call('HSET', KEYS[4], 'p:' .. given.user, now)
  end
  point(conversation)
  redis.call('HSET', HOME, 'toDirect', given.direct)
end

remember(9, conversation, given.turn)
local waiting = redis.call('RPUSH', INBOX, given.turn .. ' ' .. conversation .. ' ' .. now .. ' ' .. ARGV[2])
redis.call('PEXPIREAT', INBOX, now + given.pointerMs)
local reply = { 'accepted', conversation, given.turn }
if given.token and waiting == 1 then
  local run = claim(given.token, given.ms)
  reply = { 'accepted', conversation, given.turn, now, run[2], run[3], run[4], run[5] }
  if given.window and conversation == given.likely then
    reply[9] = read_window(6, given.window)
  end
else
  redis.call('ZADD', DUE, 'NX', now, given.home)
end
redis.call('HSET', HOME, 'at', now)
redis.call('PEXPIREAT', HOME, now + given.pointerMs)
return reply
