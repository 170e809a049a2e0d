import type { Budgets, UsageLog } from './store/limits.ts'
import type { Absences, Sessions, Users } from './store/people.ts'
import type { Records } from './store/records.ts'
import type {
  Accepted,
  Amended,
  Answer,
  Conversation,
  Found,
  Incoming,
  JsonObject,
  Message,
  Page,
  PendingTurn,
  Place,
  Rating,
  Surface,
} from './types.ts'

export * from './store/limits.ts'
export type * from './store/people.ts'
export type * from './store/records.ts'

/**
 * The store's ports. Two engines implement them (`stores/sqlite`, `stores/redis`) and one contract suite runs on both.
 *
 * Every method is one atomic step unless it says otherwise, is safe to repeat after a lost reply, and rejects with a
 * `Fault('store_unavailable')` when the store cannot be reached or cannot write. Whatever resolved is durable.
 *
 * A conversation's *home* is the place it was born in (`homeOf` in ids.ts; a conversation's id begins with its home).
 * A home has one inbox, one lease and one pointer, whichever of its conversations a message is for: so the common
 * message is one atomic step, and answers at one home come one at a time.
 */
export interface Store {
  readonly engine: 'sqlite' | 'redis'
  readonly inbox: Inbox
  readonly places: Places
  readonly leases: Leases
  readonly conversations: Conversations
  readonly users: Users
  readonly sessions: Sessions
  readonly absences: Absences
  readonly budgets: Budgets
  readonly usage: UsageLog
  readonly records: Records
  readonly counters: Counters
  readonly cache: Cache
  readonly vault: Vault
  readonly bus: Bus
  /** Resolves when the store answers and can write. */
  ping(): Promise<void>
  close(): Promise<void>
}

// --- messages waiting for their answer ---------------------------------------------------------------------------

/** A message to store, with the ids it gets if it is new. */
export interface Delivery {
  incoming: Incoming
  /** Id of the turn this message becomes. */
  turn: string
  /** Id of the conversation to begin if the place points nowhere yet; born in this place. */
  conversation: string
}

/** The wish to work on a turn. A lease ends by itself `ms` after it was given or renewed. */
export interface Lease {
  /** Unique for each claim. */
  token: string
  ms: number
}

/** A turn under a lease: the oldest message of an inbox, and how far an earlier try came with it. */
export interface Claim {
  home: string
  token: string
  turn: string
  conversation: string
  incoming: Incoming
  acceptedAt: number
  /** 1 at the first try; counts how often the turn was claimed. */
  attempt: number
  /** What an earlier try showed, see `Draft`. */
  draft: JsonObject | null
  /** The answer is stored already and only needs to be delivered. */
  answer?: Answer
  /** Stop was asked for after the message came. */
  stopped: boolean
  /** The conversation as `conversations.read` told it in the step of the claim; absent where that could not, or was not to. */
  found?: { conversation: Conversation; messages: Message[] }
}

/** How much of a conversation is read: so many messages, and no more than fit in so many bytes of stored JSON. */
export interface WindowSize {
  messages: number
  bytes?: number
}

export interface Inbox {
  /**
   * If any of the incoming ids was seen at this home before: `duplicate` with the turn and conversation it became then,
   * even when the place points elsewhere by now. Otherwise the message is appended to the inbox of its conversation's
   * home: of `incoming.conversation` if given (`denied` unless it exists and `incoming.user` takes part in it), else of
   * the one the place points at, else of a new one that the place points at from now on. Nothing crosses the border between
   * private and shared: a conversation that is direct where the place is not, or the other way, is `denied` where it is named,
   * and where it is pointed at, it counts as if it was not there. A follow-up is `ignored`, and
   * nothing of it is remembered, unless the place points at a conversation, is not muted and was used less than
   * `followUpMs` ago; any other message ends a mute. `full` when the inbox holds `maxWaiting` messages. With a lease, an idle
   * home whose oldest message this is gets claimed in the same step.
   * Two steps only where a place points at a conversation born elsewhere; a crash between them is healed by redelivery.
   * Repeating the call with the same `turn` and token gives the same result, claim included.
   * A new conversation gets `incoming.user` (if given) as its participant at once.
   * With a window, the claim comes with `found` where that costs no further step.
   */
  accept(delivery: Delivery, lease?: Lease, window?: WindowSize): Promise<{ accepted: Accepted; claim?: Claim }>
  /** Claim up to `leases.length` turns that are due: not leased, or the lease ran out. One claim a home. */
  sweep(leases: Lease[]): Promise<Claim[]>
  /** The turns of one conversation that have no stored answer yet, in order. */
  pending(conversation: string): Promise<PendingTurn[]>
  /** Mark what waits or runs now in a conversation (or just one turn of it) as stopped. Returns the turns it marked. */
  stop(conversation: string, turn?: string): Promise<string[]>
  /** How many homes have work that waits or runs. May cost a call per shard: for metrics, not for turns. */
  depth(): Promise<number>
}

