import type { Incoming, Place, Sender } from '../../src/types.ts'
import type { Envelope, MessageEvent, ThreadAddress } from './payload.ts'
import { sourceOfEvent } from './payload.ts'
import { onlyAddressed, type Word, wordOf } from './words.ts'

/** A message event, understood. Pure: the same event is understood the same way on every instance. */
export type Understood =
  | Question
  /**
   * One of the words that are an order and not a question. `addressed`: it was surely meant for us. `question`: what it is
   * where it turns out to be none.
   */
  | {
      type: 'word'
      word: Word
      /** With `link`: the one that is entered. */
      code?: string
      addressed: boolean
      id: string
      place: Place
      sender: Sender
      address: ThreadAddress
      question: Question
    }
  /** Edited, or deleted (`text` is null), at its source. `change` is the same each time this change is delivered. */
  | {
      type: 'change'
      id: string
      change: string
      place: Place
      sender: Sender
      text: string | null
      address: ThreadAddress
    }
  | { type: 'skip'; reason: string }

export interface Question {
  type: 'question'
  incoming: Incoming
  address: ThreadAddress
}

/** Who we are in the workspace an event came for. */
export interface Own {
  install: string
  botUserId?: string
  botId?: string
}

/** A channel that two organisations share belongs to neither: both get its events, each in the name of its own workspace. */
const sharedWorkspace = 'connect'

/** What people write; everything else with a subtype is Slack's own bookkeeping. */
const written = new Set([undefined, 'file_share', 'thread_broadcast'])

/** `app_mention` and `message` events. */
export function understand(body: Envelope, event: MessageEvent, known: Own): Understood {
  const own = { ...known, botUserId: body.authorizations?.[0]?.user_id ?? known.botUserId }
  if (event.subtype === 'message_changed') return understandChange(body, event, own)
  if (event.subtype === 'message_deleted') return understandDeletion(body, event, own)
  const reason = notAPersons(event, own)
  if (reason) return { type: 'skip', reason }
  const { channel, user, ts, text = '' } = event
  if (!channel || !user || !ts) return { type: 'skip', reason: 'incomplete' }

  const about = whereabouts(body, event, { channel, user, ts, thread: event.thread_ts ?? ts }, own)
  const mentioned = event.type === 'app_mention' || isMentioned(text, own)
  const addressed = about.place.direct || mentioned
  if (!addressed && !event.thread_ts) return { type: 'skip', reason: 'a message in a channel, not to us' }
  if (!addressed && startsWithMention.test(text)) return { type: 'skip', reason: 'a message to someone else' }

  const words = withoutUs(text, own)
  const files = event.files?.map(({ name }) => name ?? 'file') ?? []
  if (words === '' && files.length === 0) return { type: 'skip', reason: 'empty' }
  const question = questionOf(body, event, about, words, addressed)
  const order = wordOf(words)
  if (order && (addressed || !onlyAddressed.has(order.word)))
    return { type: 'word', ...order, addressed, ...about, question }
  return question
}

function questionOf(
  body: Envelope,
  event: MessageEvent,
  about: ReturnType<typeof whereabouts>,
  words: string,
  addressed: boolean,
): Question {
  const files = event.files?.map(({ name }) => name ?? 'file') ?? []
  const address: ThreadAddress = {
    ...about.address,
    ...(event.thread_ts && event.thread_ts !== event.ts && { inThread: true }),
    ...(files.length > 0 && { files }),
  }
  const ids = [about.id]
  if (body.event_id) ids.push(`event:${body.event_id}`)
  if (event.client_msg_id) ids.push(`client:${event.client_msg_id}`)
  return {
    type: 'question',
    address,
    incoming: {
      ids,
      sender: about.sender,
      place: about.place,
      text: words || `[attached: ${files.join(', ')}]`,
      sentAt: timeOf(about.address.ts),
      address,
      ...(!addressed && { followUp: true }),
    },
  }
}

function understandChange(body: Envelope, event: MessageEvent, own: Own): Understood {
  const { message, previous_message: before } = event
  // What is left of a deleted message that others answered to.
  if (message?.subtype === 'tombstone') return understandDeletion(body, { ...event, deleted_ts: message.ts }, own)
  if (!message) return { type: 'skip', reason: 'incomplete' }
  const reason = notAPersons({ ...message, hidden: false }, own)
  if (reason) return { type: 'skip', reason }
  // Slack unfurls links and counts replies in the same event.
  if (!message.edited || message.text === before?.text) return { type: 'skip', reason: 'the text is the same' }
  return change(body, event, message, withoutUs(message.text ?? '', own), own)
}

function understandDeletion(body: Envelope, event: MessageEvent, own: Own): Understood {
  const before = event.previous_message
  if (!before || !event.deleted_ts) return { type: 'skip', reason: 'incomplete' }
  const reason = notAPersons({ ...before, hidden: false }, own)
  if (reason) return { type: 'skip', reason }
  return change(body, event, { ...before, ts: event.deleted_ts }, null, own)
}

