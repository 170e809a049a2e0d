/** What the page's script and the server say to each other, in types. The paths are in `openapi.json`. */
import type { Answer, Conversation, Model, Notice, PendingTurn, Rating, Role } from '../src/types.ts'

export type { Notice, Usage } from '../src/types.ts'

export interface ConversationItem
  extends Pick<
    Conversation,
    'id' | 'title' | 'titledBy' | 'surface' | 'direct' | 'createdAt' | 'updatedAt' | 'count' | 'usage'
  > {
  /** The words around a hit, in search results. */
  snippet?: string
}

export interface Message {
  seq: number
  turn: string
  role: 'user' | 'assistant'
  text: string
  at: number
  author?: { name: string; self: boolean }
  answer?: Omit<Answer, 'text'>
  rating?: Pick<Rating, 'value' | 'comment'>
}

export type Pending = Pick<PendingTurn, 'turn' | 'text' | 'at' | 'running' | 'replaces'> & { self: boolean }

export interface Opened {
  conversation: ConversationItem
  messages: Message[]
  pending: Pending[]
  /** Pass on to read what comes before; absent at the beginning. */
  before?: number
}

/** One turn as the page shows it. `sending` and `waiting` have no answer yet; `running` has the beginning of one. */
export interface Turn {
  turn: string
  question?: Pick<Message, 'text' | 'at'> & Partial<Pick<Message, 'seq' | 'author'>>
  answer?: Message
  state: 'sending' | 'waiting' | 'running' | 'done'
}

/** What the page is born with. */
export interface Boot {
  base: string
  user: { id: string; name: string; roles: Role[] }
  model: Pick<Model, 'name' | 'kind'>
  list: ConversationItem[]
  listNext?: string
  q?: string
  messageId: string
  maxLength: number
  notice?: Notice
  open?: Omit<Opened, 'messages'> & { ratings: Record<string, string> }
}
