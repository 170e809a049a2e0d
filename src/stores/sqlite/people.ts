import type { Absences, Sessions } from '../../store.ts'
import type { JsonObject } from '../../types.ts'
import type { Database, Sql } from './database.ts'

export function createSessions(db: Database, now: () => number): Sessions {
  return {
    get(id) {
      return db.read(() => {
        const row = db.one<{ data: string }>('SELECT data FROM sessions WHERE id = ? AND expires_at > ?', id, now())
        return row ? (JSON.parse(row.data) as JsonObject) : null
      })
    },
    set(id, data, { user, expiresAt }) {
      return db.write(() => {
        db.run(
          `INSERT INTO sessions (id, user, data, expires_at) VALUES (?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET user = excluded.user, data = excluded.data, expires_at = excluded.expires_at`,
          id,
          user ?? null,
          JSON.stringify(data),
          expiresAt,
        )
      })
    },
    touch(id, data, { user, expiresAt }) {
      return db.write(() => {
        const changes = db.run(
          'UPDATE sessions SET user = ?, data = ?, expires_at = ? WHERE id = ? AND expires_at > ?',
          user ?? null,
          JSON.stringify(data),
          expiresAt,
          id,
          now(),
        )
        return changes > 0
      })
    },
    destroy: (id) => db.write(() => void db.run('DELETE FROM sessions WHERE id = ?', id)),
    endAll(user, except) {
      return db.write(() => {
        // Those of before a merge as well, whichever of their ids is given.
        db.run(
          `DELETE FROM sessions
            WHERE (user = ?1 OR user IN (SELECT id FROM aliases WHERE user = ?1)) AND id IS NOT ?2`,
          whoIs(db, user),
          except ?? null,
        )
      })
    },
  }
}

/** The id of the user that someone with this id is by now. */
export function whoIs(sql: Sql, id: string): string {
  return sql.one<{ user: string }>('SELECT user FROM aliases WHERE id = ?', id)?.user ?? id
}

export function createAbsences(db: Database): Absences {
  return {
    left(audience, identity) {
      return db.write(() => {
        db.run('INSERT INTO absences (identity, audience) VALUES (?, ?) ON CONFLICT DO NOTHING', identity, audience)
      })
    },
    back(audience, identity) {
      return db.write(() => void db.run('DELETE FROM absences WHERE identity = ? AND audience = ?', identity, audience))
    },
    among(audiences, identities) {
      return db.read(() =>
        db
          .all<{ audience: string }>(
            `SELECT DISTINCT audience FROM absences
              WHERE identity IN (SELECT value FROM json_each(?)) AND audience IN (SELECT value FROM json_each(?))`,
            JSON.stringify(identities),
            JSON.stringify(audiences),
          )
          .map((row) => row.audience),
      )
    },
  }
}
