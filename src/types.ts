/**
 * The words everyone here uses. This file imports nothing; read it first.
 * Times are milliseconds since the epoch, durations milliseconds, text lengths UTF-16 units unless a name says otherwise.
 */

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }
export type JsonObject = { [key: string]: Json }

export type Surface = 'slack' | 'teams' | 'web'
export const surfaces: readonly Surface[] = ['slack', 'teams', 'web']

// --- people and places -------------------------------------------------------------------------------------------

/** A person in the platform's own terms. `workspace` is the Slack team, the Entra tenant, or `local` for the web page. */
export interface Sender {
  surface: Surface
  workspace: string
  id: string
}

/**
 * Where a message was written: a Slack DM or thread, a Teams chat, one chat of the web page. A place points at the
 * conversation it currently continues. The same message must always come with the same place, however it is delivered.
 */
export interface Place {
  surface: Surface
  workspace: string
  channel: string
  thread?: string
  /** Only one person and the bot are here. */
  direct: boolean
  /** Of a place that is not direct: whose members read along, if that is not the channel itself (the team of a Teams channel). */
  audience?: string
}

/** What a platform says of a person. */
export interface Profile {
  name: string
  email?: string
  /** The platform vouches that the address belongs to this person. */
  emailVerified?: boolean
  /** A guest, a stranger from another organisation, or anything else that is not a full member. */
  guest?: boolean
  /** The account is deactivated or belongs to a bot. */
  inactive?: boolean
  locale?: string
  timeZone?: string
}

export type Role = 'admin' | 'member'

/** Who says that an e-mail address is someone's. */
export type Voucher = Surface | 'oidc'

/** One person behind all their identities. */
export interface User {
  id: string
  name: string
  /** `at`: when it was last heard from who vouches for it. */
  emails: { address: string; verifiedBy: Voucher; at?: number }[]
  roles: Role[]
  state: 'active' | 'disabled'
  /** `slack:<team>:<user>`, `teams:<tenant>:<object id>`, `web:local:<name>`, `oidc:<issuer>:<subject>`. */
  identities: string[]
  /** Ids they had before other users were merged into this one. */
  formerly?: string[]
  /** Nothing of theirs is deleted, whatever its age, until it is lifted (a legal hold). */
  hold?: boolean
  locale?: string
  timeZone?: string
  /** Argon2id in PHC string form; web users only. Never leaves the store and the sign-in. */
  password?: string
  createdAt: number
  seenAt: number
}

/** One of two users who may become one, as the person sees it who says yes. */
export interface Side {
  user: string
  name: string
  identities: string[]
  /** Counted up to 100. */
  conversations: number
}

/** A link under way: `own` is the side of the user who asks, `other` is absent until someone has entered the code there. */
export interface Link {
  own: Side & { agreed: boolean }
  other?: Side & { agreed: boolean }
  expiresAt: number
}

/** Joining two accounts of one person by a code. */
export interface Linking {
  /** A one-time code, to be entered on another surface by the same person. Throws `too_many_attempts`. */
  offer(user: User): Promise<{ code: string; expiresAt: number }>
  /** Enter a code on the other side. Throws `link_code` (wrong, over, used), `own_link_code`, `too_many_attempts`. */
  enter(user: User, code: string): Promise<Link>
  /** Where a link stands, for either side. Null: it is over, or not theirs. */
  link(user: User, code: string): Promise<Link | null>
  /** One side says yes. When both have, the two users become one and `joined` is that user. Throws `link_code`. */
  agree(user: User, code: string): Promise<{ link: Link; joined?: User }>
  /** Either side says no; the code is over. */
  decline(user: User, code: string): Promise<void>
}

// --- a message on its way in -------------------------------------------------------------------------------------

/** One message as an adapter understood it. */
export interface Incoming {
  /** Every key under which this same message may come again. The first one is the message's own. Never empty. */
  ids: string[]
  sender: Sender
  place: Place
  text: string
  sentAt: number
  /** All the adapter needs to open a reply later, on another machine. */
  address: JsonObject
  /** Write into this conversation instead of the one the place points at; `user` must be one of its participants. */
  conversation?: string
  /** The person, where the surface knows them before the message is stored (the web page's session). */
  user?: string
  /** The turn whose question is asked anew (edited, or with an empty `text` the same again): it and its answer are replaced. */
  replaces?: string
  /**
   * Not addressed to us by itself: only for us if this place already continues a conversation, was not idle for
   * `followUpMs` and is not muted. Otherwise it is `ignored` and nothing is stored.
   */
  followUp?: true
}

/** Something said before, by someone, that a question refers to. */
export interface Quote {
  author: string
  text: string
}

