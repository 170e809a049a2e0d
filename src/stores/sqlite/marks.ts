import { ownIdMs, type Pointer, pointerMs, seenMs } from '../../store.ts'
import type { Sql } from './database.ts'

/** What a message became. */
export interface Became {
  turn: string
  conversation: string
}

/** What homes remember of their places. All of it runs inside the transaction of the caller. */
export interface Marks {
  /** What a message with one of these ids became. */
  seen(home: string, ids: string[]): Became | undefined
  /** The first id is the message's own, which is remembered for longer. */
  remember(home: string, ids: string[], became: Became): void
  /** The conversation that a place continues. */
  pointer(home: string): Pointer | undefined
  /** A place continues this conversation from now on, and is not muted. */
  point(home: string, conversation: string): void
  unpoint(home: string): void
  mute(home: string): void
}

export function createMarks(sql: Sql, now: () => number): Marks {
  return {
    seen(home, ids) {
      for (const id of ids) {
        const became = sql.one<Became>(
          'SELECT turn, conversation FROM seen WHERE home = ? AND id = ? AND expires_at > ?',
          home,
          id,
          now(),
        )
        if (became) return { ...became }
      }
      return undefined
    },
    remember(home, ids, became) {
      for (const [n, id] of ids.entries()) {
        // An id that is remembered already keeps its time; one whose time is over is taken anew.
        sql.run(
          `INSERT INTO seen (home, id, turn, conversation, expires_at) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET turn = excluded.turn, conversation = excluded.conversation,
              expires_at = excluded.expires_at WHERE expires_at <= ?`,
          home,
          id,
          became.turn,
          became.conversation,
          now() + (n === 0 ? ownIdMs : seenMs),
          now(),
        )
      }
    },
    pointer(home) {
      const row = sql.one<{ conversation: string; used_at: number; muted: number }>(
        `SELECT conversation, used_at, muted FROM pointers
          WHERE home = ? AND expires_at > ? AND conversation IN (SELECT id FROM conversations)`,
        home,
        now(),
      )
      return row && { conversation: row.conversation, usedAt: row.used_at, muted: row.muted === 1 }
    },
    point(home, conversation) {
      sql.run(
        `INSERT INTO pointers (home, conversation, used_at, expires_at) VALUES (?, ?, ?, ?)
          ON CONFLICT DO UPDATE SET conversation = excluded.conversation, used_at = excluded.used_at,
            expires_at = excluded.expires_at, muted = 0`,
        home,
        conversation,
        now(),
        now() + pointerMs,
      )
    },
    unpoint(home) {
      sql.run('DELETE FROM pointers WHERE home = ?', home)
    },
    mute(home) {
      sql.run('UPDATE pointers SET muted = 1 WHERE home = ?', home)
    },
  }
}
