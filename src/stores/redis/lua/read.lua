-- A conversation with a window of its messages. KEYS conversation, messages, turns. Replies as `read_window`.

return read_window(1, given)
