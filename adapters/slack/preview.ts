import { codeOf, SlackError } from './errors.ts'
import type { Clock } from './gates.ts'
import { createRenderer } from './markdown.ts'
import { type Content, createPacker, isBlankContent, joined, type Part, type Spot, streamLimits } from './segments.ts'
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
  /** More text. Resolves when it is shown, or kept for the next call because Slack asks to wait. */
  push(delta: string): Promise<void>
  /** No more is shown, but what the open message still takes: null when nothing is open, or it is not sure what it holds. */
  finish(rest: string): Last | null
  readonly messages: Held[]
  /** All text so far. */
  readonly text: string
  /** The first message's call got lost: it may stand there without us knowing its name. */
  readonly lostOne: boolean
}

export function createPreview(options: {
  thread: Thread
  clock: Clock
  /** Resolves when it is remembered that this message exists. */
  remember(ts: string): Promise<void>
}): Preview {
  const { thread, clock, remember } = options
  const renderer = createRenderer()
  const packer = createPacker(streamLimits)
  const messages: Held[] = []
  /** What is not sent yet. `fresh`: it begins a new message. */
  const pending: { content: Content; fresh: boolean }[] = []
  let text = ''
  let begunAt = 0
  let over = false
  let lostOne = false

  const current = (): Held | undefined => messages.at(-1)

  function take(contents: readonly Content[]): void {
    const [more, ...further] = contents
    const last = pending.at(-1)
    if (!last) pending.push({ content: more!, fresh: messages.length === 0 })
    else last.content = { start: last.content.start, end: more!.end, parts: joined([last.content.parts, more!.parts]) }
    for (const content of further) pending.push({ content, fresh: true })
  }

  async function flush(): Promise<void> {
    for (let next = pending[0]; next; next = pending[0]) {
      const { content, fresh } = next
      if (content.parts.length > 0) {
        if (isBlankContent(content.parts) && pending.length === 1) return
        const method = fresh ? 'chat.startStream' : 'chat.appendStream'
        if (thread.limitedUntil(method) > clock.now()) return
        if (!(await send(content, fresh))) return
      }
      pending.shift()
    }
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
      const lost = !(thrown instanceof SlackError) || thrown.outcome === 'unknown'
      const message = current()
      if (fresh) lostOne ||= lost
      else if (message) {
        message.doubtful = lost
        if (ended.has(codeOf(thrown))) message.open = false
      }
      throw thrown
    }
  }

  async function begin(content: Content): Promise<void> {
    const before = current()
    if (before?.open) {
      await thread.stop(before.ts, [], []).catch((thrown: unknown) => {
        if (!ended.has(codeOf(thrown))) throw thrown
      })
      before.open = false
    }
    const ts = await thread.start(content.parts)
    messages.push({ ts, parts: content.parts, end: content.end, open: true, doubtful: false })
    begunAt = clock.now()
    await remember(ts)
  }

  return {
    messages,
    get text() {
      return text
    },
    get lostOne() {
      return lostOne
    },
    async push(delta) {
      text += delta
      if (over) return
      const age = current()?.open ? clock.now() - begunAt : 0
      if (age > turnAtParagraphMs) packer.turn(age > turnAtOnceMs ? 'now' : 'paragraph')
      take(packer.add(renderer.push(delta)))
      try {
        await flush()
      } catch (thrown) {
        over = true
        throw thrown
      }
    },
    finish(rest) {
      const whole = !over
      over = true
      if (!whole) return null
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

/** The message takes no more; what was taken before stands. */
export const ended: ReadonlySet<string> = new Set(['message_not_in_streaming_state', 'stopped_by_user'])
