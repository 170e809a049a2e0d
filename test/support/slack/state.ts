import { randomBytes } from 'node:crypto'
import type { JsonObject } from '../../../src/types.ts'
import type { Clock } from './clock.ts'

/** Everything this Slack knows. Plain data with the few steps that keep it whole; the rules of the API are in methods/. */

export interface Team {
  id: string
  name: string
  domain: string
  enterprise?: string
}

export interface Person {
  id: string
  team: string
  name: string
  realName: string
  email?: string
  locale: string
  tz: string
  /** A bot's user, ours or another app's. */
  bot?: { id: string; app: string }
  deleted?: boolean
  /** A multi-channel guest, or with `single` a single-channel guest. */
  guest?: 'multi' | 'single'
}

export interface Channel {
  id: string
  kind: 'channel' | 'group' | 'im' | 'mpim'
  name: string
  team: string
  /** The other organisations' workspaces it is shared with (Slack Connect). */
  sharedWith: string[]
  members: Set<string>
  archived: boolean
  messages: Message[]
}

export type Block = JsonObject & { type: string }

/** A streamed message's life. `expired` is decided by the clock, see `streamState`. */
export interface Stream {
  startedAt: number
  state: 'live' | 'stopped' | 'stopped_by_user'
  mode?: 'text' | 'chunks'
  /** UTF-8 bytes that count against the message's cap. */
  bytes: number
  /** The one person who sees it grow; others see the first piece until it ends. A DM has none. */
  recipient?: string
  first?: Block[]
  /** Blocks that came as chunks. */
  chunkBlocks: number
}

export interface Message {
  ts: string
  channel: string
  user?: string
  /** The bot that wrote it, and its app. */
  bot?: { id: string; app: string }
  /** mrkdwn, escaped as Slack does. Shown only where there are no blocks. */
  text: string
  blocks?: Block[]
  thread?: string
  subtype?: string
  edited?: { user: string; ts: string }
  files?: JsonObject[]
  attachments?: JsonObject[]
  metadata?: JsonObject
  clientMsgId?: string
  reactions: { name: string; user: string }[]
  /** Only this person sees it, until they reload. */
  ephemeral?: string
  /** Deleted, but its replies keep its place. */
  tombstone?: boolean
  stream?: Stream
  team: string
  username?: string
}

/** One workspace's (or organisation's) installation of the app. */
export interface Install {
  token: string
  team?: string
  enterprise?: string
  botUser: string
  botId: string
  installer: string
  scopes: Set<string>
  state: 'active' | 'revoked' | 'inactive'
  refresh?: string
  expiresAt?: number
}

export interface View {
  id: string
  hash: string
  user: string
  team: string
  type: 'home' | 'modal'
  content: JsonObject
  root: string
  previous?: string
}

/** The one line under a thread's messages, and the stop button. */
export interface ThreadState {
  line?: { text: string; at: number; by: 'assistant' | 'session' }
  title?: string
  session?: { status: string; title?: string; initiator?: string }
  prompts?: { title?: string; prompts: { title: string; message: string }[] }
}

export const streamMs = 300_000
export const statusMs = 120_000

export interface State {
  readonly clock: Clock
  readonly teams: Map<string, Team>
  readonly people: Map<string, Person>
  readonly channels: Map<string, Channel>
  readonly installs: Install[]
  readonly views: Map<string, View>
  readonly homes: Map<string, View>
  readonly threads: Map<string, ThreadState>
  readonly files: Map<string, JsonObject>
  /** What a person looks at besides the app, see `app_context_changed`. */
  readonly contexts: Map<string, JsonObject>
  id(prefix: string): string
  ts(): string
  message(channel: string, ts: string): Message | undefined
  thread(channel: string, thread: string | undefined): ThreadState
  dm(user: string, bot: string): Channel
  add(message: Omit<Message, 'ts' | 'reactions'> & { ts?: string }): Message
  remove(message: Message): void
  /** Take a message away as if it had never been, without a tombstone. */
  forget(message: Message): void
  /** Called after each change a person could see. */
  changed(): void
  onChange(listener: () => void): () => void
}

export function createState(clock: Clock): State {
  const channels = new Map<string, Channel>()
  const threads = new Map<string, ThreadState>()
  const people = new Map<string, Person>()
  const listeners = new Set<() => void>()
  const messages = new Map<string, Message>()
  let lastTs = 0
  let counter = 0

  const state: State = {
    clock,
    teams: new Map(),
    people,
    channels,
    installs: [],
    views: new Map(),
    homes: new Map(),
    threads,
    files: new Map(),
    contexts: new Map(),
    id: (prefix) => `${prefix}${(++counter).toString(36).toUpperCase().padStart(4, '0')}${randomHex(3)}`,
    ts() {
      // Microseconds; two messages never share one, however fast they come.
      lastTs = Math.max(lastTs + 1, clock.now() * 1000)
      return `${Math.floor(lastTs / 1e6)}.${String(lastTs % 1e6).padStart(6, '0')}`
    },
    message: (channel, ts) => messages.get(`${channel}:${ts}`),
    thread(channel, thread) {
      const key = `${channel}:${thread ?? ''}`
      let found = threads.get(key)
      if (!found) {
        found = {}
        threads.set(key, found)
      }
      return found
    },
    dm(user, bot) {
      for (const channel of channels.values())
        if (channel.kind === 'im' && channel.members.has(user) && channel.members.has(bot)) return channel
      const channel: Channel = {
        id: state.id('D'),
        kind: 'im',
        name: '',
        team: people.get(user)?.team ?? people.get(bot)?.team ?? '',
        sharedWith: [],
        members: new Set([user, bot]),
        archived: false,
        messages: [],
      }
      channels.set(channel.id, channel)
      return channel
    },
    add({ ts, ...rest }) {
      const message: Message = { ...rest, ts: ts ?? state.ts(), reactions: [] }
      channels.get(message.channel)!.messages.push(message)
      messages.set(`${message.channel}:${message.ts}`, message)
      state.changed()
      return message
    },
    remove(message) {
      const channel = channels.get(message.channel)!
      const hasReplies = channel.messages.some((other) => other.thread === message.ts && other !== message)
      if (hasReplies) {
        message.tombstone = true
        message.text = 'This message was deleted.'
        delete message.blocks
        delete message.files
      } else state.forget(message)
      state.changed()
    },
    forget(message) {
      const channel = channels.get(message.channel)!
      channel.messages = channel.messages.filter((other) => other !== message)
      messages.delete(`${message.channel}:${message.ts}`)
    },
    changed() {
      for (const listener of listeners) listener()
    },
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  return state
}

/** A stream dies 300 s after it began, even if it was appended to. */
export function streamState(stream: Stream, now: number): 'live' | 'stopped' | 'stopped_by_user' | 'expired' {
  return stream.state === 'live' && now - stream.startedAt >= streamMs ? 'expired' : stream.state
}

/** What stands in a thread's status line now. An assistant status ends by itself after two minutes. */
export function statusLine(thread: ThreadState, now: number): string {
  const { line } = thread
  if (!line || (line.by === 'assistant' && now - line.at >= statusMs)) return ''
  return line.text
}

export function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex').toUpperCase()
}
