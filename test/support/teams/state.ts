import { randomBytes, randomUUID } from 'node:crypto'
import type { JsonObject } from '../../../src/types.ts'
import type { Clock } from './clock.ts'

/** How long a stream may take from its first request to its final one. */
export const streamMs = 120_000
/** How long a plain typing indicator stays. */
export const typingMs = 5_000

/** A person, with all that a member look-up tells of them. */
export interface Person {
  /** `29:…`, other for every bot. */
  id: string
  /** The Entra object id. */
  aadObjectId: string
  tenantId: string
  name: string
  givenName: string
  surname: string
  email: string
  userPrincipalName: string
  /** Of guests too: they are known by the `#EXT#` in their principal name alone. */
  userRole: 'user' | 'anonymous'
}

export interface Team {
  id: string
  name: string
  aadGroupId: string
}

/** One streamed answer, from its first request on. */
export interface Stream {
  startedAt: number
  /** When its last accepted request came. */
  touchedAt: number
  sequence: number
  /** What it shows: a line about what goes on, or text that grows. */
  type: 'informative' | 'streaming'
  /** The text streamed so far; empty while it is only informative. */
  text: string
  end?: 'final' | 'stopped'
}

export interface Message {
  id: string
  /** The post this one answers, in a channel. A post's own id is its thread's. */
  root?: string
  /** A person's id, or the bot's. */
  from: string
  /** The activity as it was last written. */
  activity: JsonObject
  at: number
  edited: boolean
  deleted: boolean
  stream?: Stream
  /** Whose reaction it has: `like by <id>`. */
  reactions: string[]
  /** The AI feedback that was given. */
  rated?: 'like' | 'dislike'
}

/** A personal chat, a group chat or one channel of a team. */
export interface Chat {
  /** Without `;messageid=`. */
  id: string
  type: 'personal' | 'groupChat' | 'channel'
  name: string
  team?: Team
  tenantId: string
  /** Ids of people. */
  members: string[]
  /** The bot is installed here. */
  hasBot: boolean
  messages: Message[]
  /** The newest that was streamed. */
  streamed?: Message
  typingUntil: number
  typingIn?: string
}

export interface FileHere {
  id: string
  name: string
  type: string
  bytes: Buffer
  /** `inline`: an image under the connector's own host. `shared`: a file behind a pre-authenticated link elsewhere. */
  kind: 'inline' | 'shared'
}

export type StreamState = 'informative' | 'streaming' | 'final' | 'stopped' | 'expired'

export function streamState(stream: Stream, now: number): StreamState {
  if (stream.end) return stream.end
  return now - stream.startedAt >= streamMs ? 'expired' : stream.type
}

export const isOpen = (stream: Stream, now: number): boolean =>
  ['informative', 'streaming'].includes(streamState(stream, now))

export const randomName = (bytes: number): string => randomBytes(bytes).toString('base64url')

/** Splits `19:…@thread.tacv2;messageid=17…` into the channel and the thread. */
export function splitId(id: string): { chat: string; root?: string } {
  const [chat, root] = id.split(';messageid=')
  return { chat: chat!, ...(root !== undefined && { root }) }
}

/** All that this Teams knows. */
export function createState(clock: Clock, tenantId: string) {
  const people = new Map<string, Person>()
  const chats = new Map<string, Chat>()
  const files = new Map<string, FileHere>()
  const listeners = new Set<() => void>()
  let last = 0

  return {
    clock,
    tenantId,
    people,
    chats,
    files,
    /** Ids of messages are times that never repeat, as in Teams. */
    nextId(): string {
      last = Math.max(last + 1, clock.now())
      return String(last)
    },
    uuid: (): string => randomUUID(),
    chat(id: string): Chat {
      const chat = chats.get(splitId(id).chat)
      if (!chat) throw new Error(`there is no chat ${id}`)
      return chat
    },
    find(chat: Chat, id: string): Message | undefined {
      return chat.messages.findLast((message) => message.id === id)
    },
    /** By any id a member look-up takes: `29:…`, the object id or the user principal name. */
    person(id: string): Person | undefined {
      const known = people.get(id)
      if (known) return known
      const wanted = id.toLowerCase()
      return [...people.values()].find(
        (each) => each.aadObjectId === wanted || each.userPrincipalName.toLowerCase() === wanted,
      )
    },
    /** The stream that is open in a chat. */
    openStream({ streamed }: Chat): Message | undefined {
      return streamed?.stream && !streamed.deleted && isOpen(streamed.stream, clock.now()) ? streamed : undefined
    },
    onChange(listener: () => void): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    changed(): void {
      for (const listener of [...listeners]) listener()
    },
  }
}

export type State = ReturnType<typeof createState>
