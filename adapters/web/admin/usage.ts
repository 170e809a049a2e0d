import type { UsageRow } from '../../../src/store.ts'
import { type Surface, surfaces } from '../../../src/types.ts'
import type { Route } from '../route.ts'
import { sendAll } from '../text.ts'
import { type AdminParts, csv, forAdmins, page, show } from './page.ts'
import { type Bar, barsOf } from './plot.ts'
import * as schemas from './schemas.ts'
import { count, dollars, surfaceNames } from './words.ts'

type Measure = 'tokens' | 'turns' | 'cost'
const dayMs = 24 * 3_600_000
/** As long as rows are kept. */
const mostDays = 400
const usualDays = 30
/** Rows of a table; the file has them all. */
const mostRows = 50

interface Sum {
  turns: number
  tokens: number
  cost: number
}

/** What was used by whom, where, of which model and when. */
export function usagePages(parts: AdminParts): Route[] {
  const { admin, now } = parts
  return [
    forAdmins(
      parts,
      { method: 'get', path: '/admin/usage', summary: 'What was used', query: schemas.UsageQuery, answers: page },
      async ({ query, response }, person) => {
        const range = rangeOf(query, now())
        const rows = await admin.usage(person.user, range)
        const byUser = grouped(rows, ({ user }) => user)
        const names = await admin.names(
          person.user,
          byUser.slice(0, mostRows).map(([id]) => id),
        )
        show(response, person, 'usage', 'usage', {
          ...range,
          ...shownUsage(rows, range, query.of ?? 'tokens'),
          users: byUser.slice(0, mostRows).map(([id, sum]) => ({ id, name: names.get(id), ...shown(sum) })),
          moreUsers: Math.max(0, byUser.length - mostRows),
        })
      },
    ),
    forAdmins(
      parts,
      {
        method: 'get',
        path: '/admin/usage.csv',
        summary: 'What was used, as a file',
        query: schemas.UsageQuery,
        answers: csv,
      },
      async ({ query, response }, { user }) => {
        const range = rangeOf(query, now())
        response.attachment(`usage-${range.from}-${range.to}.csv`).type('text/csv')
        await sendAll(admin.usageCsv(user, range), response)
      },
    ),
  ]
}

const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10)

/** The days that are asked for, the earlier one first; the last thirty by default. */
function rangeOf({ from, to }: { from?: string | undefined; to?: string | undefined }, now: number) {
  const end = to ?? dayOf(now)
  const begin = from ?? dayOf(Date.parse(end) - (usualDays - 1) * dayMs)
  const [first, last] = begin <= end ? [begin, end] : [end, begin]
  const earliest = Date.parse(last) - (mostDays - 1) * dayMs
  return { from: dayOf(Math.max(Date.parse(first), earliest)), to: last }
}

function daysOf({ from, to }: { from: string; to: string }): string[] {
  const days: string[] = []
  for (let at = Date.parse(from); at <= Date.parse(to); at += dayMs) days.push(dayOf(at))
  return days
}

function shownUsage(rows: UsageRow[], range: { from: string; to: string }, of: Measure) {
  const perDay = new Map(grouped(rows, ({ day }) => day))
  const perCell = new Map(grouped(rows, ({ day, surface }) => `${day} ${surface}`))
  const days = daysOf(range)
  const bars: Bar[] = days.map((day) => ({
    label: day,
    parts: surfaces.map((surface) => ({ kind: surface, value: perCell.get(`${day} ${surface}`)?.[of] ?? 0 })),
  }))
  const format = of === 'cost' ? dollars : count
  const named = (key: (row: UsageRow) => string, name = (text: string): string => text) =>
    grouped(rows, key)
      .slice(0, mostRows)
      .map(([text, sum]) => ({ name: name(text), ...shown(sum) }))
  return {
    of,
    total: shown(grouped(rows, () => '')[0]?.[1] ?? { turns: 0, tokens: 0, cost: 0 }),
    plot: { ...barsOf(bars, format), surfaces: surfaces.map((surface) => ({ surface, name: surfaceNames[surface] })) },
    bySurface: named(
      ({ surface }) => surface,
      (surface) => surfaceNames[surface as Surface],
    ),
    byModel: named(
      ({ model }) => model,
      (model) => model || 'No model answered',
    ),
    byWorkspace: named(({ surface, workspace }) => `${surface}:${workspace}`),
    byDay: days
      .filter((day) => perDay.has(day))
      .map((day) => ({ name: day, ...shown(perDay.get(day)!) }))
      .reverse(),
  }
}

/** Sums by key, the most tokens first. */
function grouped(rows: readonly UsageRow[], key: (row: UsageRow) => string): [string, Sum][] {
  const sums = new Map<string, Sum>()
  for (const row of rows) {
    const name = key(row)
    const sum = sums.get(name) ?? { turns: 0, tokens: 0, cost: 0 }
    sum.turns += row.turns
    sum.tokens += row.input + row.output + row.cacheRead + row.cacheWrite
    sum.cost += row.cost
    sums.set(name, sum)
  }
  return [...sums].sort(([a, x], [b, y]) => y.tokens - x.tokens || (a < b ? -1 : 1))
}

const shown = ({ turns, tokens, cost }: Sum) => ({ turns: count(turns), tokens: count(tokens), cost: dollars(cost) })
