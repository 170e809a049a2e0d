-- A conversation with a window of its messages, read from the tail. KEYS conversation, messages, turns.
-- Replies {fields, count, seq of the first message, messages newest first, places of their turns newest first}.

local fields = redis.call('HGETALL', KEYS[1])
if #fields == 0 then
  return false
end
local count = redis.call('LLEN', KEYS[2])
local first = math.min(given.before or count, count)
-- Where only so many bytes may come, few at a time are looked at.
local step = given.bytes and 32 or given.messages
local window, size = {}, 0

local function take(message)
  size = size + #message - string.find(message, ' ', 1, true)
  if given.bytes and #window > 0 and size > given.bytes then
    return false
  end
  window[#window + 1] = message
  first = first - 1
  return true
end

local more = true
while more and first > 0 and #window < given.messages do
  local from = math.max(0, first - math.min(step, given.messages - #window))
  local chunk = redis.call('LRANGE', KEYS[2], from, first - 1)
  for i = #chunk, 1, -1 do
    more = more and take(chunk[i])
  end
end

local places = {}
if redis.call('HEXISTS', KEYS[1], 'rated') == 1 then
  for i, message in ipairs(window) do
    places[i] = redis.call('HGET', KEYS[3], (string.match(message, '^%S+'))) or ''
  end
end
return { fields, count, first, window, places }
