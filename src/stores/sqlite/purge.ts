import type { Database } from './database.ts'
import { expiring } from './schema.ts'

const everyMs = 60_000
/** Rows deleted in one transaction: bounds how long a purge holds the event loop. */
const atOnce = 500

/**
 * Delete what is over from time to time: reading ignores it already, this gives the room back. Ends with the result of
 * this call. A purge that fails is left for the next time; the next write tells of a store that cannot be written.
 */
export function startPurging(db: Database, now: () => number): () => void {
  let ended = false
  let running = false

  async function purge(): Promise<void> {
    if (running) return
    running = true
    try {
      for (const table of expiring) {
        const text = `DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} WHERE expires_at <= ? LIMIT ${atOnce})`
        let deleted = atOnce
        while (deleted === atOnce && !ended) deleted = await db.writeLazily(() => db.run(text, now()))
      }
    } catch {
      // Told by the next write.
    } finally {
      running = false
    }
  }

  const timer = setInterval(() => void purge(), everyMs)
  timer.unref()
  return () => {
    ended = true
    clearInterval(timer)
  }
}
