import { z } from 'zod'
import { messageOf } from '../../src/errors.ts'
import type { Draft, JsonObject, Log } from '../../src/types.ts'
import type { Limits } from './config.ts'
import { isClosed, isMissing, streamEndOf, TeamsError } from './errors.ts'
import { hopeless, type Patience } from './patience.ts'
import type { Stream } from './streaming.ts'
import type { Outgoing, Spot, Transport } from './transport.ts'

const savedSchema = z.object({
  /** A stream that has not become a message. */
  stream: z.string().optional(),
  /** The answer's messages in order; null: one whose id Teams did not tell. */
  ids: z.array(z.string().nullable()),
  /** One more was being posted: a part of the answer, or a preview of it. */
  posting: z.enum(['final', 'growing']).optional(),
  /** Whether a part arrived nobody can tell, and nobody was told so. */
  doubt: z.literal(true).optional(),
  /** A preview was posted of which the id is not known: it may stand there, and cannot be changed. */
  stray: z.literal(true).optional(),
})

/** What a draft remembers of an answer. */
export type Saved = z.infer<typeof savedSchema>

/** A draft of an answer that shall stand in these messages. */
export function savedAs(ids: string[]): JsonObject {
  return { ids }
}

export function readSaved(draft: Draft): Saved | null {
  return draft.saved === null ? null : savedSchema.parse(draft.saved)
}

/** The messages of one answer, as Teams shows them and as a successor would find them. */
export interface Messages {
  readonly count: number
  /** The id of the last one, where it is known. */
  readonly last: string | undefined
  /** Nobody can tell whether all of it arrived. */
  readonly doubtful: boolean
  /** The beginning of the answer may stand there for good, beside the answer. */
  readonly stray: boolean
  /** The person stopped it; nothing more is sent. */
  readonly cancelled: boolean
  opened(stream: string): Promise<void>
  /**
   * Let the message at `index` show this: by the end of the stream, by an update, or by a new one. Can be called again after
   * any failure. `last`: no other comes after it.
   */
  put(index: number, message: Outgoing, kind: 'final' | 'growing', last?: boolean): Promise<void>
  /** Take away what is beyond this many. */
  trim(count: number): Promise<void>
  /** Take away everything; a stream cannot be without becoming a message first. */
  clear(message: Outgoing): Promise<void>
  /** Say something about the doubt beside the answer, once, if it can be said. Resolves with the id of what was said. */
  note(message: Outgoing): Promise<string | undefined>
}

export function createMessages(options: {
  transport: Transport
  spot: Spot
  stream: Stream
  saved: Saved | null
  draft: Draft
  patiently: Patience
  limits: Limits
  log: Log
}): Messages {
  const { transport, spot, stream, saved, draft, patiently, limits, log } = options
  let openStream = saved?.stream
  const ids: (string | null)[] = [...(saved?.ids ?? [])]
  /** What each surely shows. */
  const shown: string[] = []
  let doubtful = saved?.doubt === true
  let stray = saved?.stray === true || saved?.posting === 'growing'
  let cancelled = false
  let noted = false
  let told = false
  if (saved?.posting === 'final') {
    // Whoever posted it died before it could tell. It most likely arrived: what takes time is the way back.
    ids.push(null)
    doubtful = true
  }

  function save(posting?: Saved['posting']): Promise<void> {
    const state: JsonObject = { ids: [...ids] }
    if (openStream) state.stream = openStream
    if (posting) state.posting = posting
    if (doubtful && !told) state.doubt = true
    if (stray) state.stray = true
    return draft.save(state)
  }

  async function endStream(message: Outgoing, last: boolean): Promise<boolean> {
    let end: Awaited<ReturnType<Stream['finish']>>
    try {
      end = await stream.finish(message)
    } catch (thrown) {
      throw isClosed(thrown) ? hopeless(thrown) : thrown
    }
    openStream = undefined
    if (end.type === 'cancelled') {
      cancelled = true
      return true
    }
    ids[0] = end.id
    // If it is the last, whoever comes after us ends the stream again, and learns that it is over.
    if (end.type !== 'finished' || !last) await save()
    return end.type === 'finished'
  }

  /** False: there is no such message any more. */
  async function rewrite(id: string, message: Outgoing): Promise<boolean> {
    try {
      await patiently(() => transport.update(spot, id, message, limits.callMs))
      return true
    } catch (thrown) {
      if (isMissing(thrown)) return false
      const end = streamEndOf(thrown)
      if (!end) throw thrown
      if (end === 'cancelled') {
        cancelled = true
        return true
      }
      await remove(id)
      return false
    }
  }

  async function remove(id: string): Promise<void> {
    try {
      await patiently(() => transport.remove(spot, id, limits.callMs))
    } catch (thrown) {
      // 405: the Playground takes nothing away.
      const gone = isMissing(thrown) || (thrown instanceof TeamsError && [405, 501].includes(thrown.status))
      if (!gone) throw thrown
    }
  }

  async function post(index: number, message: Outgoing, kind: 'final' | 'growing'): Promise<void> {
    await save(kind)
    try {
      const { id } = await patiently(() => transport.send(spot, message, limits.callMs), 'once')
      if (id || kind === 'final') ids[index] = id ?? null
      else stray = true
    } catch (thrown) {
      if (!(thrown instanceof TeamsError && thrown.outcome === 'unknown')) {
        await save()
        throw thrown
      }
      // It may stand there already, and twice is worse than a word about it.
      log.warn({ reason: messageOf(thrown), kind }, 'nobody can tell whether Teams took a message')
      if (kind === 'growing') stray = true
      else {
        ids[index] = null
        doubtful = true
      }
    }
    await save()
  }

  return {
    get count() {
      return ids.length
    },
    get last() {
      return ids.at(-1) ?? undefined
    },
    get doubtful() {
      return doubtful
    },
    get stray() {
      return stray
    },
    get cancelled() {
      return cancelled
    },
    async opened(id) {
      openStream = id
      await save()
    },
    async put(index, message, kind, last = true) {
      // Whatever is shown before the answer would stand there beside it.
      if (kind === 'growing' && stray) return
      const content = JSON.stringify(message)
      if (shown[index] === content) return
      if (index === 0 && stream.open && (await endStream(message, last && kind === 'final'))) {
        shown[0] = content
        return
      }
      for (let id = ids[index]; id !== undefined; id = ids[index]) {
        if (id === null) return
        if (await rewrite(id, message)) {
          shown[index] = content
          return
        }
        ids.splice(index, 1)
        shown.splice(index, 1)
      }
      await post(index, message, kind)
      if (ids[index] !== undefined) shown[index] = content
    },
    async trim(count) {
      for (let id = ids[count]; id !== undefined; id = ids[count]) {
        if (id !== null) await remove(id)
        ids.splice(count, 1)
        await save()
      }
    },
    async clear(message) {
      if (stream.open) await endStream(message, false)
      if (!cancelled) await this.trim(0)
    },
    async note(message) {
      if (noted) return undefined
      noted = true
      try {
        const { id } = await patiently(() => transport.send(spot, message, limits.callMs), 'once')
        told = true
        await save()
        return id
      } catch (thrown) {
        log.warn({ reason: messageOf(thrown) }, 'a note about a lost answer could not be sent')
        return undefined
      }
    },
  }
}
