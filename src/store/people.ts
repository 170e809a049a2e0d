import type { JsonObject, User } from '../types.ts'

/** What may be changed of a user by a patch. Identities and merges have methods of their own. */
export type UserPatch = Partial<Omit<User, 'id' | 'identities' | 'formerly'>>

/**
 * One user behind all their identities. A user that was merged into another leads there from then on, by every id and
 * identity they had: whoever asks for them gets the other. Whatever joins or parts identities is serialised over all
 * instances, so that two who do so at once end in one consistent state.
 */
export interface Users {
  /** By their id, or one they had before they were merged. */
  get(id: string): Promise<User | null>
  find(identity: string): Promise<User | null>
  /** Store a new user; if one of the identities belongs to someone already, that user is returned and nothing changes. */
  create(user: User): Promise<User>
  /** Change some fields; what is `undefined` is taken away. Null: no such user. */
  update(id: string, patch: UserPatch): Promise<User | null>
  /** Give a user one more identity. The user who has it then: another one, if it was not free. Null: no such user. */
  attach(id: string, identity: string): Promise<User | null>
  /**
   * Take an identity from a user and, if `fresh` is given, begin this new user with it in the same step (its record names
   * that one identity). Conversations stay with their owner. Null, and nothing changes: the user does not have it, or has no other.
   */
  detach(id: string, identity: string, fresh?: User): Promise<{ left: User; fresh?: User } | null>
  /**
   * Everything of `from` becomes `into`'s: identities, e-mails, roles, the conversations (their lists and who took part in
   * them, at the times they joined), the password if `into` has none, the earlier `createdAt`, a hold.
   * If one of them is disabled, so is the result. `from`'s id leads to `into` from then on. One step on SQLite. On
   * Redis many, each safe to repeat, under a journal: what an instance that died left undone is finished by `resume`, and nobody
   * loses sight of a conversation meanwhile. Null, and nothing changes: one of them is not there, or they are the same already.
   */
  merge(from: string, into: string): Promise<User | null>
  /** Finish the merges that were begun and not ended. Returns how many. To be called at start and now and then. */
  resume(): Promise<number>
  /**
   * Delete a user with all their ids, identities, absences, sessions and their list. Their conversations are removed or left
   * before. False: no such user.
   */
  remove(id: string): Promise<boolean>
  /** By id, for pages through all of them. */
  list(query: { after?: string; limit: number }): Promise<User[]>
  /**
   * Those with this text in their name, an e-mail or an identity (case does not matter), by id. A call looks at a bounded number
   * of users: a page may be short of `limit`, or empty, while `next` says where to go on.
   */
  search(text: string, query: { after?: string; limit: number }): Promise<{ items: User[]; next?: string }>
}

/** Sessions of the web page. */
export interface Sessions {
  get(id: string): Promise<JsonObject | null>
  set(id: string, data: JsonObject, options: { user?: string; expiresAt: number }): Promise<void>
  /**
   * The same for a session that is there: its data and end anew. False: it has ended meanwhile, and does not come back.
   * Two steps on Redis.
   */
  touch(id: string, data: JsonObject, options: { user?: string; expiresAt: number }): Promise<boolean>
  destroy(id: string): Promise<void>
  /** End every session of a user (those they had before a merge, too), but the one named in `except`. */
  endAll(user: string, except?: string): Promise<void>
}

/** Who left a channel or a team: what is said there stays out of their sight from then on. */
export interface Absences {
  /** By `audienceOf` and `identityOf` in ids.ts. */
  left(audience: string, identity: string): Promise<void>
  back(audience: string, identity: string): Promise<void>
  /** Which of the audiences someone with one of these identities has left. */
  among(audiences: string[], identities: string[]): Promise<string[]>
}
