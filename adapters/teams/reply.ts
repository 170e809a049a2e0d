import { Fault, messageOf } from '../../src/errors.ts'
import type { Answer, Draft, JsonObject, Log, Notice, Reply } from '../../src/types.ts'
import { type Buttons, buttonCard } from './cards.ts'
import type { Clock } from './clock.ts'
import type { Limits } from './config.ts'
import { isFaulty, isTooLarge, TeamsError } from './errors.ts'
import type { Address } from './incoming.ts'
import { createRenderer, render } from './markdown.ts'
import type { Person } from './mentions.ts'
import { doubt, envelope, type Message, messageActivity, strayWords } from './message.ts'
import { createMessages, readSaved } from './messages.ts'
import { createPatience } from './patience.ts'
import { bytesOf, split } from './split.ts'
import { createStream } from './streaming.ts'
import type { Spot, Transport } from './transport.ts'

export interface ReplyOptions {
  transport: Transport
  address: Address
  draft: Draft
  about: { conversation: string; turn: string }
  clock: Clock
  limits: Limits
  log: Log
  /** The conversation on the web page, where there is one. */
  web: string | undefined
  /** What must be said below this answer, known when it is done. */
  notes(): string[]
  /** The person pressed Teams' own Stop. */
  cancelled(): void
  /** This message belongs to the answer: what people do with the one is about the other. */
  posted(id: string): void
}

const thinking = 'Thinking…'
/** So many previews in a row may fail before there are none any more. */
const maxFailures = 3

/**
 * One answer. In the personal chat it is streamed; in groups and channels it is one message, which grows only if the answer
 * is long in coming. In the end the messages hold the answer, whatever happened before.
 */
