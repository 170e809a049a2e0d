-- Give an identity from one user (or nobody) to another (or nobody). KEYS identity. Replies who has it then.

local owner = redis.call('GET', KEYS[1])
if (owner or '') ~= given.from then
  return owner or ''
end
if given.to == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], given.to)
end
return given.to
