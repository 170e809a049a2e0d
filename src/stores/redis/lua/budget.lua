-- One allowance in one window. KEYS budget (used, held, the window's end, and = with a turn: what it holds), reserved (turns
-- by the end of their holds). Holds where given.limit is there, settles where only given.turn is, else tells how it stands.
-- Replies {used, held, ok}.

local state = redis.call('HMGET', KEYS[1], 'till', 'used', 'held')
local used, held = tonumber(state[2] or 0), tonumber(state[3] or 0)

local function free(turn)
  held = held - (redis.call('HGET', KEYS[1], '=' .. turn) or 0)
  redis.call('HDEL', KEYS[1], '=' .. turn)
  redis.call('ZREM', KEYS[2], turn)
  redis.call('HSET', KEYS[1], 'held', held)
end

if tonumber(state[1] or 0) <= now then
  redis.call('DEL', KEYS[1], KEYS[2])
  used, held = 0, 0
else
  for _, turn in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now)) do
    free(turn)
  end
end

local mine = given.turn and tonumber(redis.call('HGET', KEYS[1], '=' .. given.turn) or nil)
local ok = false
if given.limit then
  ok = used + held - (mine or 0) < given.limit or (mine and given.amount <= mine)
end
if mine then
  free(given.turn)
end
if ok then
  held = held + given.amount
  redis.call('HSET', KEYS[1], 'used', used, 'held', held, 'till', given.endsAt, '=' .. given.turn, given.amount)
  redis.call('ZADD', KEYS[2], math.min(now + given.holdMs, given.endsAt), given.turn)
  redis.call('PEXPIREAT', KEYS[1], given.endsAt)
  redis.call('PEXPIREAT', KEYS[2], given.endsAt)
elseif mine and not given.limit then
  used = used + given.amount
  redis.call('HSET', KEYS[1], 'used', used)
end
return { used, held, ok and 1 or 0 }
