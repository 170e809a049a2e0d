import type { Admin, AdminOptions, Door, LogFilter, Seen, UsageQuery } from '../admin.ts'
import { shownIdentities } from '../identities.ts'
import { webIdentityOf } from '../ids.ts'
import { dayOf } from '../limits/rules.ts'
import type { UsageRow } from '../store.ts'
import type { User } from '../types.ts'
import type { Changes } from './changes.ts'
import { logCsv, usageCsv } from './exports.ts'
import { readLog } from './logs.ts'
import { ruleOf } from './rules.ts'

const monthMs = 30 * 24 * 3_600_000

type Views = Omit<Admin, keyof Changes | 'demand'>

/** What admins see. */
export function views(options: AdminOptions, { demand, known }: Door): Views {
  const { store, rules, audit, now = Date.now } = options
  const { users, usage, records } = store

  async function names(ids: readonly string[]): Promise<Map<string, string>> {
    const wanted = [...new Set(ids)].filter((id) => id !== '')
    const found = await Promise.all(wanted.map(async (id) => [id, (await users.get(id))?.name] as const))
    return new Map(found.filter((one): one is [string, string] => one[1] !== undefined))
  }

  /** Whoever was deleted is still in the log, by their id. */
  async function about(text: string): Promise<string[]> {
    const user = (await users.get(text)) ?? (await users.find(text)) ?? (await users.find(webIdentityOf(text)))
    return user ? [user.id, ...(user.formerly ?? [])] : [text]
  }

  async function filtered({ user, action }: LogFilter) {
    return { ...(user !== undefined && { user: await about(user) }), ...(action !== undefined && { action }) }
  }

  const byDay = async (query: UsageQuery): Promise<UsageRow[]> =>
    (await usage.read(query)).sort((a, b) => (a.day < b.day ? -1 : a.day > b.day ? 1 : 0))

  return {
    async users(actor, { text, after, limit }) {
      await demand(actor)
      const from = after === undefined ? {} : { after }
      if (text) {
        const { items, ...more } = await users.search(text, { ...from, limit })
        return { items: items.map(seen), ...more }
      }
      const some = await users.list({ ...from, limit: limit + 1 })
      const items = some.slice(0, limit)
      return { items: items.map(seen), ...(some.length > limit && { next: items.at(-1)!.id }) }
    },
    async account(actor, id) {
      await demand(actor)
      const user = await known(id)
      const [allowances, rows] = await Promise.all([
        options.limits.left(user),
        usage.read({ from: dayOf(now() - monthMs), to: dayOf(now()), user: user.id }),
      ])
      const rule = ruleOf({ of: 'user', user }, rules.current())
      return { user: seen(user), identities: shownIdentities(user), allowances, usage: rows, rule }
    },
    async names(actor, ids) {
      await demand(actor)
      return names(ids)
    },
    async rules(actor) {
      await demand(actor)
      return rules.current()
    },
    async workspaces(actor) {
      await demand(actor)
      return options.workspaces()
    },
    async usage(actor, query) {
      await demand(actor)
      return byDay(query)
    },
    async log(actor, kind, { limit, before, ...filter }) {
      await demand(actor)
      return readLog(records, kind, { limit, ...(before !== undefined && { before }), ...(await filtered(filter)) })
    },
    async *usageCsv(actor, query) {
      await demand(actor)
      await audit.record('export', { actor: actor.id, details: { what: 'usage', ...query } })
      yield* usageCsv(await byDay(query), names)
    },
    async *logCsv(actor, kind, filter) {
      await demand(actor)
      await audit.record('export', { actor: actor.id, details: { what: kind } })
      yield* logCsv(records, names, kind, await filtered(filter))
    },
  }
}

function seen({ password, ...user }: User): Seen {
  return { ...user, hasPassword: password !== undefined }
}