export function createReply(options: ReplyOptions): Reply {
  const { transport, address, about, clock, limits, log } = options
  const spot: Spot = { serviceUrl: address.serviceUrl, conversation: address.conversation }
  const personal = address.scope === 'personal'
  const saved = readSaved(options.draft)
  /** An earlier try showed something: it is not continued but replaced. */
  const succeeds = saved !== null
  const beganAt = clock.now()
  const renderer = createRenderer()
  let typedAt = Number.NEGATIVE_INFINITY
  let starting: Promise<void> | undefined
  let cancelled = false
  let failures = 0
  let notes: string[] | undefined

  const stream = createStream({
    ...(saved?.stream && { known: saved.stream }),
    send: (activity, timeoutMs) => transport.send(spot, { ...activity, ...envelope(address) }, timeoutMs),
    opened: (id) => messages.opened(id),
    clock,
    limits,
    log,
  })
  if (!personal) stream.abandon()

  const messages = createMessages({
    ...{ transport, spot, stream, saved, draft: options.draft, limits, log },
    patiently: createPatience(clock),
  })

  function message(content: Message): ReturnType<typeof messageActivity> {
    return { ...messageActivity(content), ...envelope(address) }
  }

  async function typing(): Promise<void> {
    // An open stream says more, and Teams takes no other typing beside it.
    if (stream.open || clock.now() - typedAt < limits.typingMs * 0.9) return
    typedAt = clock.now()
    await transport
      .send(spot, { type: 'typing', ...envelope(address) }, limits.previewMs)
      .catch((thrown: unknown) => log.debug({ reason: messageOf(thrown) }, 'typing could not be shown'))
  }

  /** The answer as it is now, as a message that can be stopped by its button. */
  async function grow(): Promise<void> {
    const { text } = renderer
    if (text.trim() === '' || bytesOf(text) > limits.messageBytes / 2) return
    const stop = buttonCard(about, { stop: true })
    await messages.put(0, message({ text, ai: true, attachments: stop ? [stop] : [] }), 'growing')
    if (messages.cancelled) cancel()
  }

  function cancel(): void {
    cancelled = true
    log.info({}, 'an answer was stopped in Teams')
    options.cancelled()
  }

  async function preview(): Promise<void> {
    const streams = personal && !succeeds && !stream.off && messages.count === 0
    if (!streams) {
      const growing = messages.count > 0 || clock.now() - beganAt > limits.patienceMs
      return growing && !succeeds ? grow() : typing()
    }
    if (clock.now() - stream.beganAt > limits.streamMs && stream.open) return grow()
    // The first message of a longer answer must hold all that was streamed.
    if (bytesOf(renderer.text) > limits.messageBytes / 2 - 1_000) return
    const shown = await stream.show(renderer.text)
    if (shown === 'cancelled') cancel()
  }

  async function settle(compose: (plain: boolean) => Content): Promise<void> {
    await starting
    if (cancelled) return
    if (personal && !stream.open && !stream.off && messages.count === 0 && !messages.doubtful) {
      // The end of a stream can be repeated without harm, a post cannot.
      await stream.inform(thinking).catch((thrown: unknown) => {
        log.debug({ reason: messageOf(thrown) }, 'no stream for a finished answer')
      })
    }
    const { rated } = await writeAsTaken(compose)
    if (messages.cancelled) return cancel()
    const last = messages.last
    if (last && rated) options.posted(last)
    const note = messages.doubtful && (await messages.note(message(doubt(about, options.web))))
    if (note) options.posted(note)
  }

  /** As it should be; cut smaller if that is too large for Teams, and without cards and mentions if Teams finds fault with it. */
  async function writeAsTaken(compose: (plain: boolean) => Content): Promise<Content> {
    let bytes = limits.messageBytes
    let plain = false
    for (let attempt = 0; ; attempt++) {
      try {
        const content = compose(plain)
        await write(content, bytes)
        return content
      } catch (thrown) {
        if (isTooLarge(thrown) && attempt < 3) {
          bytes = Math.floor(bytes / 2)
          log.info({ bytes }, 'Teams finds a message too large; it is cut smaller')
        } else if (isFaulty(thrown)) {
          if (plain)
            throw new Fault('not_found', { cause: thrown, detail: `Teams does not take it: ${messageOf(thrown)}` })
          plain = true
          log.warn({ reason: messageOf(thrown) }, 'Teams finds fault with a message; it is sent as mere text')
        } else throw thrown
      }
    }
  }

  async function write({ text, cards, ai, rated, buttons, people }: Content, bytes: number): Promise<void> {
    const card = buttonCard(about, buttons)
    const attachments = [...cards, ...(card ? [card] : [])]
    const around = attachments.length > 0 ? bytesOf(JSON.stringify(attachments)) : 0
    const whole = messages.stray ? `${text}\n\n*${strayWords}*` : text
    const parts = split(whole, Math.max(bytes - around, bytes / 4))
    for (const [index, part] of parts.entries()) {
      const last = index === parts.length - 1
      const body = message({ text: part, ai, people, ...(last && { rated, attachments }) })
      await messages.put(index, body, 'final', last)
      if (messages.cancelled) return
    }
    await messages.trim(parts.length)
  }

  function contentOf(final: Answer, rated: boolean, plain: boolean): Content {
    const { text, cards } = render(final.text, { cards: !plain })
    notes ??= options.notes()
    const below = [...(final.notice ? [final.notice.text] : []), ...notes].map(
      (note) => `*${note.replaceAll('*', '\\*').replaceAll('<', '&lt;')}*`,
    )
    return {
      text: [text, ...below].filter((part) => part.trim() !== '').join('\n\n') || '…',
      cards,
      ai: true,
      rated,
      people: personal || plain ? [] : [...(address.people ?? []), address.from],
      buttons: { again: !plain && final.notice?.retry === true },
    }
  }

  return {
    get paceMs() {
      return personal && !stream.off && messages.count === 0 ? limits.streamPaceMs : limits.updatePaceMs
    },
    // Teams forgets about typing within seconds; a stream says for itself how far it is.
    ...(!(personal && !succeeds) && { startedMs: limits.typingMs }),
    async started() {
      starting = (personal && !succeeds ? stream.inform(thinking) : typing()).catch((thrown: unknown) => {
        log.info({ reason: messageOf(thrown) }, 'could not show that an answer is on its way')
      })
      await starting
    },
    async text(delta) {
      renderer.push(delta)
      await starting
      if (cancelled) return
      try {
        await preview()
        failures = 0
      } catch (thrown) {
        // What one call did not show, the next one may.
        if (!(thrown instanceof TeamsError) || ++failures === maxFailures) throw thrown
        log.info({ reason: thrown.message }, 'a preview was not taken')
      }
    },
    done: (final) => settle((plain) => contentOf(final, true, plain)),
    async stopped(final) {
      if (final.text.trim() !== '') return settle((plain) => contentOf(final, false, plain))
      // Nothing was said: a line that it was stopped, or (the conversation was deleted) nothing at all.
      const { notice } = final
      if (notice) return settle(() => said(notice, {}))
      await starting
      if (!cancelled) await messages.clear(message({ text: 'Deleted.' }))
    },
    failed: (notice) => settle((plain) => said(notice, plain ? {} : { again: notice.retry, web: options.web })),
  }
}

interface Content {
  text: string
  cards: JsonObject[]
  /** A model wrote it. */
  ai: boolean
  rated: boolean
  buttons: Buttons
  /** Whom it may mention. */
  people: readonly Person[]
}

function said(notice: Notice, buttons: Buttons): Content {
  return { text: notice.text, cards: [], ai: false, rated: false, buttons, people: [] }
}
