import { messageOf } from '../../src/errors.ts'
import type { JsonObject, Log } from '../../src/types.ts'
import type { Clock } from './clock.ts'
import type { Limits } from './config.ts'
import { isPassing, isThrottled, isTooLarge, retryAfterOf, streamEndOf, TeamsError } from './errors.ts'
import type { Outgoing } from './transport.ts'

/** What became of the end of a stream. */
export type Finish =
  /** The final message stands under this id. */
  | { type: 'finished'; id: string }
  /** The stream is over, and what it left must be updated to the final message. */
  | { type: 'update'; id: string }
  /** The person stopped it: nothing more is to be sent. */
  | { type: 'cancelled' }

/** What became of a piece of text. */
export type Shown = 'shown' | 'skipped' | 'cancelled' | 'over'

/**
 * One native stream of a personal chat: an informative line, then the growing text, then the message. Teams takes one call
 * a second, in order, each beginning with what was shown before, for two minutes. Only what Teams acknowledged counts as
 * shown. Calls must not overlap.
 */
export interface Stream {
  /** It exists, and has not become a message yet. */
  readonly open: boolean
  /** There is no streaming in this chat, or it failed too often: the answer is to be posted. */
  readonly off: boolean
  /** When Teams' two minutes began. */
  readonly beganAt: number
  /** Begin it with a line about what is going on. */
  inform(words: string): Promise<void>
  /** All of the text so far. Throws when Teams does not take it for a reason that may pass. */
  show(text: string): Promise<Shown>
  /** Make it a message. Idempotent: may be repeated after any failure. */
  finish(message: Outgoing): Promise<Finish>
  /** It is not used any more. */
  abandon(): void
}

export interface StreamOptions {
  /** The stream of an earlier try. */
  known?: string
  send(activity: Outgoing, timeoutMs: number): Promise<{ id?: string; dropped?: true }>
  /** The stream exists from now on; resolves when that is safely remembered. */
  opened(id: string): Promise<void>
  clock: Clock
  limits: Limits
  log: Log
}

const maxStarts = 3
const maxThrottled = 6
const maxTries = 3

export function createStream(options: StreamOptions): Stream {
  const { send, clock, limits, log } = options
  let id = options.known
  let state: 'idle' | 'open' | 'ended' | 'off' = id ? 'open' : 'idle'
  let sequence = 1
  let shown = ''
  let starts = 0
  let beganAt = clock.now()
  /** When Teams takes the next call. */
  let freeAt = 0
  let remembered = id !== undefined

  /** Nothing is shown in a stream that a successor would not find: it could neither end nor replace it. */
  async function remember(): Promise<void> {
    if (remembered || !id) return
    await options.opened(id)
    remembered = true
  }

  async function turn(): Promise<void> {
    for (let wait = freeAt - clock.now(); wait > 0; wait = freeAt - clock.now()) await clock.sleep(wait)
  }

  async function call(activity: Outgoing, timeoutMs: number): Promise<{ id?: string; dropped?: true }> {
    await turn()
    try {
      return await send(activity, timeoutMs)
    } catch (thrown) {
      if (isThrottled(thrown)) freeAt = clock.now() + (retryAfterOf(thrown) ?? 2 * limits.streamGapMs)
      throw thrown
    } finally {
      freeAt = Math.max(freeAt, clock.now() + limits.streamGapMs)
    }
  }

  const piece = (streamType: string, text: string): Outgoing => ({
    type: 'typing',
    text,
    textFormat: 'markdown',
    entities: [{ type: 'streaminfo', streamType, streamSequence: sequence, ...(id && { streamId: id }) }],
  })

  async function begin(streamType: 'informative' | 'streaming', text: string): Promise<void> {
    starts++
    beganAt = clock.now()
    try {
      const made = await call(piece(streamType, text), limits.previewMs)
      if (!made.id) throw new TeamsError('stream', { status: 0, code: 'NoStreamId', outcome: 'unknown' })
      id = made.id
      state = 'open'
      sequence = 2
      if (streamType === 'streaming') shown = text
    } catch (thrown) {
      const end = streamEndOf(thrown)
      // One that runs here already was left by an instance that died before it heard the stream's id. Nobody can end it
      // without that: Teams does, two minutes after its start.
      if (end === 'off' || end === 'other' || starts >= maxStarts) state = 'off'
      throw thrown
    }
    await remember()
  }

  /** A message with our text in place of another that Teams does not take. */
  async function closeWith(message: Outgoing, text: string): Promise<void> {
    await call({ ...final(message), text }, limits.callMs)
  }

  const final = (message: Outgoing): Outgoing => ({
    ...message,
    entities: [
      { type: 'streaminfo', streamType: 'final', streamId: id! },
      ...((message.entities as JsonObject[] | undefined) ?? []),
    ],
  })

  return {
    get open() {
      return state === 'open'
    },
    get off() {
      return state === 'off'
    },
    get beganAt() {
      return beganAt
    },
    async inform(words) {
      if (state === 'idle') await begin('informative', words)
    },
    async show(text) {
      if (state === 'off' || state === 'ended') return 'over'
      if (text.trim() === '' || text === shown || !text.startsWith(shown)) return 'skipped'
      if (state === 'idle') {
        await begin('streaming', text)
        return 'shown'
      }
      await remember()
      try {
        const { dropped } = await call(piece('streaming', text), limits.previewMs)
        sequence++
        if (dropped) return 'skipped'
        shown = text
        return 'shown'
      } catch (thrown) {
        // Not taken: its number is still to come.
        if (isThrottled(thrown)) return 'skipped'
        sequence++
        const end = streamEndOf(thrown)
        if (end === 'cancelled') state = 'ended'
        if (end) return end === 'cancelled' ? 'cancelled' : 'over'
        throw thrown
      }
    },
    async finish(message) {
      await remember()
      for (let attempt = 1; ; attempt++) {
        try {
          const made = await call(final(message), limits.callMs)
          if (made.dropped && attempt < maxTries) continue
          state = 'ended'
          return { type: made.dropped ? 'update' : 'finished', id: made.id ?? id! }
        } catch (thrown) {
          if (isThrottled(thrown) && attempt < maxThrottled) continue
          // Whether it was taken or not: said again, Teams takes it or tells that it has it.
          if (isPassing(thrown) && attempt < maxTries) continue
          const end = streamEndOf(thrown)
          if (!end || isTooLarge(thrown)) throw thrown
          log.info({ end }, 'a stream was over before its message')
          if (end === 'different' && shown !== '') {
            // What was shown becomes the message first, so that it can be changed.
            await closeWith(message, shown).catch((again: unknown) =>
              log.debug({ reason: messageOf(again) }, 'a stream could not be ended with what it had shown'),
            )
          }
          state = 'ended'
          return end === 'cancelled' ? { type: 'cancelled' } : { type: 'update', id: id! }
        }
      }
    },
    abandon() {
      if (state !== 'off') state = 'ended'
    },
  }
}