function change(body: Envelope, event: MessageEvent, message: MessageEvent, text: string | null, own: Own): Understood {
  const { user, ts, thread_ts } = message
  const channel = event.channel ?? message.channel
  if (!channel || !user || !ts) return { type: 'skip', reason: 'incomplete' }
  const about = whereabouts(
    body,
    { ...message, channel_type: event.channel_type },
    { channel, user, ts, thread: thread_ts ?? ts },
    own,
  )
  // An edited line of the channel that never named us is not ours; of a thread we cannot tell here.
  const ours =
    about.place.direct || thread_ts || [message, event.previous_message].some((one) => isMentioned(one?.text, own))
  if (!ours) return { type: 'skip', reason: 'a message in a channel, not to us' }
  return { type: 'change', ...about, text, change: `${about.id}:${message.edited?.ts ?? 'deleted'}` }
}

/** Where a message belongs. Must come out the same for each of its deliveries. */
function whereabouts(
  body: Envelope,
  event: MessageEvent,
  { channel, user, ts, thread }: { channel: string; user: string; ts: string; thread: string },
  own: Own,
): { id: string; place: Place; sender: Sender; address: ThreadAddress } {
  const source = sourceOfEvent(body)
  const shared = body.is_ext_shared_channel === true
  const tenant = source.enterprise ?? source.team ?? ''
  const userTeam = event.user_team ?? event.team ?? source.team ?? tenant
  const direct = event.channel_type === 'im' || channel.startsWith('D')
  const place = placeOf({ tenant, channel, thread, direct, shared })
  const home = homeOf(userTeam, source, tenant, shared)
  return {
    // The message's own id; with the team and the channel, because times are unique in a channel alone.
    id: `message:${place.workspace}:${channel}:${ts}`,
    place,
    sender: { surface: 'slack', workspace: home, id: user },
    address: {
      kind: 'thread',
      install: own.install,
      channel,
      thread,
      ts,
      user,
      home,
      userTeam,
      direct,
      ...(shared && { shared }),
      ...(home !== tenant && { external: true }),
    },
  }
}

/** Who came to a channel or left it. Undefined: that is not said. */
export function whereaboutsOf(body: Envelope, event: MessageEvent): { place: Place; sender: Sender } | undefined {
  const { channel, user } = event
  if (!channel || !user) return undefined
  return whereabouts(body, event, { channel, user, ts: '', thread: '' }, { install: '' })
}

/** `/ask` is a conversation of one person in one channel, which nobody else sees. */
export function commandPlace(tenant: string, channel: string, user: string): Place {
  return { surface: 'slack', workspace: tenant, channel, thread: `ask:${user}`, direct: true }
}

export function placeOf(of: {
  tenant: string
  channel: string
  thread: string
  direct: boolean
  shared: boolean
}): Place {
  const { tenant, channel, thread, direct, shared } = of
  return { surface: 'slack', workspace: shared ? sharedWorkspace : tenant, channel, thread, direct }
}

/** The organisation or workspace a person belongs to: ours, unless they come from elsewhere into a shared channel. */
function homeOf(
  userTeam: string,
  source: { team?: string; enterprise?: string },
  tenant: string,
  shared: boolean,
): string {
  const ours = !shared || userTeam === source.team || userTeam === source.enterprise
  return ours ? tenant : userTeam
}

/** Why a message was not written by a person, if it was not. */
function notAPersons(event: MessageEvent, own: Own): string | undefined {
  if (!written.has(event.subtype)) return `subtype ${event.subtype}`
  if (event.hidden) return 'hidden'
  if (event.bot_id || event.user === own.botUserId || event.user === 'USLACKBOT') return 'from a bot'
  return undefined
}

/** Slack writes mentions as `<@U1>` or `<@U1|name>`; what people type that looks so comes with its brackets escaped. */
const startsWithMention = /^\s*<@[UW]\w+(\|[^>]*)?>/

function mentionOf(own: Own): RegExp | undefined {
  return own.botUserId ? new RegExp(`\\s?<@${RegExp.escape(own.botUserId)}(\\|[^>]*)?>`, 'g') : undefined
}

function isMentioned(text: string | undefined, own: Own): boolean {
  return own.botUserId !== undefined && new RegExp(`<@${RegExp.escape(own.botUserId)}[|>]`).test(text ?? '')
}

function withoutUs(text: string, own: Own): string {
  const mention = mentionOf(own)
  return (mention ? text.replace(mention, '') : text).trim()
}

/** Slack's message ids are times: seconds, then a number that makes them unique. */
export function timeOf(ts: string): number {
  const ms = Math.floor(Number(ts) * 1000)
  return Number.isFinite(ms) ? ms : Date.now()
}
