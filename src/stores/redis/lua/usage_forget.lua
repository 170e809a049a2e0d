-- Count a user's rows of a month as nobody's. KEYS the user's rows of the month, then the shard's rows of its days; given.days
-- and given.ends: those days and when their rows end, in the order of the keys; ARGV[2] the user, as in the fields of a day.

local key_of = {}
for n, day in ipairs(given.days) do
  key_of[day] = n + 1
end

local rows = redis.call('HGETALL', KEYS[1])
for i = 1, #rows, 2 do
  local day, rest = string.match(rows[i], '^(%S+)( .*)$')
  local k = key_of[day]
  local sums = {}
  for number in string.gmatch(redis.call('HGET', KEYS[k], rest) or '', '%S+') do
    table.insert(sums, number)
  end
  local added = {}
  for number in string.gmatch(rows[i + 1], '%d+ ') do
    table.insert(added, string.format('%.0f', (tonumber(sums[#added + 1]) or 0) + number))
  end
  redis.call('HSET', KEYS[k], rest, table.concat(added, ' ') .. ' -')
  redis.call('HDEL', KEYS[k], ARGV[2] .. rest)
  redis.call('PEXPIREAT', KEYS[k], given.ends[k - 1])
end
redis.call('DEL', KEYS[1])
