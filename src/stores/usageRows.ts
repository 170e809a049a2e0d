import { setImmediate as breathe } from 'node:timers/promises'
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

/** Rows that are worked on before others get their turn on the event loop. */
const atOnce = 512

/** The rows with every user told by who they are now; those that agree in all that is told of them as one. */
export async function toldByNow(users: Pick<Users, 'get'>, rows: readonly UsageRow[]): Promise<UsageRow[]> {
  const current = new Map([['', '']])
  const sums = new Map<string, UsageRow>()
  for (let n = 0; n < rows.length; n += atOnce) {
    const some = rows.slice(n, n + atOnce)
    const unknown = new Set(some.map((row) => row.user).filter((id) => !current.has(id)))
    await Promise.all([...unknown].map(async (id) => current.set(id, (await users.get(id))?.id ?? id)))
    for (const row of some) {
      const told = { ...row, user: current.get(row.user) ?? row.user }
      const key = JSON.stringify([told.day, told.user, told.surface, told.workspace, told.model])
      const sum = sums.get(key)
      sums.set(key, sum ? add(sum, told) : told)
    }
    await breathe()
  }
  return [...sums.values()]
}
