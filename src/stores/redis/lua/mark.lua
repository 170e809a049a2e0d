-- First of two steps: remember at the place where a message for a conversation born elsewhere goes. KEYS seen...
-- Replies {conversation, turn, fresh}: what it became, now or at its first delivery.

local known, became = recall(1)
if known then
  remember(1, known, became)
  return { known, became, 0 }
end
remember(1, given.conversation, given.turn)
return { given.conversation, given.turn, 1 }
