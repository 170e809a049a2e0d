import type { Answer, Draft, Log, Notice, Reply } from '../../src/types.ts'
import { type Block, footerOf, isRated, type Links, notesOn } from './blocks.ts'
import type { Limits } from './config.ts'
import { codeOf } from './errors.ts'
import type { Clock } from './gates.ts'
import type { Pace } from './pace.ts'
import type { ThreadAddress } from './payload.ts'
import { createPreview } from './preview.ts'
import { readSaved } from './saved.ts'
import { joined } from './segments.ts'
import { createStrays, isLost } from './strays.ts'
import type { Thread } from './thread.ts'
import { createWriter } from './writer.ts'

/** How long the end of a turn waits for its status to be cleared. */
const statusMs = 3_000

export interface ThreadReplyOptions {
  thread: Thread
  address: ThreadAddress
  draft: Draft
  about: { conversation: string; turn: string }
  links: Links
  log: Log
  clock: Clock
  limits: Pick<Limits, 'callMs' | 'carriedOutMs'>
  pace: Pace
  /** The question was taken back. */
  withdrawn(): boolean
}

/**
 * An answer in a thread. While it is written it is a preview: a stream, as far as Slack lets us. In the end the messages
 * hold the answer, whatever happened before: those that are sure to hold their part stay, those that may not (a lost call,
 * an earlier try that died) are rewritten, and the rest is posted.
 */
export function createThreadReply(options: ThreadReplyOptions): Reply {
  const { thread, address, draft, about, links, log, clock, limits, pace } = options
  const saved = readSaved(draft)
  /** An earlier try may have shown something: it is not continued, but rewritten in the end. */
  const succeeds = saved !== null
  let begun: Promise<void> | undefined
  /** Resolves with whether nobody knows if it was set. */
  let status: Promise<boolean> | undefined
  let streamed = succeeds
  const strays = createStrays(clock, limits.carriedOutMs)
  // Whoever died in the middle of it had begun it before now.
  if (saved?.beginning !== undefined) strays.lost(saved.beginning)

  const preview = createPreview({
    thread: {
      ...thread,
      async start(parts) {
        // Remembered before the first message exists: without it, a crash would leave one that nobody looks for.
        await begin()
        streamed = true
        return thread.start(parts)
      },
    },
    clock,
    strays,
    patienceMs: limits.callMs,
    remember: (beginning) => remember(beginning),
  })
  const writer = createWriter({ thread, address, draft, saved, strays, clock, log })

  function remember(beginning: boolean): Promise<void> {
    const messages = preview.messages.map(({ ts }) => ts)
    return draft.save({ messages, ...(beginning && { beginning: clock.now() }) })
  }

  function begin(): Promise<void> {
    begun ??= (succeeds ? Promise.resolve() : remember(true)).catch((thrown: unknown) => {
      begun = undefined
      throw thrown
    })
    return begun
  }

  /** Bring what is shown to what it shall be. Can be called again after it failed. */
  async function settle(text: string, footer: Block[]): Promise<void> {
    try {
      await begin()
      if (!succeeds && !writer.begun && (await endPreview(text, footer))) return
      await writer.write(text, footer)
    } finally {
      await clearStatus()
    }
    // The next question in this thread waits for it: only so it is clear whose message one without a name is.
    if (await writer.tidy()) await clearStatus()
  }

  /** Most answers: the stream ends with its last piece. True when all is said with that. */
  async function endPreview(text: string, footer: Block[]): Promise<boolean> {
    const { messages } = preview
    const rest = text.startsWith(preview.text) ? text.slice(preview.text.length) : null
    const last = await preview.finish(rest)
    if (rest === null) {
      writer.takeOver({ sure: [], unsure: messages })
      return false
    }
    if (last) {
      const { message } = last
      try {
        await thread.stop(message.ts, last.parts, last.all ? footer : [])
        Object.assign(message, { open: false, parts: joined([message.parts, last.parts]), end: last.end })
        streamed = false
        if (last.all) return true
      } catch (thrown) {
        log.info({ code: codeOf(thrown) }, 'a stream did not end as it should; its message is rewritten')
        message.doubtful = true
      }
    }
    writer.takeOver({
      sure: messages.filter(({ doubtful }) => !doubtful),
      unsure: messages.filter(({ doubtful }) => doubtful),
    })
    return false
  }

  /** However the call that set it went: one that is late would set it for good. */
  async function clearStatus(): Promise<void> {
    if (!status && !succeeds) return
    const cleared = (async () => {
      const lost = await status
      const calls = [thread.status('')]
      if (streamed) calls.push(thread.release())
      for (const result of await Promise.allSettled(calls))
        if (result.status === 'rejected') log.debug({ code: codeOf(result.reason) }, 'a status could not be cleared')
      if (!lost) return
      await clock.sleep(limits.carriedOutMs)
      await thread.status('').catch(() => {})
    })()
    // The next question in this thread does not wait for a Slack that hangs.
    await Promise.race([cleared, clock.sleep(statusMs)])
  }

  function footer(final: { notice?: Notice; rated: boolean }): Block[] {
    return footerOf({
      about: { c: about.conversation, t: about.turn, ...(address.shared && { w: 's' }) },
      links,
      rated: final.rated,
      ...(final.notice && { notice: final.notice }),
      notes: notesOn(address),
    })
  }

  return {
    get paceMs() {
      return pace.ms(address.install)
    },
    async started() {
      status = thread.status('is thinking…').then(
        () => false,
        (thrown: unknown) => {
          log.debug({ code: codeOf(thrown) }, 'a status could not be shown')
          return isLost(thrown)
        },
      )
      await Promise.all([begin(), status])
    },
    async text(delta) {
      if (succeeds) return
      pace.beat(address.install, about.turn)
      await preview.push(delta)
    },
    async done(final: Answer) {
      if (final.text.trim() !== '') return settle(final.text, footer({ ...final, rated: isRated(final) }))
      // Held back as a whole: the words about that are all there is to show.
      await settle(final.notice?.text ?? '', footer({ rated: false }))
    },
    async stopped(final: Answer) {
      if (final.text.trim() !== '') return settle(final.text, footer({ ...final, rated: false }))
      // Nothing was said: a line that it was stopped, or (conversation or question were deleted) nothing at all.
      await settle((!options.withdrawn() && final.notice?.text) || '', [])
    },
    failed: (notice: Notice) => settle(notice.text, notice.retry ? footer({ rated: false }) : []),
  }
}
