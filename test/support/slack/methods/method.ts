import type { JsonObject } from '../../../../src/types.ts'
import type { ArgSpec } from '../args.ts'
import type { Limit } from '../limits.ts'
import { SlackRefusal, type Uploaded } from '../request.ts'
import { type Channel, type Install, type Message, type State, streamState } from '../state.ts'

/** What a method may tell the rest of the stand-in, beyond its reply. */
export interface Echo {
  /** The message as it is now, for `changed` and `deleted`; nothing where the app does not hear of those. */
  before(message: Message): JsonObject | undefined
  posted(message: Message): void
  changed(message: Message, previous: JsonObject | undefined): void
  deleted(message: Message, previous: JsonObject | undefined): void
}

export interface AppFacts {
  id: string
  clientId: string
  clientSecret: string
  appToken: string
  /** Events the app is subscribed to. */
  events: Set<string>
  /** Its tokens end after twelve hours and are refreshed. */
  rotation: boolean
  /** `distributed`: a commercially distributed app outside the Marketplace, with its far lower history limits. */
  distribution: 'internal' | 'distributed'
}

export interface Context {
  state: State
  app: AppFacts
  echo: Echo
  install: Install
  args: JsonObject
  files: Uploaded[]
  /** Where this stand-in is reached, without a slash at the end. */
  origin: string
  limits: boolean
  /** The open Socket Mode connections' address, for one use. */
  socketUrl(): string
  triggers: Map<string, Trigger>
  authorizations: Map<string, Authorization>
  basic?: { user: string; password: string }
}

/** A person's action that allows one view to be opened, for three seconds. */
export interface Trigger {
  user: string
  team: string
  at: number
  used: boolean
  /** The modal it came from. */
  view?: string
}

/** A person agreed to install the app; the code stands for that, once. */
export interface Authorization {
  team?: string
  enterprise?: string
  user: string
  scopes: string[]
  redirectUri?: string
  at: number
  used: boolean
}

export interface Method {
  token?: 'bot' | 'app' | 'none'
  scope?: string
  limit?: Limit
  args: ArgSpec
  run(context: Context): JsonObject | Promise<JsonObject>
}

export function requireScope({ install }: Pick<Context, 'install'>, ...anyOf: string[]): void {
  if (anyOf.some((scope) => install.scopes.has(scope))) return
  throw new SlackRefusal('missing_scope', { needed: anyOf[0]!, provided: [...install.scopes].join(',') })
}

/** Whether an installation's workspaces include one that this channel belongs to or is shared with. */
export function reaches(state: State, install: Install, channel: Channel): boolean {
  return [channel.team, ...channel.sharedWith].some((team) => installedIn(state, install, team))
}

export function installedIn(state: State, install: Install, team: string): boolean {
  return (
    install.team === team ||
    (install.enterprise !== undefined && state.teams.get(team)?.enterprise === install.enterprise)
  )
}

/** A channel the token can see. Private ones the bot is not in do not exist for it. */
export function seenChannel({ state, install }: Context, id: unknown): Channel {
  const channel = typeof id === 'string' ? state.channels.get(id) : undefined
  if (!channel || !reaches(state, install, channel)) throw new SlackRefusal('channel_not_found')
  if (channel.kind !== 'channel' && !channel.members.has(install.botUser)) throw new SlackRefusal('channel_not_found')
  return channel
}

/** A channel the bot may write to. */
export function writableChannel(context: Context, id: unknown): Channel {
  const channel = seenChannel(context, id)
  if (channel.archived) throw new SlackRefusal('is_archived')
  if (!channel.members.has(context.install.botUser)) throw new SlackRefusal('not_in_channel')
  return channel
}

/** The parent of a thread that is to be replied to. */
export function parentOf({ state }: Context, channel: Channel, ts: unknown): Message {
  const parent = state.message(channel.id, String(ts))
  // Slack has no documented word for a parent that is gone; whatever it says, the reply has no place to go.
  if (!parent) throw new SlackRefusal('thread_not_found')
  if (parent.thread && parent.thread !== parent.ts) throw new SlackRefusal('cannot_reply_to_message')
  if (parent.ephemeral) throw new SlackRefusal('thread_not_found')
  return parent
}

/** The app's own message. */
export function ownMessage(context: Context, channel: Channel, ts: unknown, foreign: string): Message {
  const message = context.state.message(channel.id, String(ts))
  if (!message || message.ephemeral || message.tombstone) throw new SlackRefusal('message_not_found')
  if (message.bot?.id !== context.install.botId) throw new SlackRefusal(foreign)
  return message
}

export function isLive(state: State, message: Message): boolean {
  return message.stream !== undefined && streamState(message.stream, state.clock.now()) === 'live'
}

/** A message as the API and the events carry it. */
export function wireMessage(state: State, message: Message): JsonObject {
  const replies = message.thread
    ? undefined
    : state.channels.get(message.channel)?.messages.filter((other) => other.thread === message.ts && !other.ephemeral)
  const stream = message.stream && streamState(message.stream, state.clock.now())
  return {
    type: 'message',
    ts: message.ts,
    ...(message.user && { user: message.user }),
    text: message.text,
    team: message.team,
    ...(message.bot && {
      bot_id: message.bot.id,
      app_id: message.bot.app,
      bot_profile: { id: message.bot.id, app_id: message.bot.app, name: 'bot', deleted: false, team_id: message.team },
    }),
    ...(message.tombstone && { subtype: 'tombstone', hidden: true, user: 'USLACKBOT' }),
    ...(message.subtype && !message.tombstone && { subtype: message.subtype }),
    ...(message.blocks && { blocks: structuredClone(message.blocks) }),
    ...(message.attachments && { attachments: structuredClone(message.attachments) }),
    ...(message.files && { files: structuredClone(message.files) }),
    ...(message.metadata && { metadata: structuredClone(message.metadata) }),
    ...(message.clientMsgId && { client_msg_id: message.clientMsgId }),
    ...(message.edited && { edited: { ...message.edited } }),
    ...(message.thread && { thread_ts: message.thread }),
    ...(replies &&
      replies.length > 0 && { thread_ts: message.ts, reply_count: replies.length, latest_reply: replies.at(-1)!.ts }),
    ...(stream && {
      streaming_state: stream === 'live' ? 'in_progress' : stream === 'expired' ? 'errored' : 'completed',
    }),
    ...(message.reactions.length > 0 && { reactions: wireReactions(message) }),
  }
}

function wireReactions(message: Message): JsonObject[] {
  const names = [...new Set(message.reactions.map((reaction) => reaction.name))]
  return names.map((name) => {
    const users = message.reactions.filter((reaction) => reaction.name === name).map((reaction) => reaction.user)
    return { name, users, count: users.length }
  })
}
