-- What a place continues. KEYS home. Replies {conversation, when it was last used, muted}.

local to, used, muted = pointer()
return to and { to, used, muted and 1 or 0 }