/**
 * What became of an accepted message. `duplicate`: it was stored before, under the turn named here. `full`: the
 * conversation's inbox holds all it may; nothing was stored. `denied`: no such conversation, or not this person's.
 * `ignored`: a follow-up in a place that does not take them.
 */
export type Accepted =
  | { status: 'accepted' | 'duplicate'; conversation: string; turn: string }
  | { status: 'full' | 'denied' | 'ignored' }

// --- an answer on its way out ------------------------------------------------------------------------------------

/** Tokens as the model counted them (or as we estimated, where it did not say). `input` excludes what came from the cache. */
export interface Usage {
  input: number
  output: number
  cacheRead: number
  cacheWrite: number
  estimated?: boolean
}

/**
 * Why an answer ended. `end`: it is whole. `length`: the model's output limit. `context`: the model's context was full.
 * `stopped`: the person stopped it. `filtered`, `guardrail`: held back by the model's provider or the operator's guardrail.
 * `broken`: the connection died after text was shown. `failed`: there is no answer, only a notice.
 */
export type StopReason = 'end' | 'length' | 'context' | 'stopped' | 'filtered' | 'guardrail' | 'broken' | 'failed'

/** Plain words for a person about something that went wrong or stands beside an answer. */
export interface Notice {
  /** A stable code, see `errors.ts`. */
  code: string
  text: string
  /** Trying the same question again may help. */
  retry: boolean
}

/** A finished answer. `text` is authoritative: what was streamed before was a preview of it. */
export interface Answer {
  text: string
  stop: StopReason
  /** The model that answered; empty where none did. */
  model: string
  usage?: Usage
  /** Words to show under the text (cut short, stopped, held back) or instead of it (`failed`). */
  notice?: Notice
  /** The same prompt was answered before and the answer was taken from the store. */
  cached?: boolean
}

/** What the surface already shows of an answer, in the adapter's own terms (message ids, segments). Survives a crash. */
export interface Draft {
  /** What an earlier try saved, `null` at the first. */
  readonly saved: JsonObject | null
  /** Remember this from now on. Resolves when it is durable; rejects when the lease on the turn is gone. */
  save(state: JsonObject): Promise<void>
}

/**
 * One answer on its way out. Calls come in this order: started, text*, then done | stopped | failed. They never overlap,
 * except that nothing waits for `started`.
 */
export interface Reply {
  /** The least time between two `text` calls; the first goes at once. */
  readonly paceMs: number
  /** After so long what `started` shows fades: it is called again as long as there is no text. Absent: it stays. */
  readonly startedMs?: number
  /** It is heard and being thought about. Never in the way of the answer: a failure here is logged and forgotten. */
  started(): Promise<void>
  /** More text: `delta` since the last call, `whole` so far. A failure here only ends the preview. */
  text(delta: string, whole: string): Promise<void>
  /** The final text, with its notice if it was cut short. Must be idempotent over its draft. */
  done(final: Answer): Promise<void>
  /** The person stopped it; `final.text` is what they had been shown. */
  stopped(final: Answer): Promise<void>
  /** There is no answer. */
  failed(notice: Notice): Promise<void>
}

/** A surface, as the core sees it. */
export interface Adapter {
  readonly surface: Surface
  /**
   * `push`: the answer must be sent to the platform, and a turn is over when that worked. `pull`: the surface reads the
   * store itself (the web page), so a stored answer is a delivered one.
   */
  readonly delivery: 'push' | 'pull'
  openReply(address: JsonObject, draft: Draft, about: { conversation: string; turn: string }): Reply
  profile(sender: Sender): Promise<Profile>
  /**
   * What needs the platform's API before the model is asked: readable names for mentioned people and channels, and at the
   * first question of a conversation what was said around it before. Runs in the turn, never before a message is
   * acknowledged. If it fails, the message is answered as it came.
   */
  prepare?(incoming: Incoming, first: boolean): Promise<{ text: string; quotes?: Quote[] }>
}

// --- conversations -----------------------------------------------------------------------------------------------

export type MessageRole = 'user' | 'assistant'

/** One stored message. `seq` counts up from 0 in its conversation and never changes. */
export interface Message {
  seq: number
  turn: string
  role: MessageRole
  text: string
  at: number
  surface: Surface
  /** Who wrote a question. */
  author?: { user: string; name: string }
  /** What the question refers to, see `Adapter.prepare`. */
  quotes?: Quote[]
  /** How an answer came about. */
  answer?: Omit<Answer, 'text'>
  rating?: Rating
}

export interface Rating {
  value: 'up' | 'down'
  comment?: string
  user: string
  at: number
}

