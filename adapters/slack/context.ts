import type { Incoming, Log, Quote } from '../../src/types.ts'
import type { Api } from './api.ts'
import { codeOf } from './errors.ts'
import type { Names } from './names.ts'
import { type MessageEvent, readAddress, type ThreadAddress } from './payload.ts'
import { readable } from './readable.ts'
import { isOurs, type Workspaces } from './workspaces.ts'

/** So much of a thread is read: its first message and the last ones before the question. */
const messages = 40
const chars = 12_000
/** Slack gives a thread from its beginning, in pages of so many messages; so many pages are read. */
const page = 200
const mostPages = 5

/** What somebody said; everything else is Slack's own bookkeeping. */
const said = new Set([undefined, 'thread_broadcast', 'bot_message', 'file_share'])

/** What a question needs before the model sees it: readable names, and what was said in its thread before. */
export function createPrepare(options: { api: Api; names: Names; workspaces: Workspaces; log: Log }) {
  const { api, names, workspaces, log } = options

  async function quotesOf(address: ThreadAddress): Promise<Quote[]> {
    const { install, ts } = address
    const own = await workspaces.byKey(install)
    const found = (await read(address)).filter(
      (one) => one.text?.trim() && said.has(one.subtype) && !isOurs(one, own) && one.ts !== ts,
    )
    const kept = found.length > messages ? [found[0]!, ...found.slice(1 - messages)] : found
    const quotes = await Promise.all(kept.map((one) => quoteOf(install, one)))
    return within(quotes)
  }

  /**
   * What stands in the thread before the question. Each page more brings newer words, but the answer waits for them: one that
   * Slack does not give at once is done without.
   */
  async function read({ install, channel, thread, ts }: ThreadAddress): Promise<MessageEvent[]> {
    const messages: MessageEvent[] = []
    for (let count = 0, cursor = ''; count < mostPages; count++) {
      const args = { channel, ts: thread, latest: ts, limit: page, ...(cursor && { cursor }) }
      const reading = api.call(install, 'conversations.replies', args, { about: channel, impatient: count > 0 })
      const result = await (count > 0 ? reading.catch(() => undefined) : reading)
      if (Array.isArray(result?.messages)) messages.push(...(result.messages as MessageEvent[]))
      cursor = (result?.response_metadata as { next_cursor?: string } | undefined)?.next_cursor ?? ''
      if (!cursor) break
    }
    return messages
  }

  async function quoteOf(
    install: string,
    message: MessageEvent & { username?: string; bot_profile?: { name?: string } },
  ): Promise<Quote> {
    const name = message.user && !message.bot_id ? await names.person(install, message.user) : undefined
    return {
      author: name ?? message.username ?? message.bot_profile?.name ?? 'Someone',
      text: await readable(message.text ?? '', install, names),
    }
  }

  /** What was said before; without it, the question is answered as it is. */
  async function before(incoming: Incoming, address: ThreadAddress, first: boolean): Promise<Quote[]> {
    const { install, quote, inThread } = address
    if (quote) {
      const author = (await names.person(install, quote.author)) ?? 'Someone'
      return [{ author, text: await readable(quote.text, install, names) }]
    }
    if (!first || !inThread || incoming.place.direct) return []
    try {
      return await quotesOf(address)
    } catch (thrown) {
      // There is no scope for it, or Slack allows it once a minute.
      log.info({ code: codeOf(thrown) }, 'what was said in the thread before could not be read')
      return []
    }
  }

  return async function prepare(incoming: Incoming, first: boolean): Promise<{ text: string; quotes?: Quote[] }> {
    const address = readAddress(incoming.address)
    const [text, quotes] = await Promise.all([
      readable(incoming.text, address.install, names),
      address.kind === 'thread' ? before(incoming, address, first) : [],
    ])
    return { text, ...(quotes.length > 0 && { quotes }) }
  }
}

/** The newest that fit, and the first of all. */
function within(quotes: Quote[]): Quote[] {
  const [first, ...rest] = quotes
  if (!first) return []
  const head = { ...first, text: first.text.slice(0, chars / 2) }
  let left = chars - head.text.length
  const kept: Quote[] = []
  for (const quote of rest.toReversed()) {
    if (quote.text.length > left) break
    left -= quote.text.length
    kept.unshift(quote)
  }
  return [head, ...kept]
}
