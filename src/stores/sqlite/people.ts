import type { Sessions, Users } from '../../store.ts'
import type { JsonObject, User } from '../../types.ts'
import type { Database } from './database.ts'

export function createUsers(db: Database): Users {
  interface Row {
    body: string
  }
  const byId = (id: string) => userOf(db.one<Row>('SELECT body FROM users WHERE id = ?', id))
  const byIdentity = (identity: string) =>
    userOf(db.one<Row>('SELECT u.body FROM identities i JOIN users u ON u.id = i.user WHERE i.identity = ?', identity))

  function userOf(row: Row | undefined): User | null {
    return row ? (JSON.parse(row.body) as User) : null
  }

  return {
    get: (id) => db.read(() => byId(id)),
    find: (identity) => db.read(() => byIdentity(identity)),
    create(user) {
      return db.write(() => {
        for (const identity of user.identities) {
          const owner = byIdentity(identity)
          if (owner) return owner
        }
        db.run('INSERT INTO users (id, body) VALUES (?, ?)', user.id, JSON.stringify(user))
        for (const identity of user.identities) {
          db.run('INSERT INTO identities (identity, user) VALUES (?, ?)', identity, user.id)
        }
        return user
      })
    },
    update(id, patch) {
      return db.write(() => {
        const user = byId(id)
        if (!user) return null
        const changed: User = { ...user, ...patch, id, identities: user.identities }
        db.run('UPDATE users SET body = ? WHERE id = ?', JSON.stringify(changed), id)
        return byId(id)
      })
    },
    list({ after = '', limit }) {
      return db.read(() =>
        db
          .all<Row>('SELECT body FROM users WHERE id > ? ORDER BY id LIMIT ?', after, limit)
          .map((row) => JSON.parse(row.body) as User),
      )
    },
  }
}

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
      return db.write(() => void db.run('DELETE FROM sessions WHERE user = ? AND id IS NOT ?', user, except ?? null))
    },
  }
}
