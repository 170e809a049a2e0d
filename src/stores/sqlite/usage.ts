import { setImmediate as breathe } from 'node:timers/promises'
import type { UsageLog, UsageRow, Users } from '../../store.ts'
import { daysWithin, endOfRows, idsOf, toldByNow } from '../usageRows.ts'
import type { Database } from './database.ts'

const columns = `day, user, surface, workspace, model, turns, input, output, cache_read AS cacheRead,
  cache_write AS cacheWrite, cost`

const addTo = `ON CONFLICT DO UPDATE SET
  turns = turns + excluded.turns,
  input = input + excluded.input,
  output = output + excluded.output,
  cache_read = cache_read + excluded.cache_read,
  cache_write = cache_write + excluded.cache_write,
  cost = cost + excluded.cost`

/** Statistics: written lazily. */
export function createUsage(db: Database, now: () => number, users: Pick<Users, 'get'>): UsageLog {
  const rowsOf = (day: string, user: string | undefined) =>
    db.all<UsageRow>(
      `SELECT ${columns} FROM usage WHERE day = ? AND expires_at > ? ${user === undefined ? '' : 'AND user = ?'}`,
      day,
      now(),
      ...(user === undefined ? [] : [user]),
    )

  return {
    add(row) {
      return db.writeLazily(() => {
        db.run(
          `INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ${addTo}`,
          row.day,
          row.user,
          row.surface,
          row.workspace,
          row.model,
          row.turns,
          row.input,
          row.output,
          row.cacheRead,
          row.cacheWrite,
          row.cost,
          endOfRows(row.day),
        )
      })
    },

    async read({ user, ...range }) {
      const ids = user === undefined ? [undefined] : await idsOf(users, user)
      const days: UsageRow[][] = []
      for (const day of daysWithin(range, now())) {
        for (const id of ids) days.push(await db.read(() => rowsOf(day, id)))
        await breathe()
      }
      return toldByNow(users, days.flat())
    },

    async forget(user) {
      if (user === '') return
      const ids = await idsOf(users, user)
      await db.write(() => {
        for (const id of ids) {
          db.run(
            `INSERT INTO usage SELECT day, '', surface, workspace, model, turns, input, output, cache_read, cache_write,
              cost, expires_at FROM usage WHERE user = ? ${addTo}`,
            id,
          )
          db.run('DELETE FROM usage WHERE user = ?', id)
        }
      })
    },
  }
}
