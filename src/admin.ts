import type { Audit, AuditAction } from './audit.ts'
import { Fault } from './errors.ts'
import { type Identities, shownIdentities } from './identities.ts'
import { dayOf, type Rule, type Rules } from './limits/rules.ts'
import type { Limits } from './limits.ts'
import type { People } from './people.ts'
import type { Personal } from './personal.ts'
import type { Setting } from './settings.ts'
import type { Entry, Store, UsageRow } from './store.ts'
import type { Allowance, JsonObject, Page, Role, User } from './types.ts'

/** Where people reach us from, as admins see it. */
export interface Workspace {
  /** `slack:T1`, `teams:<tenant>` or `web:local`: the name under which limits are set for it. */
  id: string
  name?: string
  /** How it came to be there: installed, configured. */
  how: string
  since?: number
}

/** One person as admins see them: never what they wrote. */
export interface Account {
  user: User
  identities: string[]
  allowances: Allowance[]
  usage: UsageRow[]
  /** Their own rule, if there is one. */
  rule?: Rule
}

/**
 * What admins may do. Each call names who acts, is refused with `not_found` to everybody else (what is here is nobody
 * else's business), and leaves an entry in the audit log if it changes something. Nothing here shows a message or a title.
 */
export interface Admin {
  /** Those with `text` in their name, address or identity; all of them without. By id, a page at a time. */
  users(actor: User, query: { text?: string; after?: string; limit: number }): Promise<Page<User>>
  account(actor: User, id: string): Promise<Account>
  setRoles(actor: User, id: string, roles: Role[]): Promise<void>
  /** Ends their sessions, too. Not oneself. */
  setState(actor: User, id: string, state: User['state']): Promise<void>
  setHold(actor: User, id: string, hold: boolean): Promise<void>
  endSessions(actor: User, id: string): Promise<void>
  /** The identity goes its own way, see `Identities.unlink`. */
  unlink(actor: User, id: string, identity: string): Promise<void>
  /** All that is kept of them, and them, see `Personal.forget`. */
  forget(actor: User, id: string): Promise<void>
  rules(actor: User): Promise<Rules>
  setRules(actor: User, rules: Rules): Promise<void>
  workspaces(actor: User): Promise<Workspace[]>
  /** Rows of these days, both included (`2026-11-23`). */
  usage(actor: User, query: { from: string; to: string; user?: string }): Promise<UsageRow[]>
  /** The newest first, before the one with id `before`. */
  entries(
    actor: User,
    kind: 'audit' | 'feedback',
    query: { before?: string; limit: number; user?: string },
  ): Promise<Entry[]>
}

const monthMs = 30 * 24 * 3_600_000

