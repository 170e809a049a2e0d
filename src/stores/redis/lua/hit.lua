-- Count. KEYS counter. A repeat of the last hit (its reply was lost) counts once. Replies {count, resetsAt}.

local window = redis.call('HMGET', KEYS[1], 'count', 'until', 'last')
local count, till = tonumber(window[1] or 0), tonumber(window[2] or 0)
if till <= now then
  count, till = 0, now + given.ms
end
if count > 0 and window[3] == given.hit then
  return { count, till }
end
redis.call('HSET', KEYS[1], 'count', count + 1, 'until', till, 'last', given.hit)
redis.call('PEXPIREAT', KEYS[1], till)
return { count + 1, till }
