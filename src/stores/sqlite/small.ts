import type { Cache, Counters } from '../../store.ts'
import type { Database } from './database.ts'

export function createCounters(db: Database, now: () => number): Counters {
  return {
    hit(key, windowMs) {
      return db.writeLazily(() => {
        const row = db.one<{ count: number; expires_at: number }>(
          `INSERT INTO counters (key, count, expires_at) VALUES (?1, 1, ?2 + ?3)
            ON CONFLICT DO UPDATE SET
              count = CASE WHEN expires_at > ?2 THEN count + 1 ELSE 1 END,
              expires_at = CASE WHEN expires_at > ?2 THEN expires_at ELSE excluded.expires_at END
            RETURNING count, expires_at`,
          key,
          now(),
          windowMs,
        )!
        return { count: row.count, resetsAt: row.expires_at }
      })
    },
    reset: (key) => db.write(() => void db.run('DELETE FROM counters WHERE key = ?', key)),
  }
}

export function createCache(db: Database, now: () => number): Cache {
  return {
    get(key) {
      return db.read(
        () =>
          db.one<{ value: string }>('SELECT value FROM cache WHERE key = ? AND expires_at > ?', key, now())?.value ??
          null,
      )
    },
    set(key, value, ttlMs) {
      return db.writeLazily(() => {
        db.run(
          `INSERT INTO cache (key, value, expires_at) VALUES (?, ?, ?)
            ON CONFLICT DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at`,
          key,
          value,
          now() + ttlMs,
        )
      })
    },
    swap(key, expected, value, ttlMs) {
      // Not lazily: what may be used once must not come back after a power cut.
      return db.write(() => {
        const text = 'SELECT value FROM cache WHERE key = ? AND expires_at > ?'
        if ((db.one<{ value: string }>(text, key, now())?.value ?? null) !== expected) return false
        db.run('DELETE FROM cache WHERE key = ?', key)
        if (value !== null) {
          db.run('INSERT INTO cache (key, value, expires_at) VALUES (?, ?, ?)', key, value, now() + ttlMs)
        }
        return true
      })
    },
  }
}
