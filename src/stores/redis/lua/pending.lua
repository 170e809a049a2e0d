-- The inbox, and which turn of it runs or has its answer already. KEYS home, inbox.

local run = redis.call('HMGET', HOME, 'turn', 'answer')
return { run[1] or '', holder() and 1 or 0, run[2] and 1 or 0, redis.call('LRANGE', INBOX, 0, -1) }
