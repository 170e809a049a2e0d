import type { SignInConfig } from './signIn/providers.ts'

/** What the web page needs to know of the configuration. Durations are milliseconds. */
export interface WebConfig {
  /** '' or '/bot'. */
  basePath: string
  production: boolean
  /** People are meant to come over plain HTTP, even in production: cookies are then not `Secure`. */
  plainHttp?: boolean
  sessions: {
    /** The first signs, all verify. Never empty. */
    secrets: readonly string[]
    idleMs: number
    maxMs: number
  }
  /** The longest message, in UTF-16 units. */
  maxMessageChars: number
  /** Who else signs people in. */
  signIn?: SignInConfig
  /** For tests. */
  limits?: Partial<Limits>
}

/** What is not worth a variable. */
export const usualLimits = {
  /** The largest body, as it is sent. A message of 32,000 Chinese characters in a form is 288 kB. */
  bodyBytes: 1024 * 1024,
  /** Attempts to sign in within `loginMs`; people behind one address (an office) share the second. */
  loginPerName: 10,
  loginPerAddress: 100,
  loginMs: 15 * 60_000,
  /** How long a form post waits for its answer. */
  answerMs: 120_000,
  /** A comment on a silent event stream, so that proxies keep it (most give up after 60 s, some after 30). */
  heartbeatMs: 15_000,
  /** How often it is looked whether those who have a stream open may still see it. */
  checkMs: 3_000,
  /** What may wait for a client that does not read before its stream is closed. */
  streamBytes: 512 * 1024,
  streamsPerUser: 50,
}

export type Limits = typeof usualLimits
