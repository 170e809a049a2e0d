-- The second step refused the message: forget that it was seen, so that it may come again. KEYS seen...

for i = 1, #KEYS do
  local mark = redis.call('GET', KEYS[i])
  if mark and string.find(mark, given.conversation .. ' ' .. given.turn .. ' ', 1, true) == 1 then
    redis.call('DEL', KEYS[i])
  end
end
return 1
