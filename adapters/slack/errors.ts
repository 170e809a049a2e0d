/** What became of a call that failed: surely nothing, or nobody knows. */
export type Outcome = 'not done' | 'unknown'

/** A call of the Web API that failed. `code` is Slack's, or `unreachable`, `http_<status>`, `no_json`. */
export class SlackError extends Error {
  readonly method: string
  readonly code: string
  readonly outcome: Outcome
  /** Set with `ratelimited` alone. */
  readonly retryAfterMs: number | undefined

  constructor(
    method: string,
    code: string,
    options: { outcome?: Outcome; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(`${method}: ${code}`, { cause: options.cause })
    this.name = 'SlackError'
    this.method = method
    this.code = code
    this.outcome = options.outcome ?? (inDoubt.has(code) ? 'unknown' : 'not done')
    this.retryAfterMs = options.retryAfterMs
  }
}

/** Slack's own words for "something broke while it was being done". */
const inDoubt = new Set(['internal_error', 'fatal_error', 'request_timeout', 'service_unavailable'])

/** The token is of no use any more: the app was removed, or its access revoked. */
export const deadToken: ReadonlySet<string> = new Set(['account_inactive', 'token_revoked'])

/**
 * Trying again does not help now, but the installation stays: Slack says the same to requests from an address that is not
 * allowed, to an organisation that is being moved, and about a single workspace of one.
 */
export const refusedToken: ReadonlySet<string> = new Set([
  ...deadToken,
  'invalid_auth',
  'not_authed',
  'org_login_required',
  'team_access_not_granted',
])

/** Nothing can be written there, now or later. */
export const deadPlace: ReadonlySet<string> = new Set([
  'channel_not_found',
  'not_in_channel',
  'is_archived',
  'is_inactive',
  'channel_is_archived',
  'restricted_action',
  'restricted_action_read_only_channel',
  'restricted_action_thread_locked',
  'restricted_action_thread_only_channel',
  'restricted_action_non_threadable_channel',
  'thread_not_found',
  'thread_locked',
  'cannot_reply_to_message',
  'messages_tab_disabled',
  'ekm_access_denied',
  'user_is_bot',
  'as_user_not_supported',
])

/** A stream takes no more; what it took before stands. */
export const ended: ReadonlySet<string> = new Set(['message_not_in_streaming_state', 'stopped_by_user'])

export function codeOf(thrown: unknown): string {
  return thrown instanceof SlackError ? thrown.code : ''
}
