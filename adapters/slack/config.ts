/** What the Slack surface needs to know of the configuration. Secrets come as plain strings and are never logged. */
export interface SlackConfig {
  /** Checks what comes to `/slack/events`. Not needed in Socket Mode alone. */
  signingSecret?: string
  /** One workspace (or one organisation): the bot's token, `xoxb-…`. */
  botToken?: string
  /** Socket Mode: the app-level token, `xapp-…`. */
  appToken?: string
  /** Any number of workspaces, installed through `/slack/install`. Never together with `botToken`. */
  oauth?: {
    clientId: string
    clientSecret: string
    stateSecret: string
    /** 32 bytes each, in base64 or hex: the first encrypts, all decrypt. Never empty. */
    encryptionKeys: readonly string[]
  }
  /** The base of the Web API, `https://slack.com/api/` by default. */
  apiUrl?: string
  /** Ids of the workspaces and organisations whose people may use the bot. Empty: all where it is installed. */
  allowedTeams: readonly string[]
  allowGuests: boolean
  /** People of other organisations, met in Slack Connect channels. */
  allowExternal: boolean
  /** The web page's address with its base path and without a slash at the end. Without it there are no links to it. */
  publicUrl?: string
  /** For tests; see `defaults` for what holds otherwise. */
  limits?: Partial<typeof defaults>
}

export const defaults = {
  /** The largest request, as Bolt has it. */
  bodyBytes: 4 * 1024 * 1024,
  /** How far the clock of a signed request may be off, either way. */
  skewMs: 5 * 60_000,
  /** One call of the Web API. */
  callMs: 10_000,
  /** Slack may still carry a call out so long after its reply got lost. Nothing is documented about it. */
  carriedOutMs: 5_000,
  /**
   * The least time between two updates of an answer, times the answers that are being written in its workspace: they share
   * Slack's limit for appends (tier 4: 100 a minute), with something left for other instances and further messages.
   */
  updateMs: 700,
  /** How long work that nobody waits for may go on after `close`. */
  graceMs: 5_000,
}

export type Limits = typeof defaults

/** Slack is configured at all: there is a way in, and a token or a way to get one. */
export function isConfigured(config: Partial<SlackConfig>): boolean {
  return Boolean((config.signingSecret || config.appToken) && (config.botToken || config.oauth))
}