export function createAdmin(options: {
  store: Pick<Store, 'users' | 'sessions' | 'usage' | 'records'>
  people: Pick<People, 'changed'>
  identities: Pick<Identities, 'unlink'>
  personal: Pick<Personal, 'forget'>
  limits: Pick<Limits, 'left'>
  rules: Pick<Setting<Rules>, 'current' | 'set'>
  workspaces(): Promise<Workspace[]>
  audit: Audit
  now?: () => number
}): Admin {
  const { store, people, rules, audit, now = Date.now } = options
  const { users, sessions, usage, records } = store

  /** As they are now: a role may have been taken away since the page was opened. */
  async function demandAdmin({ id }: User): Promise<void> {
    const actor = await users.get(id)
    if (actor?.state !== 'active' || !actor.roles.includes('admin')) throw new Fault('not_found')
  }

  async function known(id: string): Promise<User> {
    const user = await users.get(id)
    if (!user) throw new Fault('not_found')
    return user
  }

  /** One change of one user by an admin: stored, told to all instances, written down. */
  async function change(
    actor: User,
    id: string,
    action: AuditAction,
    make: (user: User) => { patch: Parameters<typeof users.update>[1]; details?: JsonObject },
  ): Promise<User> {
    await demandAdmin(actor)
    const user = await known(id)
    const { patch, details } = make(user)
    const changed = await users.update(user.id, patch)
    if (!changed) throw new Fault('not_found')
    await people.changed(changed)
    await audit.record(action, { user: user.id, actor: actor.id, ...(details && { details }) })
    return changed
  }

  /** Somebody must be able to come in here. Looks at users until it finds another admin. */
  async function isLastAdmin(id: string): Promise<boolean> {
    for (let after: string | undefined; ; ) {
      const some = await users.list({ limit: 200, ...(after !== undefined && { after }) })
      if (some.some((user) => user.id !== id && user.state === 'active' && user.roles.includes('admin'))) return false
      if (some.length < 200) return true
      after = some.at(-1)!.id
    }
  }

  return {
    async users(actor, { text, after, limit }) {
      await demandAdmin(actor)
      const from = { limit, ...(after !== undefined && { after }) }
      if (text) return users.search(text, from)
      const items = await users.list(from)
      return items.length < limit ? { items } : { items, next: items.at(-1)!.id }
    },
    async account(actor, id) {
      await demandAdmin(actor)
      const user = await known(id)
      const [allowances, rows] = await Promise.all([
        options.limits.left(user),
        usage.read({ from: dayOf(now() - monthMs), to: dayOf(now()), user: user.id }),
      ])
      const rule = rules.current().users[user.id]
      return { user, identities: shownIdentities(user), allowances, usage: rows, ...(rule && { rule }) }
    },
    async setRoles(actor, id, roles) {
      await demandAdmin(actor)
      if (!roles.includes('admin') && (await isLastAdmin((await known(id)).id))) throw new Fault('last_admin')
      await change(actor, id, 'role', (user) => ({ patch: { roles }, details: { from: user.roles, to: roles } }))
    },
    async setState(actor, id, state) {
      await demandAdmin(actor)
      if (state === 'disabled' && (await known(id)).id === actor.id) throw new Fault('not_oneself')
      const changed = await change(actor, id, state === 'disabled' ? 'disable' : 'enable', () => ({ patch: { state } }))
      if (state === 'disabled') await sessions.endAll(changed.id)
    },
    async setHold(actor, id, hold) {
      await change(actor, id, 'hold', () => ({ patch: { hold }, details: { on: hold } }))
    },
    async endSessions(actor, id) {
      await demandAdmin(actor)
      const user = await known(id)
      await sessions.endAll(user.id)
      await audit.record('sessions_ended', { user: user.id, actor: actor.id })
    },
    async unlink(actor, id, identity) {
      await demandAdmin(actor)
      await options.identities.unlink(await known(id), identity, actor.id)
    },
    async forget(actor, id) {
      await demandAdmin(actor)
      const user = await known(id)
      if (user.id === actor.id) throw new Fault('not_oneself')
      await options.personal.forget(user, actor.id)
    },
    async rules(actor) {
      await demandAdmin(actor)
      return rules.current()
    },
    async setRules(actor, next) {
      await demandAdmin(actor)
      const before = rules.current()
      await rules.set(next)
      await audit.record('limit', { actor: actor.id, details: { before: toJson(before), after: toJson(next) } })
    },
    async workspaces(actor) {
      await demandAdmin(actor)
      return options.workspaces()
    },
    async usage(actor, query) {
      await demandAdmin(actor)
      return usage.read(query)
    },
    async entries(actor, kind, { user, ...query }) {
      await demandAdmin(actor)
      const found = user === undefined ? null : await users.get(user)
      const ids = found ? [found.id, ...(found.formerly ?? [])] : user
      return records.list(kind, { ...query, ...(ids !== undefined && { user: ids }) })
    },
  }
}

function toJson(rules: Rules): JsonObject {
  return JSON.parse(JSON.stringify(rules)) as JsonObject
}
