import { codeOf, ended } from './errors.ts'
import type { Clock } from './gates.ts'
import { createRenderer } from './markdown.ts'
import { type Content, createPacker, isBlankContent, joined, type Part, type Spot, streamLimits } from './segments.ts'
import { isLost, type Strays } from './strays.ts'
import type { Thread } from './thread.ts'

/** A message of the answer, and what it is sure to hold. */
export interface Held {
  ts: string
  parts: Part[]
  /** The answer up to here is in it and the ones before it. */
  end: Spot
  /** Slack still takes more for it. */
  open: boolean
  /** A call for it got lost: it may hold more than we know. */
  doubtful: boolean
}

/** Slack ends a stream five minutes after it began, whatever is sent (measured by others; not documented). */
const turnAtParagraphMs = 200_000
const turnAtOnceMs = 230_000

/** What an open message is to be ended with. `all`: the text ends with it. */
export interface Last {
  message: Held
  parts: Part[]
  end: Spot
  all: boolean
}

/** An answer while it is being written, as a growing message and further ones behind it. */
export interface Preview {
  /**
   * More text. Resolves when it is shown, or kept for the next call: because Slack asks to wait, or is slow to begin a
   * message.
   */
  push(delta: string): Promise<void>
  /**
   * No more is shown, but what the open message still takes: null when nothing is open, or it is not sure what it holds.
   * `rest`: what is missing to the whole text; null: the text is another one.
   */
  finish(rest: string | null): Promise<Last | null>
  readonly messages: Held[]
  /** All text so far. */
  readonly text: string
}

export function createPreview(options: {
  thread: Thread
  clock: Clock
  /** Messages that may stand there without our knowing of them. */
  strays: Strays
  /** How long the text after it waits for a message to be begun. */
  patienceMs: number
  /** Resolves when it is remembered which messages exist, and whether one more is being begun. */
  remember(beginning: boolean): Promise<void>
}): Preview {
  const { thread, clock, strays, patienceMs, remember } = options
  const renderer = createRenderer()
  const packer = createPacker(streamLimits)
  const messages: Held[] = []
  /** What is not sent yet. `fresh`: it begins a new message. */
  const pending: Next[] = []
  let sending: Next | undefined
  let flushing: Promise<void> | undefined
  let starting: { call: Promise<string>; since: number } | undefined
  let text = ''
  let begunAt = 0
  let over = false
  /** Some of the text is neither shown nor kept. */
  let failed = false

  const current = (): Held | undefined => messages.at(-1)

  function take([more, ...further]: readonly Content[]): void {
    const last = pending.at(-1)
    if (!last) pending.push({ content: more!, fresh: messages.length === 0 && !sending })
    else last.content = follow(last.content, more!)
    for (const content of further) pending.push({ content, fresh: true })
  }

  async function flush(): Promise<void> {
    for (let next = pending[0]; next && !over; next = pending[0]) {
      const { content, fresh } = next
      if (content.parts.length > 0) {
        if (isBlankContent(content.parts) && pending.length === 1) return
        const method = fresh ? 'chat.startStream' : 'chat.appendStream'
        if (thread.limitedUntil(method) > clock.now()) return
      }
      pending.shift()
      sending = next
      const sent = content.parts.length === 0 || (await send(content, fresh))
      sending = undefined
      if (!sent) return putBack(next)
    }
  }

  /** What came while it was refused follows it. */
  function putBack(next: Next): void {
    const more = pending[0]
    if (!more || more.fresh) return void pending.unshift(next)
    pending[0] = { content: follow(next.content, more.content), fresh: next.fresh }
  }

  /** False: Slack asks to wait. */
  async function send(content: Content, fresh: boolean): Promise<boolean> {
    try {
      if (fresh) await begin(content)
      else {
        const message = current()!
        await thread.append(message.ts, content.parts)
        message.parts = joined([message.parts, content.parts])
        message.end = content.end
      }
      return true
    } catch (thrown) {
      if (codeOf(thrown) === 'ratelimited') return false
      over = true
      failed = true
      const message = current()
      if (!fresh && message) {
        message.doubtful = isLost(thrown)
        if (ended.has(codeOf(thrown))) message.open = false
      }
      throw thrown
    }
  }

  async function begin(content: Content): Promise<void> {
    const before = current()
    if (before) await remember(true)
    if (before?.open) {
      await thread.stop(before.ts, [], []).catch((thrown: unknown) => {
        if (!ended.has(codeOf(thrown))) throw thrown
      })
      before.open = false
    }
    if (over) return
    const ts = await started(content)
    if (ts === null) return
    messages.push({ ts, parts: content.parts, end: content.end, open: true, doubtful: false })
    begunAt = clock.now()
    await remember(false)
  }

  /** Null: nobody waited for it, and it was handed over. */
  async function started(content: Content): Promise<string | null> {
    const here = { call: thread.start(content.parts), since: clock.now() }
    starting = here
    try {
      const ts = await here.call
      return starting === here ? ts : null
    } catch (thrown) {
      if (starting !== here) return null
      if (isLost(thrown)) strays.lost(here.since)
      throw thrown
    } finally {
      if (starting === here) starting = undefined
    }
  }

  return {
    messages,
    get text() {
      return text
    },
    async push(delta) {
      text += delta
      if (over) return
      const age = current()?.open ? clock.now() - begunAt : 0
      if (age > turnAtParagraphMs) packer.turn(age > turnAtOnceMs ? 'now' : 'paragraph')
      take(packer.add(renderer.push(delta)))
      if (flushing) return
      const begins = pending.some(({ fresh }) => fresh)
      flushing = flush().finally(() => {
        flushing = undefined
      })
      await (begins ? within(patienceMs, flushing) : flushing)
    },
    async finish(rest) {
      const wasOver = over
      over = true
      const begun = starting
      starting = undefined
      if (begun) strays.late(begun.call, begun.since)
      else await flushing?.catch(() => {})
      if (wasOver || failed || begun || rest === null) return null
      text += rest
      take(packer.add([...renderer.push(rest), ...renderer.end()]))
      const message = current()
      if (!message?.open || message.doubtful) return null
      const next = pending[0]
      const goesOn = next && !next.fresh
      const parts = goesOn && !isBlankContent(next.content.parts) ? next.content.parts : []
      const further = pending.slice(goesOn ? 1 : 0).some(({ content }) => !isBlankContent(content.parts))
      return { message, parts, end: goesOn ? next.content.end : message.end, all: !further }
    },
  }
}

interface Next {
  content: Content
  fresh: boolean
}

function follow(content: Content, more: Content): Content {
  return { start: content.start, end: more.end, parts: joined([content.parts, more.parts]) }
}

/** Resolves when it is done, or after so long; then it goes on. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(late.resolve, ms)
  // A failure that nobody waits for any more has told what is to be known of it.
  work.catch(() => {})
  await Promise.race([work, late.promise]).finally(() => clearTimeout(timer))
}
