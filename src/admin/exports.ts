import type { Entry, Records, UsageRow } from '../store.ts'
import { byteOrderMark, type Cell, csvLine } from './csv.ts'
import { type LogKind, type LogQuery, wholeLog } from './logs.ts'

/** Names by id, of those who are still there. */
export type Names = (ids: readonly string[]) => Promise<Map<string, string>>

const timeOf = (at: number): string => new Date(at).toISOString()
const text = (value: unknown): string => (typeof value === 'string' ? value : '')

/** The audit log or what people said of answers, as CSV. */
export async function* logCsv(
  records: Pick<Records, 'list'>,
  names: Names,
  kind: LogKind,
  query: LogQuery,
): AsyncIterable<string> {
  const [head, cells] = kind === 'audit' ? audit : feedback
  yield byteOrderMark + csvLine(head)
  for await (const some of wholeLog(records, kind, query)) {
    const known = await names(some.flatMap(({ user, data }) => [user ?? '', text(data.actor)]))
    yield some.map((entry) => csvLine(cells(entry, known))).join('')
  }
}

type Shape = [head: string[], cells: (entry: Entry, names: Map<string, string>) => Cell[]]

const audit: Shape = [
  ['time', 'action', 'user', 'user_name', 'actor', 'actor_name', 'details'],
  ({ at, user = '', data: { action, actor, details } }, names) => [
    timeOf(at),
    text(action),
    user,
    names.get(user),
    text(actor),
    names.get(text(actor)),
    details ? JSON.stringify(details) : '',
  ],
]

const feedback: Shape = [
  ['time', 'user', 'user_name', 'surface', 'rating', 'comment'],
  ({ at, user = '', data: { surface, value, comment } }, names) => [
    timeOf(at),
    user,
    names.get(user),
    text(surface),
    text(value),
    text(comment),
  ],
]

const step = 500

/** What was used, as CSV. */
export async function* usageCsv(rows: readonly UsageRow[], names: Names): AsyncIterable<string> {
  const head = ['day', 'user', 'user_name', 'surface', 'workspace', 'model', 'turns']
  yield byteOrderMark + csvLine([...head, 'input', 'output', 'cache_read', 'cache_write', 'cost_usd'])
  for (let from = 0; from < rows.length; from += step) {
    const some = rows.slice(from, from + step)
    const known = await names(some.map(({ user }) => user))
    yield some
      .map(({ day, user, surface, workspace, model, turns, input, output, cacheRead, cacheWrite, cost }) =>
        csvLine([
          ...[day, user, known.get(user), surface, workspace, model, turns],
          ...[input, output, cacheRead, cacheWrite, cost / 1_000_000],
        ]),
      )
      .join('')
  }
}
