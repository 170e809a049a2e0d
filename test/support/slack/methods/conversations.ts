import type { JsonObject } from '../../../../src/types.ts'
import { type Limit, perMinute, tier } from '../limits.ts'
import { invalidArguments, SlackRefusal } from '../request.ts'
import type { Channel, Message } from '../state.ts'
import { type Context, type Method, requireScope, seenChannel, wireMessage } from './method.ts'

const families = { channel: 'channels', group: 'groups', im: 'im', mpim: 'mpim' } as const

function wireChannel({ install, state }: Context, channel: Channel): JsonObject {
  const partner = [...channel.members].find((member) => member !== install.botUser)
  const shared = channel.sharedWith.length > 0
  return {
    id: channel.id,
    created: 1_700_000_000,
    is_archived: channel.archived,
    is_im: channel.kind === 'im',
    ...(channel.kind === 'im'
      ? { user: partner ?? '', is_open: true }
      : {
          name: channel.name,
          name_normalized: channel.name,
          is_channel: channel.kind === 'channel',
          is_group: channel.kind === 'group',
          is_mpim: channel.kind === 'mpim',
          is_private: channel.kind !== 'channel',
          is_member: channel.members.has(install.botUser),
          is_general: false,
          topic: { value: '', creator: '', last_set: 0 },
          purpose: { value: '', creator: '', last_set: 0 },
        }),
    is_shared: shared,
    is_ext_shared: shared,
    is_org_shared: false,
    context_team_id: channel.team,
    ...(shared && { shared_team_ids: [channel.team, ...channel.sharedWith] }),
    ...(state.teams.get(channel.team)?.enterprise && { enterprise_id: state.teams.get(channel.team)!.enterprise! }),
  }
}

function scopedChannel(context: Context, what: 'read' | 'history'): Channel {
  const channel = seenChannel(context, context.args.channel)
  requireScope(context, `${families[channel.kind]}:${what}`)
  return channel
}

const historyArgs = {
  channel: 'string!',
  cursor: 'string',
  inclusive: 'boolean',
  latest: 'ts',
  oldest: 'ts',
  limit: 'number',
  include_all_metadata: 'boolean',
} as const

/** The page of messages asked for, from a list in the order it is given out. */
function page(context: Context, messages: Message[]): JsonObject {
  const { args, app, state } = context
  const distributed = app.distribution === 'distributed'
  const most = distributed ? 15 : 999
  const limit = Math.min(Number(args.limit ?? (distributed ? 15 : 100)), most)
  if (limit < 1) throw invalidArguments('must be at least 1: limit')
  const within = messages.filter((message) => {
    if (message.ephemeral) return false
    const { oldest, latest, inclusive } = args
    if (typeof oldest === 'string' && (inclusive ? message.ts < oldest : message.ts <= oldest)) return false
    return !(typeof latest === 'string' && (inclusive ? message.ts > latest : message.ts >= latest))
  })
  const start = readCursor(args.cursor)
  const rows = within.slice(start, start + limit)
  const more = start + limit < within.length
  return {
    messages: rows.map((message) => wireMessage(state, message)),
    has_more: more,
    response_metadata: { next_cursor: more ? Buffer.from(`next:${start + limit}`).toString('base64') : '' },
  }
}

function readCursor(cursor: unknown): number {
  if (cursor === undefined || cursor === '') return 0
  const match = /^next:(\d+)$/.exec(Buffer.from(String(cursor), 'base64').toString('utf8'))
  if (!match) throw new SlackRefusal('invalid_cursor')
  return Number(match[1])
}

function checkMember({ install }: Context, channel: Channel): void {
  if (!channel.members.has(install.botUser)) throw new SlackRefusal('not_in_channel')
}

/** Since 2025-05-29, once a minute for commercially distributed apps outside the Marketplace. */
export const distributedHistory: Limit = perMinute(1)

export const conversations: Record<string, Method> = {
  'conversations.info': {
    limit: tier(3),
    args: { channel: 'string!', include_locale: 'boolean', include_num_members: 'boolean' },
    run(context) {
      const channel = scopedChannel(context, 'read')
      return { channel: { ...wireChannel(context, channel), num_members: channel.members.size } }
    },
  },

  'conversations.history': {
    limit: tier(3),
    args: historyArgs,
    run(context) {
      const channel = scopedChannel(context, 'history')
      checkMember(context, channel)
      const top = channel.messages.filter((message) => !message.thread || message.subtype === 'thread_broadcast')
      return page(context, top.toReversed())
    },
  },

  'conversations.replies': {
    limit: tier(3),
    args: { ...historyArgs, ts: 'ts!' },
    run(context) {
      const channel = scopedChannel(context, 'history')
      checkMember(context, channel)
      const asked = context.state.message(channel.id, String(context.args.ts))
      if (!asked || asked.ephemeral) throw new SlackRefusal('thread_not_found')
      const root = asked.thread ?? asked.ts
      return page(
        context,
        channel.messages.filter((message) => message.ts === root || message.thread === root),
      )
    },
  },

  'conversations.members': {
    limit: tier(4),
    args: { channel: 'string!', cursor: 'string', limit: 'number' },
    run(context) {
      const channel = scopedChannel(context, 'read')
      const members = [...channel.members]
      const start = readCursor(context.args.cursor)
      const limit = Math.min(Number(context.args.limit ?? 100), 1_000)
      const more = start + limit < members.length
      return {
        members: members.slice(start, start + limit),
        response_metadata: { next_cursor: more ? Buffer.from(`next:${start + limit}`).toString('base64') : '' },
      }
    },
  },

  'conversations.open': {
    limit: tier(3),
    args: { channel: 'string', users: 'string', return_im: 'boolean', prevent_creation: 'boolean' },
    run(context) {
      const { args, install, state } = context
      if (args.channel !== undefined) return { channel: { id: seenChannel(context, args.channel).id } }
      const users = String(args.users ?? '')
        .split(',')
        .filter((user) => user !== '')
      if (users.length === 0) throw new SlackRefusal('users_list_not_supplied')
      if (users.length > 1) throw new SlackRefusal('not_enough_users')
      requireScope(context, 'im:write')
      const person = state.people.get(users[0]!)
      if (!person) throw new SlackRefusal('user_not_found')
      if (person.bot) throw new SlackRefusal('cannot_dm_bot')
      if (person.deleted) throw new SlackRefusal('user_disabled')
      return { channel: { id: state.dm(person.id, install.botUser).id } }
    },
  },
}