/** What a place continues. */
export interface Pointer {
  conversation: string
  /** When a message was last stored from here, or the place was pointed. */
  usedAt: number
  /** Takes no follow-ups. */
  muted: boolean
}

/** New words for a question. */
export interface Amendment {
  /** Null: it was deleted at its source. */
  text: string | null
  /** The first words of the new text, for a title that was made of the old one's. */
  title: string
}

/** What a place remembers: the conversation it continues, and what became of each message from there. */
export interface Places {
  /** Null: it continues nothing (any more). Two steps on Redis. */
  read(place: Place): Promise<Pointer | null>
  /** Let a place continue a conversation from now on, or begin a fresh one with its next message (`null`). Ends a mute. */
  point(place: Place, conversation: string | null): Promise<void>
  /** Take no follow-ups here until the next message that is none. Nothing, where the place continues nothing. */
  mute(place: Place): Promise<void>
  /**
   * Change the question that a message from here became, wherever that is by now, also when it was asked anew (see
   * `Incoming.replaces`). `waiting`: nobody has worked on it yet, and its text is the new one; a deleted one is dropped.
   * `running`: its inbox entry has the new text, and so has what is committed for it; a deleted one is marked as stopped,
   * and `stopped` names it. `answered`: the stored question has the new text (a deleted one none), and a title and a summary
   * that tell of the old one are gone or mended. Known for `ownIdMs` by a message's own id, for `seenMs` by the others.
   * Two steps on Redis. What is repeated after a deletion of a waiting one is `unknown`.
   */
  amend(place: Place, id: string, amendment: Amendment): Promise<Amended & { stopped: string[] }>
}

/** Everything a turn has come to. */
export interface Outcome {
  /** Question and answer, to be appended together. */
  messages: Omit<Message, 'seq'>[]
  /** The stored answer reached the person: the turn is over. Otherwise it stays claimed, to be delivered and settled. */
  delivered: boolean
  /** The answer to deliver if this instance dies before it has. */
  answer: Answer
  /** Users who took part in this turn. */
  participants: string[]
  /** A title by first words, used if the conversation has none. */
  title?: string
  /** Begins nothing: if the conversation has no messages afterwards, drop it (a refused stranger). */
  discard?: boolean
}

/**
 * What a step under a lease came to. `lost`: another instance owns the turn now; stop at once and write nothing more.
 * `gone`: the conversation was deleted meanwhile; the turn is dropped. `next`: the following message of this home,
 * claimed in the same step if a lease was offered.
 */
export interface Step {
  status: 'ok' | 'lost' | 'gone'
  next?: Claim
  /** The question was amended while it was being answered: what is stored is not what was handed in. */
  amended?: true
}

export interface Leases {
  /** False: lost. */
  renew(claim: Claim, ms: number): Promise<boolean>
  /** Remember what the surface shows of the answer. False: lost. */
  save(claim: Claim, draft: JsonObject): Promise<boolean>
  /**
   * Append the turn's messages to its conversation (dropping first those of the turn that `incoming.replaces` names and
   * all after it), add up usage, and, when delivered, end the turn as `settle` does. Idempotent by turn id.
   */
  commit(claim: Claim, outcome: Outcome, next?: Lease): Promise<Step>
  /** The turn is over: drop its inbox entry, free or pass on the lease. Idempotent by turn id. */
  settle(claim: Claim, next?: Lease): Promise<Step>
  /** Give an unfinished turn back, due at once for any instance; does not count as an attempt. */
  release(claim: Claim): Promise<void>
}

// --- conversations -----------------------------------------------------------------------------------------------

