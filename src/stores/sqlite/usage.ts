import type { UsageLog, UsageRow, Users } from '../../store.ts'
import { endOfRows, idsOf, toldByNow } from '../usageRows.ts'
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

    async read({ from, to, user }) {
      const where = 'FROM usage WHERE day BETWEEN ? AND ? AND expires_at > ?'
      if (user === undefined) {
        const rows = await db.read(() => db.all<UsageRow>(`SELECT ${columns} ${where}`, from, to, now()))
        return toldByNow(users, rows)
      }
      const ids = await idsOf(users, user)
      const rows = await db.read(() =>
        ids.flatMap((id) => db.all<UsageRow>(`SELECT ${columns} ${where} AND user = ?`, from, to, now(), id)),
      )
      return toldByNow(users, rows)
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
