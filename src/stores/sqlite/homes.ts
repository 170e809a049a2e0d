import type { Claim, Lease } from '../../store.ts'
import type { Answer, Incoming, JsonObject } from '../../types.ts'
import type { Sql } from './database.ts'

/** A message in an inbox, as it is stored. */
export interface Entry {
  n: number
  home: string
  conversation: string
  turn: string
  accepted_at: number
  attempt: number
  stopped: number
  /** Someone has worked on it. */
  begun: number
  /** Its text was changed while the one who holds it works on the old one: the title by its new first words. */
  amended: string | null
  discard: number
  incoming: string
  draft: string | null
  answer: string | null
}

/** The inbox of each home and the lease on it. All of it runs inside the transaction of the caller. */
export interface Homes {
  /** Append a message. */
  enter(entry: { home: string; conversation: string; turn: string; incoming: Incoming }): void
  /** All messages of a home's inbox, in order. */
  entries(home: string): Entry[]
  /** How many messages a home's inbox holds. */
  size(home: string): number
  /** Claim the oldest message of an idle home, if it is `turn` (any by default). */
  take(home: string, lease: Lease, turn?: string): Claim | undefined
  /** The claim that a token holds already. */
  held(home: string, token: string): Claim | undefined
  owns(claim: Claim): boolean
  extend(claim: Claim, ms: number): void
  /** Nobody works on it any more; it is due at once. */
  idle(home: string): void
  /** Entries were deleted: forget the lease on one of them, and the home if nothing is left. */
  tidy(home: string): void
  /** Homes that are due, those whose instance died before those that nobody began. */
  due(limit: number): string[]
  /** Every lease is void: who held it is dead. */
  voidAll(): void
}

export function createHomes(sql: Sql, now: () => number): Homes {
  function oldest(home: string): Entry | undefined {
    return sql.one<Entry>('SELECT * FROM entries WHERE home = ? ORDER BY n LIMIT 1', home)
  }

  return {
    enter({ home, conversation, turn, incoming }) {
      const { n } = sql.one<{ n: number }>(
        'INSERT INTO entries (home, conversation, turn, accepted_at, incoming) VALUES (?, ?, ?, ?, ?) RETURNING n',
        home,
        conversation,
        turn,
        now(),
        JSON.stringify(incoming),
      )!
      sql.run('INSERT INTO queues (home, head) VALUES (?, ?) ON CONFLICT DO NOTHING', home, n)
    },
    entries: (home) => sql.all<Entry>('SELECT * FROM entries WHERE home = ? ORDER BY n', home),
    size(home) {
      return sql.one<{ size: number }>('SELECT count(*) AS size FROM entries WHERE home = ?', home)!.size
    },
    take(home, lease, turn) {
      const busy = sql.one('SELECT 1 FROM queues WHERE home = ? AND lease_until > ?', home, now())
      const entry = busy ? undefined : oldest(home)
      if (!entry || (turn && entry.turn !== turn)) return undefined
      sql.run(
        'UPDATE queues SET token = ?, turn = ?, lease_until = ? WHERE home = ?',
        lease.token,
        entry.turn,
        now() + lease.ms,
        home,
      )
      sql.run('UPDATE entries SET attempt = attempt + 1, begun = 1, amended = NULL WHERE n = ?', entry.n)
      return claimOf({ ...entry, attempt: entry.attempt + 1 }, lease.token)
    },
    held(home, token) {
      const entry = sql.one<Entry>(
        'SELECT e.* FROM queues q JOIN entries e ON e.turn = q.turn WHERE q.home = ? AND q.token = ?',
        home,
        token,
      )
      return entry && claimOf(entry, token)
    },
    owns(claim) {
      return sql.one('SELECT 1 FROM queues WHERE home = ? AND token = ?', claim.home, claim.token) !== undefined
    },
    extend(claim, ms) {
      sql.run('UPDATE queues SET lease_until = ? WHERE home = ?', now() + ms, claim.home)
    },
    idle(home) {
      sql.run('UPDATE queues SET token = NULL, turn = NULL, lease_until = 0 WHERE home = ?', home)
    },
    tidy(home) {
      const entry = oldest(home)
      if (!entry) return void sql.run('DELETE FROM queues WHERE home = ?', home)
      sql.run('UPDATE queues SET head = ? WHERE home = ?', entry.n, home)
      sql.run(
        `UPDATE queues SET token = NULL, turn = NULL, lease_until = 0
          WHERE home = ? AND turn NOT IN (SELECT turn FROM entries WHERE home = ?)`,
        home,
        home,
      )
    },
    due(limit) {
      const left = sql.all<{ home: string }>(
        'SELECT home FROM queues WHERE lease_until > 0 AND lease_until <= ? ORDER BY lease_until LIMIT ?',
        now(),
        limit,
      )
      const idle = sql.all<{ home: string }>(
        'SELECT home FROM queues WHERE lease_until = 0 ORDER BY head LIMIT ?',
        limit - left.length,
      )
      return [...left, ...idle].map((row) => row.home)
    },
    voidAll() {
      sql.run('UPDATE queues SET token = NULL, turn = NULL, lease_until = 0 WHERE lease_until <> 0')
    },
  }
}

function claimOf(entry: Entry, token: string): Claim {
  return {
    home: entry.home,
    token,
    turn: entry.turn,
    conversation: entry.conversation,
    incoming: JSON.parse(entry.incoming) as Incoming,
    acceptedAt: entry.accepted_at,
    attempt: entry.attempt,
    draft: entry.draft === null ? null : (JSON.parse(entry.draft) as JsonObject),
    ...(entry.answer === null ? {} : { answer: JSON.parse(entry.answer) as Answer }),
    stopped: entry.stopped === 1,
  }
}
