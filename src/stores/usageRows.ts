import { type UsageRow, type Users, usageDays } from '../store.ts'

const dayMs = 24 * 3_600_000

/** When the rows of a day end. */
export function endOfRows(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) + (usageDays + 1) * dayMs
}

/** When the last rows of a day's month end, or a little later. */
export function endOfMonthsRows(day: string): number {
  return endOfRows(`${day.slice(0, 7)}-01`) + 31 * dayMs
}

/** The day of a time, in UTC. */
export function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}

/** The days of a month (`2026-11`). */
export function daysOfMonth(month: string): string[] {
  const first = Date.parse(`${month}-01T00:00:00Z`)
  return Array.from({ length: 31 }, (_, n) => dayOf(first + n * dayMs)).filter((day) => day.startsWith(month))
}

/** The days of a range (both included) for which there can be rows, however wide it is. */
export function daysWithin({ from, to }: { from: string; to: string }, now: number): string[] {
  const days: string[] = []
  // A day more at the end: the instance that writes may be ahead of this one's clock.
  for (let at = now - usageDays * dayMs; at <= now + dayMs; at += dayMs) days.push(dayOf(at))
  return days.filter((day) => day >= from && day <= to)
}

/** Rows that agree in all that is told of them, as one. */
export function sumRows(rows: Iterable<UsageRow>): UsageRow[] {
  const sums = new Map<string, UsageRow>()
  for (const row of rows) {
    const key = JSON.stringify([row.day, row.user, row.surface, row.workspace, row.model])
    const sum = sums.get(key)
    sums.set(key, sum ? add(sum, row) : row)
  }
  return [...sums.values()]
}

function add(a: UsageRow, b: UsageRow): UsageRow {
  return {
    ...a,
    turns: a.turns + b.turns,
    input: a.input + b.input,
    output: a.output + b.output,
    cacheRead: a.cacheRead + b.cacheRead,
    cacheWrite: a.cacheWrite + b.cacheWrite,
    cost: a.cost + b.cost,
  }
}

/** A user's ids, the one of now first; of someone who is not there any more just the one asked for. */
export async function idsOf(users: Pick<Users, 'get'>, id: string): Promise<string[]> {
  const user = await users.get(id)
  return user ? [...new Set([user.id, ...(user.formerly ?? []), id])] : [id]
}

/** How many users are looked up at once. */
const atOnce = 256

/** The rows with every user told by who they are now. */
export async function toldByNow(users: Pick<Users, 'get'>, rows: readonly UsageRow[]): Promise<UsageRow[]> {
  const ids = [...new Set(rows.map((row) => row.user))].filter((id) => id !== '')
  const current = new Map<string, string>()
  for (let n = 0; n < ids.length; n += atOnce) {
    const some = ids.slice(n, n + atOnce)
    const found = await Promise.all(some.map((id) => users.get(id)))
    for (const [i, id] of some.entries()) current.set(id, found[i]?.id ?? id)
  }
  return sumRows(rows.map((row) => ({ ...row, user: current.get(row.user) ?? row.user })))
}
