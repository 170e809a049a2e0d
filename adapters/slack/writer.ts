import { z } from 'zod'
import { Fault } from '../../src/errors.ts'
import type { Draft, JsonObject, Log } from '../../src/types.ts'
import type { Block } from './blocks.ts'
import { codeOf, deadPlace, refusedToken, SlackError } from './errors.ts'
import { render } from './markdown.ts'
import type { ThreadAddress } from './payload.ts'
import type { Held } from './preview.ts'
import { type Content, type MessageLimits, type Part, pack, postLimits, type Spot, theBeginning } from './segments.ts'
import type { Thread } from './thread.ts'

/** What a draft remembers: the answer's messages so far, and where they are if not in the question's thread. */
const savedState = z.object({ messages: z.array(z.string()), moved: z.string().optional() })
export type Saved = z.infer<typeof savedState>

export function readSaved(draft: Draft): Saved | null {
  return draft.saved && savedState.parse(draft.saved)
}

/** Writes the final text over and behind what is there already. */
export interface Writer {
  /** Something was written or taken over: the messages are this one's now. */
  readonly begun: boolean
  /** The preview's messages: those that hold their part, and those that may not. `lostOne`: there may be one more. */
  takeOver(messages: { sure: readonly Held[]; unsure: readonly Held[]; lostOne: boolean }): void
  /** Resolves when the messages hold all of the text. After a failure it goes on where it was. */
  write(text: string, footer: Block[]): Promise<void>
}

export function createWriter(options: {
  thread: Thread
  address: ThreadAddress
  draft: Draft
  saved: Saved | null
  log: Log
}): Writer {
  const { address, draft, saved, log } = options
  let thread = saved?.moved ? options.thread.at(saved.moved) : options.thread
  /** Messages that hold a part of the final text, in order. */
  let sure: Held[] = []
  /** Messages of ours whose text is to be replaced, in order. */
  let slots: string[] = saved?.messages ?? []
  let searched = saved === null
  let begun = saved !== null

  function remember(): Promise<void> {
    const state: JsonObject = { messages: [...sure.map(({ ts }) => ts), ...slots] }
    if (!thread.inThread) state.moved = thread.channel
    return draft.save(state)
  }

  /** Messages of this answer that we do not know of: their call was lost, or whoever made it died before it could tell. */
  async function search(): Promise<void> {
    const found = await thread.find([...sure.map(({ ts }) => ts), ...slots])
    if (found && found.length > 0) {
      slots = [...slots, ...found].sort()
      await remember()
    }
    searched = true
  }

  async function writeHere(text: string, footer: Block[]): Promise<void> {
    if (!searched) await search()
    for (const message of sure) if (message.open) await close(message)
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
    for (let ts = slots[0]; ts; ts = slots[0]) {
      await close({ ts })
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

  /** One message of the final text: in the place of one that is there, or a new one. */
  async function put(parts: Part[], footer: Block[]): Promise<string> {
    for (let attempt = 0; ; attempt++) {
      for (let ts = slots[0]; ts; ts = slots[0]) {
        const there = await rewrite(ts, parts, footer)
        slots.shift()
        if (there) return ts
      }
      try {
        return await thread.post(parts, footer)
      } catch (thrown) {
        if (!(thrown instanceof SlackError) || thrown.outcome !== 'unknown' || attempt === 2) throw thrown
        // It may stand there: then it is found by what it says of its turn, and only rewritten.
        await search()
      }
    }
  }

  /** False: that message is not there any more. */
  async function rewrite(ts: string, parts: Part[], footer: Block[]): Promise<boolean> {
    await close({ ts })
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

  /** A stream that may be open takes no update. */
  async function close(message: { ts: string; open?: boolean }): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        await thread.stop(message.ts, [], [])
      } catch (thrown) {
        const lost = !(thrown instanceof SlackError) || thrown.outcome === 'unknown'
        if (lost && attempt < 2) continue
        if (lost) throw thrown
      }
      message.open = false
      return
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
      searched = !messages.lostOne
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
  }
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
