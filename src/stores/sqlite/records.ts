import { firstIdAt } from '../../ids.ts'
import type { Entry, Records } from '../../store.ts'
import type { JsonObject } from '../../types.ts'
import type { Database } from './database.ts'

interface Row {
  id: string
  at: number
  user: string | null
  data: string
}

function entryOf({ id, at, user, data }: Row): Entry {
  return { id, at, ...(user !== null && { user }), data: JSON.parse(data) as JsonObject }
}

/** Sorts after every id. */
const end = '\uffff'

export function createRecords(db: Database): Records {
  const newest = (kind: string, before: string, limit: number, user?: string) =>
    db.all<Row>(
      `SELECT id, at, user, data FROM records WHERE kind = ? AND id < ? ${user === undefined ? '' : 'AND user = ?'}
        ORDER BY id DESC LIMIT ?`,
      ...(user === undefined ? [kind, before] : [kind, before, user]),
      limit,
    )

  return {
    put(kind, { id, at, user, data }) {
      return db.write(() => {
        db.run(
          `INSERT INTO records (kind, id, at, user, data) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET at = excluded.at, user = excluded.user, data = excluded.data`,
          kind,
          id,
          at,
          user ?? null,
          JSON.stringify(data),
        )
      })
    },

    list(kind, { before = end, limit, user }) {
      return db.read(() => {
        if (user === undefined) return newest(kind, before, limit).map(entryOf)
        const ids = new Set([user].flat())
        const found = [...ids].flatMap((id) => newest(kind, before, limit, id))
        return found
          .sort((a, b) => (a.id < b.id ? 1 : -1))
          .slice(0, limit)
          .map(entryOf)
      })
    },

    drop: (kind, id) => db.write(() => void db.run('DELETE FROM records WHERE kind = ? AND id = ?', kind, id)),

    purge(kind, before, limit) {
      return db.write(() =>
        db.run(
          `DELETE FROM records WHERE kind = ?1 AND id IN
            (SELECT id FROM records WHERE kind = ?1 AND id < ?2 ORDER BY id LIMIT ?3)`,
          kind,
          firstIdAt(before),
          limit,
        ),
      )
    },
  }
}