export interface Conversations {
  /**
   * A conversation with its newest messages before `before` (all by default), oldest first: at most `messages` of them,
   * and no more than fit in `bytes` of stored JSON, but at least one. Costs the same however long the conversation is.
   */
  read(
    id: string,
    window: WindowSize & { before?: number },
  ): Promise<{ conversation: Conversation; messages: Message[] } | null>
  /**
   * Let a user take part in a conversation, and put it on their list, at its top. Two steps on Redis; repeat after a crash.
   * One, where it was just read that they take part (`takesPart`).
   */
  join(id: string, user: string, takesPart?: boolean): Promise<void>
  /**
   * A user's conversations, the last updated first. With `matching`: only those whose title or messages contain it
   * (case and width do not matter), each with the words around the first hit.
   */
  list(user: string, query: { before?: string; limit: number; matching?: string }): Promise<Page<Found>>
  /** False: there is no such conversation, or the model may not overwrite this title. */
  update(
    id: string,
    patch: { title?: { text: string; by: Conversation['titledBy'] }; summary?: Conversation['summary'] },
  ): Promise<boolean>
  /** Delete it with its messages, ratings and waiting turns, from every participant's list. */
  remove(id: string): Promise<void>
  /** Rate the answer of a turn, or take the rating back. False: no such answer. */
  rate(id: string, turn: string, rating: Rating | null): Promise<boolean>
  /**
   * Begin a conversation of one user's as a copy: title, summary and the newest `messages` of another, without ratings and
   * usage. It is there, and on their list, when all of it is, and not at all if this is interrupted. Many steps on Redis; safe
   * to repeat with the same new id. False: there is no such conversation.
   */
  copy(id: string, copy: Copy): Promise<boolean>
  /** Take a user out of those who took part, and the conversation off their list. Two steps on Redis. */
  leave(id: string, user: string): Promise<void>
  /**
   * Forget what a user said in a conversation of several: their questions have no text, quotes and author any more, the answers
   * to them no text; a summary, and a title that no person gave, are gone if they may tell of it, and so are the user's ratings.
   * Then they leave. What waits for its answer is not looked at: stop it before. Many bounded steps; safe to repeat.
   */
  forget(id: string, user: string): Promise<void>
  /**
   * Conversations last updated before this time, of one surface or of all, the oldest first (on Redis: of each shard in turn).
   * None of them has anything waiting. A call looks at no more than `limit`, and may return fewer, or none; `next` says where
   * to go on.
   */
  stale(query: {
    before: number
    surface?: Surface
    after?: string
    limit: number
  }): Promise<{ items: Pick<Conversation, 'id' | 'participants'>[]; next?: string }>
}

/** Where a copy of a conversation begins. */
export interface Copy {
  /** Born where it will be continued, see `newConversationId`. */
  id: string
  user: string
  surface: Surface
  direct: boolean
  audience?: string
  /** How many of the newest messages to take along. */
  messages: number
}

// --- small things ------------------------------------------------------------------------------------------------

/** Counts that are exact over all instances. */
export interface Counters {
  /** Add one; the window begins at the first hit and ends `windowMs` later. Returns the new count and when it resets. */
  hit(key: string, windowMs: number): Promise<{ count: number; resetsAt: number }>
  reset(key: string): Promise<void>
}

export interface Cache {
  get(key: string): Promise<string | null>
  set(key: string, value: string, ttlMs: number): Promise<void>
  /**
   * Write `value` only if the key holds `expected` now (null: nothing). False: it holds something else. A null value deletes.
   * Of several at once that expect the same, one succeeds.
   */
  swap(key: string, expected: string | null, value: string | null, ttlMs: number): Promise<boolean>
}

/** Secrets of a surface (a platform's tokens), as opaque texts that were encrypted before they get here. They stay until deleted. */
export interface Vault {
  get(key: string): Promise<string | null>
  set(key: string, value: string): Promise<void>
  delete(key: string): Promise<void>
  /**
   * Take the lock of a key for at most `ms`, on whichever instance. Resolves with the call that gives it back (which never
   * ends someone else's, should it have run out), or with null while another holds it.
   */
  lock(key: string, ms: number): Promise<(() => Promise<void>) | null>
}

/** Messages between instances: at most once, in order per publisher, not stored. The own instance hears itself too. */
export interface Bus {
  publish(channel: string, message: JsonObject): Promise<void>
  /** Resolves when the subscription stands; call the result to end it. */
  subscribe(channel: string, listener: (message: JsonObject) => void): Promise<() => void>
}

/** What every engine can be opened with. */
export interface StoreOptions {
  /** The engine's own clock by default (Redis: the server's, so that instances agree). Tests pass their own. */
  now?: () => number
  /** The most messages that may wait in one inbox. */
  maxWaiting?: number
}

export const defaultMaxWaiting = 20
/** How long an id is remembered: far longer than any platform redelivers (Slack: 5 minutes), so that a browser that was asleep may resend. */
export const seenMs = 3 * 24 * 3_600_000
/** How long a message's own id (its first) is remembered: so long it can be edited or deleted at its source. */
export const ownIdMs = 180 * 24 * 3_600_000
/** How long an idle place remembers the conversation it continues. */
export const pointerMs = 180 * 24 * 3_600_000
/** How long after its last message a place still takes follow-ups, which are not addressed to us. */
export const followUpMs = 30 * 24 * 3_600_000