/** A conversation without its messages. */
export interface Conversation {
  id: string
  title: string
  /** Who named it: nobody yet, its first words, the model, or a person (whose title is never overwritten). */
  titledBy: 'none' | 'text' | 'model' | 'user'
  createdAt: number
  updatedAt: number
  /** The surface it began on. */
  surface: Surface
  direct: boolean
  /** Of one that is not direct: whose members read along, see `audienceOf`. */
  audience?: string
  /** Ids of the users who took part; only they may see it. */
  participants: string[]
  /** How many messages it has; the newest has `seq` one less. */
  count: number
  usage: { input: number; output: number; cacheRead: number; cacheWrite: number }
  /** What fell out of the model's window, told in short, up to and without message `upTo`. */
  summary?: { text: string; upTo: number }
}

/** A turn that is stored but has no stored answer yet: its question, and whether it is being answered now. */
export interface PendingTurn {
  turn: string
  conversation: string
  text: string
  at: number
  surface: Surface
  user?: string
  running: boolean
  replaces?: string
}

// --- the model ---------------------------------------------------------------------------------------------------

export interface PromptMessage {
  role: 'user' | 'assistant'
  text: string
}

/** A question to a model, valid by construction (see `history.ts`): alternating, from user to user, nothing blank. */
export interface Prompt {
  purpose: 'answer' | 'title' | 'summary'
  /** The same for everyone, so that it can be cached. May be empty. */
  system: string
  /** What differs from person to person and day to day; placed after the cache point. */
  context?: string
  messages: PromptMessage[]
  /** The most tokens the answer may have; the model's own default where absent. */
  maxTokens?: number
  /** Goes to the provider's invocation logs; hashes only. */
  metadata?: Record<string, string>
  /** On every log line about this call. */
  turn?: string
}

/** Text as it comes, then exactly one `end`. Anything else is thrown as a `Fault`, see `errors.ts`. */
export type ModelEvent =
  | { type: 'text'; text: string }
  | { type: 'end'; stop: Exclude<StopReason, 'stopped' | 'failed' | 'broken'>; model: string; usage: Usage }

export interface Model {
  /** What the page and the log call it. */
  readonly name: string
  /** `demo`: the built-in one; `none`: not configured, every call fails with plain words. */
  readonly kind: 'bedrock' | 'demo' | 'none'
  /** Tokens of the answering model: the most it reads in all, and the most it is asked to write. */
  readonly limits: { context: number; output: number }
  /** Retries and falls back by its own rules before the first text, never after. Aborting ends the iteration with an error. */
  stream(prompt: Prompt, signal: AbortSignal): AsyncIterable<ModelEvent>
  close(): Promise<void>
}

// --- limits --------------------------------------------------------------------------------------------------------

/** How much of something a person has left. */
export interface Allowance {
  of: 'tokens' | 'cost'
  per: 'day' | 'month'
  /** Tokens, or millionths of a US dollar. */
  limit: number
  used: number
  endsAt: number
  /** All of it in words. */
  text: string
}

// --- live text ---------------------------------------------------------------------------------------------------

/**
 * What someone who watches a turn sees. `id` is an opaque place to resume from (pass it as `from`); `offset` is the length
 * of the text before this piece.
 */
export type LiveEvent =
  | { type: 'started' }
  | { type: 'text'; id: string; offset: number; text: string }
  /** The text begins anew (another instance took over, or the watcher's place is unknown): drop all and take this. */
  | { type: 'reset'; id: string; text: string }
  /** The answer is stored; read it there. */
  | { type: 'end' }

// --- the chat service, as adapters see it ------------------------------------------------------------------------

export interface Page<T> {
  items: T[]
  /** Pass as `before` for the next page; absent on the last. */
  next?: string
}

/** The one door adapters come through. Methods that name a user check that this user may. Faults are `Fault`s. */
export interface Chat {
  /** Resolves when the message is durably stored: acknowledge after this, and not at all when it rejects. */
  accept(incoming: Incoming): Promise<Accepted>
  /** Stop what runs or waits in a conversation, on whichever instance: all of it, or one turn. Does not queue. */
  stop(user: string, conversation: string, turn?: string): Promise<void>
  /**
   * Follow a turn's text, from the event with id `from` on or from its beginning. The last event is `end`, at once for a
   * turn that is long over or unknown. Does not check who may: open the conversation first.
   */
  watch(conversation: string, turn: string, from: string | undefined, listener: (event: LiveEvent) => void): () => void
  /** Resolves when the turn has its stored answer, or after `timeoutMs`. */
  settled(conversation: string, turn: string, timeoutMs: number): Promise<boolean>
  conversations: {
    list(user: string, query: { before?: string; limit: number }): Promise<Page<Conversation>>
    search(user: string, text: string, limit: number): Promise<Found[]>
    /** The newest `limit` messages before `before`, oldest first, and the turns still waiting for their answer. */
    open(user: string, id: string, query: { before?: number; limit: number }): Promise<OpenConversation>
    /** Throws `shared` for a conversation of several. */
    rename(user: string, id: string, title: string): Promise<void>
    /** Delete it for good; a conversation of several leaves the user's list alone. Throws `on_hold` under a legal hold. */
    remove(user: string, id: string): Promise<void>
    rate(
      user: string,
      id: string,
      turn: string,
      rating: { value: 'up' | 'down'; comment?: string } | null,
    ): Promise<void>
    /** The user's own copy of a conversation of several, to go on with in private on the web page. Its id. */
    copy(user: string, id: string): Promise<string>
    /** All of it, a bounded piece at a time. */
    export(user: string, id: string, format: 'markdown' | 'json'): Promise<AsyncIterable<string>>
  }
}

