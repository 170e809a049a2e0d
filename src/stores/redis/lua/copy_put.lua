-- Add messages to a copy that is being made; they end by themselves unless `copy_keep` follows. KEYS conversation, messages;
-- ARGV[2..] messages; given.at: how many came before. Replies 0 if that is not how many there are.

if redis.call('EXISTS', KEYS[1]) == 1 then
  return 1
end
if given.at == 0 then
  redis.call('DEL', KEYS[2])
end
if redis.call('LLEN', KEYS[2]) ~= given.at then
  return 0
end
for i = 2, #ARGV do
  redis.call('RPUSH', KEYS[2], ARGV[i])
end
redis.call('PEXPIRE', KEYS[2], given.ms)
return 1
