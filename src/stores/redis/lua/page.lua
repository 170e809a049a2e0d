-- A page of a user's list from its highest score down, after the entry `given.id` with `given.score`. KEYS list, user.
-- Replies the user into whom this one was merged instead, if so.

local merged = redis.call('HGET', KEYS[2], 'alias')
if merged then
  return merged
end

local page, offset = {}, 0
local from = given.score and string.format('%.0f', given.score) or '+inf'
while #page < given.limit * 2 do
  local found = redis.call('ZREVRANGEBYSCORE', KEYS[1], from, '-inf', 'WITHSCORES', 'LIMIT', offset, given.limit)
  for i = 1, #found, 2 do
    local after = not given.score or tonumber(found[i + 1]) < given.score or found[i] < given.id
    if after and #page < given.limit * 2 then
      page[#page + 1] = found[i]
      page[#page + 1] = found[i + 1]
    end
  end
  if #found < given.limit * 2 then
    break
  end
  offset = offset + given.limit
end
return page
