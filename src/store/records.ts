import type { JsonObject } from '../types.ts'

/** Something that happened, for those who look later. */
export interface Entry {
  /** Made by `newId`, so that it sorts by time: the order of a log and the age of an entry go by it. */
  id: string
  at: number
  /** The user it is about, if any. */
  user?: string
  data: JsonObject
}

/**
 * `audit`: what was done with people, rights and data. `feedback`: answers that were rated. `deletion`: users whose data is
 * being deleted. `installation`: workspaces of Slack, by their ids instead of `newId`.
 */
export type RecordKind = 'audit' | 'feedback' | 'deletion' | 'installation'

/** Logs that grow at the end and are read from there. */
export interface Records {
  /** With an id that is there already, it is replaced. Three steps on Redis; repeat after a failure. */
  put(kind: RecordKind, entry: Entry): Promise<void>
  /** The newest first, before the one with id `before`; of all, or of one user by all the ids they have and had. */
  list(kind: RecordKind, query: { before?: string; limit: number; user?: string | readonly string[] }): Promise<Entry[]>
  drop(kind: RecordKind, id: string): Promise<void>
  /** Delete up to `limit` of those before this time, by their ids. Returns how many. */
  purge(kind: RecordKind, before: number, limit: number): Promise<number>
}
