-- Put other messages where those are that are expected, and forget what was made of them. KEYS home, inbox, due,
-- conversation, messages; ARGV[2..] expected and new; given.at: the seq of each. Replies 0 if one was not as expected.

local as_expected = 1
for i, seq in ipairs(given.at) do
  if redis.call('LINDEX', KEYS[5], seq) == ARGV[2 * i] then
    redis.call('LSET', KEYS[5], seq, ARGV[2 * i + 1])
    forget_summary(seq)
    if seq == 0 and redis.call('HGET', KEYS[4], 'titledBy') ~= 'user' then
      redis.call('HSET', KEYS[4], 'title', '', 'titledBy', 'none')
    end
  else
    as_expected = 0
  end
end
return as_expected