/** What chat platforms need beyond the web page: their places, people without a session, messages that change. */
export interface PlatformChat extends Chat {
  /** The user behind a sender, made at first contact; throws a `Fault` with plain words for those who may not. */
  who(sender: Sender): Promise<User>
  /** What is left of a user's limits; empty where there are none. */
  left(user: User): Promise<Allowance[]>
  readonly linking: Linking
  /** Delete all that is kept of a person, and them. Throws `on_hold`. */
  forget(user: User): Promise<void>
  /** The conversation a place continues, if any. */
  current(place: Place): Promise<string | null>
  /** The next message here begins a fresh conversation. */
  begin(place: Place): Promise<void>
  /**
   * Let this place go on with one of the user's conversations, see `Continued`. `confirmed`: they were told who will read it.
   */
  continue(user: string, conversation: string, place: Place, confirmed?: boolean): Promise<Continued>
  /** Someone came to a channel or team, or left it: see `audienceOf`. Who left sees no more of what is said there. */
  attends(audience: string, sender: Sender, here: boolean): Promise<void>
  /** Take no follow-ups here until the next message that is addressed to us. */
  mute(place: Place): Promise<void>
  /** Stop what runs and waits in this place's conversation; false: there was nothing. */
  stopHere(place: Place): Promise<boolean>
  /**
   * A message was edited (`text`) or deleted (`null`) at its source; `id` is one of its `Incoming.ids`. While it waits,
   * the new text is the one that is answered (a deleted one is not). Later the stored question is changed (deleted: its text
   * leaves the history), and a running answer to a deleted question stops.
   */
  amend(place: Place, id: string, text: string | null): Promise<Amended>
}

/**
 * What became of the wish to go on with a conversation here. `continued`: this place goes on with it. `copied`: others read it
 * or would read along, so the place goes on with a copy of it. `confirm`: nothing yet; the people of this place would see all of it, so
 * ask the person first.
 */
export type Continued =
  | { status: 'continued' | 'copied'; conversation: string }
  | { status: 'confirm'; title: string; messages: number }

export interface Amended {
  /** When the change came: before the answer was begun, while it was written, after it, or we never had this message. */
  when: 'waiting' | 'running' | 'answered' | 'unknown'
  conversation?: string
  turn?: string
}

export interface OpenConversation {
  conversation: Conversation
  messages: Message[]
  pending: PendingTurn[]
}

/** A conversation that a search found, with the words around the first hit. */
export interface Found {
  conversation: Conversation
  snippet: string
}

// --- what everything is handed ------------------------------------------------------------------------------------

/** One JSON line each: fields, then a sentence. Never message text, titles, names, addresses or secrets. */
export interface Log {
  debug(fields: object, text: string): void
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
  error(fields: object, text: string): void
  child(fields: object): Log
}

/** What is counted, see `metrics.ts` for the names outside. */
export interface Metrics {
  /** A message was stored (or not), `ms` after it came in. */
  accepted(surface: Surface, status: Accepted['status'], ms: number): void
  /** The first text of an answer, `ms` after its message was accepted. */
  firstText(surface: Surface, ms: number): void
  /** A turn is over. */
  done(surface: Surface, outcome: StopReason | 'refused', ms: number): void
  /** One call of a model is over; `firstMs` until its first text. `outcome` is a stop reason or a fault's code. */
  modelCall(call: {
    model: string
    purpose: Prompt['purpose']
    outcome: string
    ms: number
    firstMs?: number
    usage?: Usage
  }): void
  modelRetried(model: string, reason: string): void
  modelFellBack(from: string, to: string): void
  /** Turns that run on this instance now. */
  running(count: number): void
  leaseLost(): void
  storeError(engine: string): void
}
