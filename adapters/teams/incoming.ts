import { z } from 'zod'
import type { Incoming, JsonObject, Place, Sender } from '../../src/types.ts'
import { type Account, type Activity, tenantOf } from './activity.ts'
import { type Choice, choiceSchema } from './choices.ts'
import { mentions, type Person, peopleIn, readable } from './mentions.ts'
import { codeOf, type Scope, type Word, wordOf } from './words.ts'

/** All that is needed to answer a message later, on any instance. */
const addressSchema = z.object({
  serviceUrl: z.string(),
  /** Where to post: of a channel, with the thread in it. */
  conversation: z.string(),
  scope: z.enum(['personal', 'groupChat', 'channel']),
  tenant: z.string(),
  bot: z.string(),
  /** Who asked, and whom the question names. */
  from: z.object({ id: z.string(), name: z.string(), person: z.string() }),
  people: z.array(z.object({ id: z.string(), name: z.string() })).optional(),
  /** It was written into a thread that was there before. */
  inThread: z.literal(true).optional(),
  /** Names of what was attached. */
  files: z.array(z.string()).optional(),
})

export type Address = z.infer<typeof addressSchema>

export function readAddress(address: JsonObject): Address {
  return addressSchema.parse(address)
}

/** What a button of ours says when it is pressed. */
const pressSchema = z.object({
  chat: z.enum(['stop', 'again', 'show']),
  conversation: z.string().max(100),
  turn: z.string().max(100),
})

export type Press = z.infer<typeof pressSchema>

export function pressData(press: Press): JsonObject {
  return { ...press }
}

/** Where something came from, whatever it is. */
export interface About {
  /** Of the message: the same however often it is delivered. */
  id: string
  place: Place
  sender: Sender
  address: Address
  sentAt: number
}

/** An activity, understood. Pure: the same activity is understood the same way on every instance. */
export type Understood =
  | { type: 'question'; incoming: Incoming; about: About }
  /** One of the words that are an order and not a question. `incoming`: for those that may be a question after all. */
  | { type: 'word'; word: Word; code?: string; about: About; incoming: Incoming }
  /** Edited, brought back, or deleted (`text` is null), at its source. */
  | { type: 'change'; text: string | null; about: About }
  | { type: 'press'; press: Press; about: About }
  /** A button of a question that we asked; `card` is the message it stands in. */
  | { type: 'choice'; choice: Choice; card?: string; about: About }
  /** People came to a team or a group, or left it. */
  | { type: 'members'; members: Member[]; about: About }
  /** The bot was added to a chat or a team. */
  | { type: 'added'; about: About }
  | { type: 'skip'; reason: string }

/** Someone who came or left. Teams does not always tell the object id (`person`). */
export interface Member {
  id: string
  person?: string
  here: boolean
}

/** Whoever an activity was sent to is us. */
export function understand(activity: Activity, options: { now: number }): Understood {
  const us = activity.recipient?.id ?? ''
  const { type, from } = activity
  if (type === 'installationUpdate')
    return added(activity, us, options.now, activity.action?.startsWith('add') ?? false)
  if (type === 'conversationUpdate') {
    const ours = activity.membersAdded?.some(({ id }) => id === us) ?? false
    return membersOf(activity, us, options.now) ?? added(activity, us, options.now, ours)
  }
  if (!['message', 'messageUpdate', 'messageDelete'].includes(type)) return { type: 'skip', reason: `type ${type}` }
  if (from.role === 'bot' || from.id.startsWith('28:')) return { type: 'skip', reason: 'from a bot' }
  const about = whereabouts(activity, us, options.now)
  if (!about) return { type: 'skip', reason: 'incomplete' }
  if (type === 'messageDelete') return { type: 'change', text: null, about }

  const entities = activity.entities ?? []
  const text = readable(activity.text ?? '', { entities, us, format: activity.textFormat })
  if (type === 'messageUpdate') return { type: 'change', text, about }
  if (activity.value !== undefined && activity.value !== null && text === '') return pressed(activity, about)
  return asked(activity, { about, text, us, addressed: about.place.direct || mentions(entities, us) })
}

function asked(
  activity: Activity,
  { about, text, us, addressed }: { about: About; text: string; us: string; addressed: boolean },
): Understood {
  const { scope } = about.address
  if (!addressed && scope !== 'channel') return { type: 'skip', reason: 'a message in a group, not to us' }
  if (!addressed && !about.address.inThread) return { type: 'skip', reason: 'a post in a channel, not to us' }
  if (!addressed && startsWithMention.test(activity.text ?? ''))
    return { type: 'skip', reason: 'a message to someone else' }
  const files = filesOf(activity)
  const empty = text === '' && files.length === 0
  // A mention and nothing else: they want to know what this is.
  const word = empty ? 'help' : wordOf(text)
  if (empty && !addressed) return { type: 'skip', reason: 'empty' }
  const people: Person[] = peopleIn(activity.entities ?? [], us)
  const address: Address = {
    ...about.address,
    ...(people.length > 0 && { people }),
    ...(files.length > 0 && { files }),
  }
  const { id, sender, place, sentAt } = about
  const incoming: Incoming = {
    ids: [id],
    sender,
    place,
    text: text || `[attached: ${files.join(', ')}]`,
    sentAt,
    address: address as unknown as JsonObject,
    ...(!addressed && { followUp: true }),
  }
  const code = codeOf(text)
  return word && addressed
    ? { type: 'word', word, ...(code && { code }), about, incoming }
    : { type: 'question', about: { ...about, address }, incoming }
}

