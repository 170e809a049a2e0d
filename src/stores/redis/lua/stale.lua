-- Who took part in a conversation in which nothing waits, if it is of the surface asked for (or of any). KEYS conversation,
-- inbox, updated. Replies nothing otherwise.

if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('ZREM', KEYS[3], given.conversation)
  return false
end
if given.surface and redis.call('HGET', KEYS[1], 'surface') ~= given.surface then
  return false
end
for _, entry in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do
  local _, conversation = parse(entry)
  if conversation == given.conversation then
    return false
  end
end

local users, since = {}, {}
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  if string.sub(fields[i], 1, 2) == 'p:' then
    local user = string.sub(fields[i], 3)
    users[#users + 1] = user
    since[user] = tonumber(fields[i + 1])
  end
end
table.sort(users, function(a, b) return since[a] < since[b] end)
return users
