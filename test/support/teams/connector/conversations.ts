import { z } from 'zod'
import type { JsonObject } from '../../../../src/types.ts'
import { isObject } from '../json.ts'
import type { Person, State } from '../state.ts'
import { addPersonal } from '../world.ts'
import { type Answer, badArgument, badSyntax, Refusal, refuse } from './call.ts'
import { chatOf, post, type Room } from './messages.ts'

const creation = z.strictObject({
  isGroup: z.boolean().optional(),
  bot: z.looseObject({ id: z.string() }).optional(),
  members: z.array(z.looseObject({ id: z.string() })).optional(),
  tenantId: z.string().optional(),
  topicName: z.string().optional(),
  activity: z.record(z.string(), z.json()).optional(),
  channelData: z
    .looseObject({
      tenant: z.looseObject({ id: z.string() }).optional(),
      channel: z.looseObject({ id: z.string() }).optional(),
    })
    .optional(),
})

/** A personal chat with someone (the one there is, if there is one), or a new post in a channel. */
export function create(room: Room, body: JsonObject, serviceUrl: string): Answer {
  const parsed = creation.safeParse(body)
  if (!parsed.success) throw badSyntax(`Invalid conversation: ${z.prettifyError(parsed.error)}`)
  const { isGroup = false, members = [], tenantId, channelData } = parsed.data
  const activity = isObject(body.activity) ? body.activity : undefined
  if (isGroup) {
    const channel = channelData?.channel?.id
    if (!channel) throw badArgument('A new post needs channelData.channel.id')
    if (!activity) throw badArgument('A new post needs its activity')
    const { chat } = chatOf(room.state, channel)
    if (chat.type !== 'channel') throw badArgument('This is no channel')
    const { id } = post(room, chat.id, activity).body as { id: string }
    return { status: 201, body: { id: `${chat.id};messageid=${id}`, activityId: id, serviceUrl } }
  }
  if (!tenantId && !channelData?.tenant?.id) throw badArgument('A personal chat needs its tenant')
  if (members.length !== 1) throw badArgument('A personal chat has one member')
  const person = room.state.person(members[0]!.id)
  if (!person) throw badArgument('The member was not found')
  const known = [...room.state.chats.values()].find(
    (chat) => chat.type === 'personal' && chat.members.includes(person.id),
  )
  const chat = known ?? addPersonal(room.state, person)
  if (!chat.hasBot) throw refuse('botRemoved')
  const posted = activity && (post(room, chat.id, activity).body as { id?: string })
  return { status: 201, body: { id: chat.id, serviceUrl, ...(posted?.id && { activityId: posted.id }) } }
}

const wire = (person: Person): JsonObject => ({ ...person, objectId: person.aadObjectId })

function rosterOf(state: State, conversation: string): Person[] {
  return chatOf(state, conversation).chat.members.map((id) => state.people.get(id)!)
}

/** One member, by any of their ids. */
export function member(state: State, conversation: string, id: string): Answer {
  const roster = rosterOf(state, conversation)
  const person = state.person(id)
  if (!person || !roster.includes(person))
    throw new Refusal(404, 'MemberNotFoundInConversation', 'The specified user is not found in the given conversation.')
  return { status: 200, body: wire(person) }
}

export function members(state: State, conversation: string): Answer {
  return { status: 200, body: rosterOf(state, conversation).map(wire) }
}

export function pagedMembers(state: State, conversation: string, query: URLSearchParams): Answer {
  const size = Number(query.get('pageSize') ?? 200)
  if (!Number.isInteger(size) || size < 50 || size > 500) throw badArgument('pageSize is between 50 and 500')
  const token = query.get('continuationToken')
  const from = token ? Number(Buffer.from(token, 'base64url').toString()) : 0
  if (!Number.isInteger(from)) throw badArgument('The continuationToken is not one of ours')
  const roster = rosterOf(state, conversation)
  const next = from + size
  return {
    status: 200,
    body: {
      members: roster.slice(from, next).map(wire),
      ...(next < roster.length && { continuationToken: Buffer.from(String(next)).toString('base64url') }),
    },
  }
}
