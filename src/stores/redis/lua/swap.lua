-- Write a cached text only if another is there. KEYS cache; ARGV[2] the expected text behind an =, or nothing for none; ARGV[3]
-- the new one likewise. A repeat of the last swap (its reply was lost) is told the same: so a deletion leaves a mark (!) with
-- its id for a while. Replies 1 if it was swapped.

local stored = redis.call('GET', KEYS[1]) or ''
local till, by, gone, value = string.match(stored, '^(%d+),?([%w_-]*)(!?) (.*)$')
if by == given.swap then
  return 1
end
local held = ''
if till and tonumber(till) > now and gone == '' then
  held = '=' .. value
end
if held ~= ARGV[2] then
  return 0
end
local new = given.till .. ',' .. given.swap
if ARGV[3] == '' then
  new = new .. '! '
else
  new = new .. ' ' .. string.sub(ARGV[3], 2)
end
redis.call('SET', KEYS[1], new, 'PXAT', given.till)
return 1
