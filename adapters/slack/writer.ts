import { Fault } from '../../src/errors.ts'
import type { Draft, JsonObject, Log } from '../../src/types.ts'
import type { Block } from './blocks.ts'
import { codeOf, deadPlace, refusedToken, SlackError } from './errors.ts'
import type { Clock } from './gates.ts'
import { render } from './markdown.ts'
import type { ThreadAddress } from './payload.ts'
import type { Held } from './preview.ts'
import type { Saved } from './saved.ts'
import { type Content, type MessageLimits, type Part, pack, postLimits, type Spot, theBeginning } from './segments.ts'
import type { Strays } from './strays.ts'
import type { Thread } from './thread.ts'

/** Writes the final text over and behind what is there already. */
export interface Writer {
  /** Something was written or taken over: the messages are this one's now. */
  readonly begun: boolean
  /** The preview's messages: those that hold their part, and those that may not. */
  takeOver(messages: { sure: readonly Held[]; unsure: readonly Held[] }): void
  /** Resolves when the messages hold all of the text. After a failure it goes on where it was. */
  write(text: string, footer: Block[]): Promise<void>
  /** Once the text stands: takes away what came to stand beside it late. True: there was reason to look. */
  tidy(): Promise<boolean>
}

export function createWriter(options: {
  thread: Thread
  address: ThreadAddress
  draft: Draft
  saved: Saved | null
  strays: Strays
  clock: Clock
  log: Log
}): Writer {
  const { address, draft, saved, strays, clock, log } = options
  let thread = saved?.moved ? options.thread.at(saved.moved) : options.thread
  /** Messages that hold a part of the final text, in order. */
  let sure: Held[] = []
  /** Messages of ours whose text is to be replaced, in order. */
  let slots: string[] = saved?.messages ?? []
  let searched = saved === null
  /** When Slack last showed us all there was. */
  let lookedAt = 0
  let begun = saved !== null
  /** A message was posted that may stand there or not, and we may not look. */
  let unconfirmed = false

  function remember(): Promise<void> {
    const state: JsonObject = { messages: names() }
    if (!thread.inThread) state.moved = thread.channel
    if (strays.since !== undefined) state.beginning = strays.since
    return draft.save(state)
  }

  const names = (): string[] => [...sure.map(({ ts }) => ts), ...slots]

  /**
   * Messages of this answer that we do not know of: their call was lost, or whoever made it died before it could tell.
   * False: nobody knows, because we may not look.
   */
  async function search(patient: boolean): Promise<boolean> {
    const began = clock.now()
    const seen = await thread.find(names(), { since: strays.since, patient })
    searched = true
    if (seen) lookedAt = began
    await adopt(seen ?? [])
    return seen !== null
  }

  async function adopt(others: readonly string[]): Promise<void> {
    const found = [...strays.take(), ...others].filter((ts) => !names().includes(ts))
    if (found.length === 0) return
    slots = [...slots, ...found].sort()
    await remember()
  }

  async function writeHere(text: string, footer: Block[]): Promise<void> {
    // There may be whole messages, which we must not write again: of an earlier try, or whose post got lost. All else can
    // wait for `tidy`.
    if (!searched || strays.since !== undefined) await search(!searched)
    for (const message of sure.filter(({ open }) => open)) {
      await thread.close(message.ts)
      message.open = false
    }
    let limits: MessageLimits = postLimits
    for (let attempt = 0; ; attempt++) {
      try {
        await fill(contentsFrom(text, limits, footer.length > 0), footer)
        break
      } catch (thrown) {
        if (!tooMuch.has(codeOf(thrown)) || attempt === 3) throw thrown
        log.info({ code: codeOf(thrown) }, 'Slack finds a message too large; it is cut smaller')
        limits = { ...limits, chars: Math.floor(limits.chars / 2), tables: false }
      }
    }
    // An earlier try had more to say.
    await clear()
  }

  /** Take away the messages that are left. */
  async function clear(): Promise<void> {
    for (let ts = slots[0]; ts; ts = slots[0]) {
      await thread.close(ts)
      await thread.remove(ts)
      slots.shift()
      await remember()
    }
  }

  /** What is to be written from what surely is there to all of the text. */
  function contentsFrom(text: string, limits: MessageLimits, footed: boolean): Content[] {
    const spot = resumable(sure.at(-1)?.end ?? theBeginning)
    const contents = pack(render(text.slice(spot.offset), spot), limits, spot)
    if (contents.length > 0 || !footed) return contents
    const last = sure.pop()
    if (!last) return []
    // Everything is there but the footer: the last message is written once more, with it.
    slots.unshift(last.ts)
    return [{ start: last.end, end: last.end, parts: last.parts }]
  }

  async function fill(contents: readonly Content[], footer: Block[]): Promise<void> {
    for (const [index, { parts, end }] of contents.entries()) {
      const ts = await put(parts, index === contents.length - 1 ? footer : [])
      sure.push({ ts, parts, end, open: false, doubtful: false })
      await remember()
    }
  }

  /**
   * One message of the final text: in the place of one that is there, or a new one. Where we may not look whether a lost
   * one arrived, it is rather shown twice than never: once more at a time, and it says so.
   */
  async function put(parts: Part[], footer: Block[]): Promise<string> {
    for (let attempt = 0; ; attempt++) {
      for (let ts = slots[0]; ts; ts = slots[0]) {
        const there = await rewrite(ts, parts, footer)
        slots.shift()
        if (there) return ts
      }
      const since = clock.now()
      try {
        const ts = await thread.post(parts, unconfirmed ? [...footer, twiceNote] : footer)
        unconfirmed = false
        return ts
      } catch (thrown) {
        if (!(thrown instanceof SlackError) || thrown.outcome !== 'unknown') throw thrown
        strays.lost(since)
        searched = false
        if (attempt === 2 || unconfirmed) throw thrown
        // It may stand there: then it is found by what it says of its turn, and only rewritten.
        unconfirmed = !(await search(true))
      }
    }
  }

  /** False: that message is not there any more. */
  async function rewrite(ts: string, parts: Part[], footer: Block[]): Promise<boolean> {
    await thread.close(ts)
    try {
      await thread.update(ts, parts, footer)
      return true
    } catch (thrown) {
      if (codeOf(thrown) === 'message_not_found') return false
      if (!fixed.has(codeOf(thrown))) throw thrown
      await thread.remove(ts)
      return false
    }
  }

  /** The channel is closed to us, or the thread is gone: the person gets the answer where it can still be written. */
  async function move(text: string, footer: Block[], thrown: unknown): Promise<void> {
    const there = await thread.elsewhere().catch(() => null)
    if (!there) throw hopeless(thrown)
    log.info({ code: codeOf(thrown) }, 'an answer cannot be written where it was asked for; it goes to direct messages')
    thread = there
    sure = []
    slots = []
    await remember()
    await writeHere(text, [...footer, ...fromWhere(address)])
  }

  return {
    get begun() {
      return begun
    },
    takeOver(messages) {
      begun = true
      sure = [...messages.sure]
      slots = messages.unsure.map(({ ts }) => ts)
    },
    async write(text, footer) {
      begun = true
      try {
        await writeHere(text, footer).catch((thrown: unknown) => {
          if (deadPlace.has(codeOf(thrown))) return move(text, footer, thrown)
          throw thrown
        })
      } catch (thrown) {
        throw deadPlace.has(codeOf(thrown)) || refusedToken.has(codeOf(thrown)) ? hopeless(thrown) : thrown
      }
    },
    async tidy() {
      if (strays.since === undefined) return false
      await strays.settled()
      // The text stands: for what is beside it, nobody is to wait again and again.
      try {
        if (lookedAt >= strays.settledAt) await adopt([])
        else if (!(await search(true)))
          log.info({}, 'a message may stand beside the answer; in its channel we may not look for it')
        await clear()
      } catch (thrown) {
        if (!(thrown instanceof SlackError)) throw thrown
        log.warn({ code: thrown.code }, 'a message may stand beside the answer; it could not be looked for')
      }
      return true
    },
  }
}

const twiceNote: Block = {
  type: 'context',
  elements: [{ type: 'mrkdwn', text: 'Slack did not confirm this message, so it may stand here twice.' }],
}

function fromWhere(address: ThreadAddress): Block[] {
  if (address.direct) return []
  const text = `I could not answer in <#${address.channel}>, so here it is.`
  return [{ type: 'context', elements: [{ type: 'mrkdwn', text }] }]
}

/** There is no code block of ours around a table that is begun in its middle. */
function resumable(spot: Spot): Spot {
  return spot.fence?.ours ? { ...spot, fence: null } : spot
}

/** Trying again does not help: the answer stays on the web page alone. */
function hopeless(thrown: unknown): Fault {
  return new Fault('not_found', { cause: thrown, detail: `Slack does not take the answer: ${codeOf(thrown)}` })
}

const tooMuch = new Set(['msg_too_long', 'msg_blocks_too_long', 'msg_blocks_too_many', 'invalid_blocks', 'no_text'])
/** A message that cannot be changed any more. */
const fixed = new Set([
  'cant_update_message',
  'edit_window_closed',
  'streaming_state_conflict',
  'message_not_owned_by_app',
])