const startsWithMention = /^\s*<at\b/i

function pressed({ value, replyToId }: Activity, about: About): Understood {
  const press = pressSchema.safeParse(value)
  if (press.success) return { type: 'press', press: press.data, about }
  const choice = choiceSchema.safeParse(value)
  return choice.success
    ? { type: 'choice', choice: choice.data, ...(replyToId && { card: replyToId }), about }
    : { type: 'skip', reason: 'a card that is none of ours' }
}

/** Undefined: nothing of people in a team or a group. When the bot comes or goes, that is what counts. */
function membersOf(activity: Activity, us: string, now: number): Understood | undefined {
  const { membersAdded, membersRemoved } = activity
  const told = (some: Partial<Account>[] | null | undefined, here: boolean): Member[] =>
    (some ?? []).flatMap(({ id, aadObjectId }) =>
      id ? [{ id, here, ...(aadObjectId && { person: aadObjectId }) }] : [],
    )
  const members = [...told(membersRemoved, false), ...told(membersAdded, true)]
  const about = whereabouts(activity, us, now)
  if (members.length === 0 || members.some(({ id }) => id === us) || !about || about.place.direct) return undefined
  return { type: 'members', members, about }
}

function added(activity: Activity, us: string, now: number, ours: boolean): Understood {
  const about = ours && whereabouts(activity, us, now)
  return about ? { type: 'added', about } : { type: 'skip', reason: `a ${activity.type}` }
}

/** Where something belongs. Must come out the same for each of its deliveries. */
export function whereabouts(activity: Activity, us: string, now: number): About | undefined {
  const { conversation, from, serviceUrl } = activity
  const tenant = tenantOf(activity)
  const id = activity.id ?? undefined
  if (!serviceUrl || !tenant || !id) return undefined
  const scope = scopeOf(activity)
  const [channel = '', root] = conversation.id.split(';messageid=', 2)
  const thread = scope === 'channel' ? root || activity.replyToId || id : undefined
  const audience = scope === 'channel' ? audienceIn(activity) : undefined
  // Without an object id it is a stranger in a meeting: nobody's account, so never a full member.
  const person = from.aadObjectId || from.id
  const at = Date.parse(activity.timestamp ?? '')
  return {
    id: `message:${channel}:${id}`,
    sentAt: Number.isFinite(at) ? at : now,
    sender: { surface: 'teams', workspace: tenant, id: person },
    place: {
      surface: 'teams',
      workspace: tenant,
      channel,
      ...(thread && { thread }),
      direct: scope === 'personal',
      ...(audience !== undefined && { audience }),
    },
    address: {
      serviceUrl,
      // An answer without the thread in its conversation would be a post of its own.
      conversation: thread ? `${channel};messageid=${thread}` : channel,
      scope,
      tenant,
      bot: us,
      from: { id: from.id, name: from.name ?? '', person },
      ...(thread && !begins(thread, id, at) && { inThread: true as const }),
    },
  }
}

/** A team's people read its channels; private and shared ones have people of their own. Undefined: those of the channel. */
function audienceIn({ channelData }: Activity): string | undefined {
  const own = /^(?:private|shared)$/i.test(channelData?.channel?.type ?? '')
  if (own || /^channelMember/i.test(channelData?.eventType ?? '')) return undefined
  return channelData?.team?.id ?? undefined
}

/**
 * A post begins its thread when it is the thread's root. Ids of Teams' messages are the milliseconds at which they were
 * written; the Playground makes up others for what it sends, but not for roots.
 */
function begins(root: string, id: string, at: number): boolean {
  return root === id || (!isTime(id) && isTime(root) && Math.abs(Number(root) - at) < 1_000)
}

const isTime = (id: string): boolean => /^\d{13}$/.test(id)

function scopeOf({ conversation }: Activity): Scope {
  if (conversation.conversationType === 'channel' || conversation.id.includes('@thread.tacv2')) return 'channel'
  if (conversation.isGroup === true) return 'groupChat'
  const personal = conversation.conversationType === 'personal' || conversation.id.startsWith('a:')
  return personal ? 'personal' : 'groupChat'
}

/** What was attached, by name. The HTML that comes beside every formatted text is no attachment of a person's. */
function filesOf(activity: Activity): string[] {
  return (activity.attachments ?? [])
    .filter(({ contentType }) =>
      /^(?:application\/vnd\.microsoft\.teams\.file\.|image\/|audio\/|video\/)/i.test(contentType ?? ''),
    )
    .map(({ name, contentType }) => name || (contentType?.startsWith('image/') ? 'an image' : 'a file'))
    .slice(0, 20)
}
