import type { Entry, Records } from '../store.ts'
import type { Page } from '../types.ts'

export type LogKind = 'audit' | 'feedback'

export interface LogQuery {
  /** Before the entry with this id. */
  before?: string
  /** About one user, by all the ids they have and had. */
  user?: readonly string[]
  /** Of the audit log: what was done. */
  action?: string
}

const step = 200
/** Looked through in one call, when only some are wanted. */
const most = 2_000

/** The newest first. A call looks at a bounded number: a page may be short, or empty, while `next` says where to go on. */
export async function readLog(
  records: Pick<Records, 'list'>,
  kind: LogKind,
  { limit, action, ...query }: LogQuery & { limit: number },
): Promise<Page<Entry>> {
  const items: Entry[] = []
  let before = query.before
  for (let looked = 0; looked < most; looked += step) {
    const some = await records.list(kind, {
      limit: action === undefined ? limit + 1 : step,
      ...(query.user && { user: query.user }),
      ...(before !== undefined && { before }),
    })
    items.push(...some.filter(({ data }) => action === undefined || data.action === action))
    if (items.length > limit) return { items: items.slice(0, limit), next: items[limit - 1]!.id }
    if (some.length < step) return { items }
    before = some.at(-1)!.id
  }
  return { items, ...(before !== undefined && { next: before }) }
}

/** All of them, a bounded piece at a time. */
export async function* wholeLog(
  records: Pick<Records, 'list'>,
  kind: LogKind,
  query: LogQuery,
): AsyncIterable<Entry[]> {
  for (let before = query.before; ; ) {
    const { items, next } = await readLog(records, kind, {
      ...query,
      limit: step,
      ...(before !== undefined && { before }),
    })
    yield items
    if (next === undefined) return
    before = next
  }
}
