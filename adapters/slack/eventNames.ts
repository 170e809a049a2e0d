/** The events that are listened to, see events.ts. */
export const eventNames = [
  'agent_session_stopped',
  'app_context_changed',
  'app_home_opened',
  'app_mention',
  'app_uninstalled',
  'member_joined_channel',
  'member_left_channel',
  'message',
  'tokens_revoked',
] as const
