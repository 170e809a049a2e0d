import { newId } from '../../ids.ts'
import type { Vault } from '../../store.ts'
import type { Database } from './database.ts'

export function createVault(db: Database, now: () => number): Vault {
  return {
    get: (key) => db.read(() => db.one<{ value: string }>('SELECT value FROM vault WHERE key = ?', key)?.value ?? null),
    set(key, value) {
      return db.write(() => {
        db.run(
          'INSERT INTO vault (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
          key,
          value,
        )
      })
    },
    delete: (key) => db.write(() => void db.run('DELETE FROM vault WHERE key = ?', key)),
    async lock(key, ms) {
      const owner = newId()
      const taken = await db.write(() =>
        db.run(
          `INSERT INTO locks (key, owner, expires_at) VALUES (?, ?, ?)
            ON CONFLICT DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at WHERE expires_at <= ?`,
          key,
          owner,
          now() + ms,
          now(),
        ),
      )
      if (taken === 0) return null
      return () => db.write(() => void db.run('DELETE FROM locks WHERE key = ? AND owner = ?', key, owner))
    },
  }
}
