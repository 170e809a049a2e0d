-- Change a conversation's title or summary. KEYS conversation. Replies 1, or 0 where it may not.

local by = redis.call('HGET', KEYS[1], 'titledBy')
if not by then
  return 0
end
if given.title then
  local rank = { none = 0, text = 1, model = 2, user = 3 }
  if rank[given.title.by] < rank[by] then
    return 0
  end
  redis.call('HSET', KEYS[1], 'title', given.title.text, 'titledBy', given.title.by)
end
if given.summary then
  redis.call('HSET', KEYS[1], 'summary', given.summary.text, 'summaryUpTo', given.summary.upTo)
end
return 1
