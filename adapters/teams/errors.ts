/**
 * What became of a call that failed. `refused`: surely nothing was done. `unknown`: it may have been done (the connector
 * broke off, or answered with a failure of its own after its work).
 */
export type Outcome = 'refused' | 'unknown'

/** A call of Teams' connector that failed. `status` 0: there was no answer. */
export class TeamsError extends Error {
  override readonly name = 'TeamsError'
  readonly status: number
  /** Teams' own code, such as `ContentStreamNotAllowed`; empty where it gave none. */
  readonly code: string
  /** Teams' own words: it tells by them alone why a stream is over. Not for people, nor the log. */
  readonly words: string
  readonly outcome: Outcome
  /** Set where Teams said how long to wait. */
  readonly retryAfterMs: number | undefined

  constructor(
    call: string,
    failure: {
      status: number
      code?: string
      words?: string
      outcome: Outcome
      retryAfterMs?: number | undefined
      cause?: unknown
    },
  ) {
    super(`${call}: ${failure.status || 'no answer'}${failure.code ? ` ${failure.code}` : ''}`, {
      cause: failure.cause,
    })
    this.status = failure.status
    this.code = failure.code ?? ''
    this.words = failure.words ?? ''
    this.outcome = failure.outcome
    this.retryAfterMs = failure.retryAfterMs
  }
}

/** Why a stream takes no more. */
export type StreamEnd =
  /** The person pressed Stop. */
  | 'cancelled'
  /** Its two minutes are over. */
  | 'expired'
  /** It is a finished message already. */
  | 'completed'
  /** The text does not begin with what was shown. */
  | 'different'
  /** There is no streaming here. */
  | 'off'
  /** Another stream runs in this chat, or Teams says something we do not know. */
  | 'other'

/** Told by the words, as Microsoft's own libraries do; undefined where the stream itself is not the matter. */
export function streamEndOf(thrown: unknown): StreamEnd | undefined {
  if (!(thrown instanceof TeamsError)) return undefined
  const { status, code } = thrown
  const words = thrown.words.toLowerCase()
  if (status === 405 || (status === 400 && words.includes('not enabled'))) return 'off'
  if (status !== 403 || isTooLarge(thrown) || !/stream/i.test(`${code} ${words}`)) return undefined
  if (words.includes('exceeded streaming time')) return 'expired'
  if (words.includes('cancel')) return 'cancelled'
  if (words.includes('completed streamed message')) return 'completed'
  if (words.includes('previously streamed content')) return 'different'
  if (words.includes('not allowed')) return 'off'
  return 'other'
}

export function isTooLarge(thrown: unknown): boolean {
  if (!(thrown instanceof TeamsError)) return false
  return thrown.status === 413 || /messagesizetoobig|message size too large/i.test(`${thrown.code} ${thrown.words}`)
}

/** Something in what was sent is wrong, and would be the next time. */
export function isFaulty(thrown: unknown): boolean {
  return thrown instanceof TeamsError && thrown.status === 400 && streamEndOf(thrown) === undefined
}

/** There is no such message (any more): somebody deleted it. */
export function isMissing(thrown: unknown): boolean {
  return thrown instanceof TeamsError && thrown.status === 404 && !/^conversation/i.test(thrown.code)
}

/** The connector or the line to it is out of order: what may be done twice is worth another try. */
export function isPassing(thrown: unknown): boolean {
  return thrown instanceof TeamsError && (thrown.status === 0 || thrown.status >= 500)
}

export function retryAfterOf(thrown: unknown): number | undefined {
  return thrown instanceof TeamsError ? thrown.retryAfterMs : undefined
}

/** Nothing can be written in that conversation, now or later: the bot was removed, blocked, or the chat is gone. */
export function isClosed(thrown: unknown): boolean {
  if (!(thrown instanceof TeamsError)) return false
  if (thrown.status === 403) return streamEndOf(thrown) === undefined && !isTooLarge(thrown)
  return thrown.status === 404 && !isMissing(thrown)
}

/** Nothing was done, and it may be tried again after a while. */
export function isThrottled(thrown: unknown): boolean {
  return thrown instanceof TeamsError && (thrown.status === 429 || thrown.status === 412)
}
