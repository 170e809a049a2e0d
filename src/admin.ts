import { changes } from './admin/changes.ts'
import type { LogKind } from './admin/logs.ts'
import type { RuleOwner } from './admin/rules.ts'
import { views } from './admin/views.ts'
import type { Audit } from './audit.ts'
import { Fault } from './errors.ts'
import type { Identities } from './identities.ts'
import type { Rule, Rules } from './limits/rules.ts'
import type { Limits } from './limits.ts'
import type { People } from './people.ts'
import type { Personal } from './personal.ts'
import type { Setting } from './settings.ts'
import type { Entry, Store, UsageRow } from './store.ts'
import type { Allowance, Page, Role, User } from './types.ts'

export type { LogKind, RuleOwner }

/** Where people reach us from, as admins see it. */
export interface Workspace {
  /** `slack:T1`, `teams:<tenant>` or `web:local`: the name under which limits are set for it. */
  id: string
  name?: string
  /** How it came to be there. */
  how: 'installed' | 'configured' | 'built in'
  since?: number
}

/** A user as admins see them: never what they wrote, nor how their password is kept. */
export interface Seen extends Omit<User, 'password'> {
  hasPassword: boolean
}

export interface Account {
  user: Seen
  /** Without the addresses, by which nobody comes in. */
  identities: string[]
  allowances: Allowance[]
  /** Of the last 30 days. */
  usage: UsageRow[]
  /** Their own limits, if they have some. */
  rule: Rule
}

/**
 * What admins may do. Each call names who acts, is refused with `not_found` to everybody else (what is here is nobody
 * else's business), and leaves an entry in the audit log if it changes something. Nothing here shows a message or a title.
 */
export interface Admin {
  /** Throws `not_found` for those who are no admins now; written down, once an hour for each. */
  demand(actor: User): Promise<void>
  /** Those with `text` in their name, address or identity; all of them without. By id, a page at a time, see `Users.search`. */
  users(actor: User, query: { text?: string; after?: string; limit: number }): Promise<Page<Seen>>
  account(actor: User, id: string): Promise<Account>
  /** Names by id, of those who are still there. */
  names(actor: User, ids: readonly string[]): Promise<Map<string, string>>
  /** Throws `last_admin`. */
  setRole(actor: User, id: string, role: Role): Promise<void>
  /** Ends their sessions, too. Throws `not_oneself`. */
  setState(actor: User, id: string, state: User['state']): Promise<void>
  setHold(actor: User, id: string, hold: boolean): Promise<void>
  endSessions(actor: User, id: string): Promise<void>
  /** The identity goes its own way, see `Identities.unlink`. */
  unlink(actor: User, id: string, identity: string): Promise<void>
  /** All that is kept of them, and them, see `Personal.forget`. Throws `not_oneself`, `on_hold`. */
  forget(actor: User, id: string): Promise<void>
  rules(actor: User): Promise<Rules>
  /** One rule anew; an empty one is taken away. Throws `bad_limit`, or `not_found` for a user who is not there. */
  setRule(actor: User, owner: OwnerName, rule: Rule): Promise<void>
  workspaces(actor: User): Promise<Workspace[]>
  /** Rows of these days, both included (`2026-11-23`), by day. */
  usage(actor: User, query: UsageQuery): Promise<UsageRow[]>
  /** The newest first. A page may be short, or empty, while `next` says where to go on. */
  log(actor: User, kind: LogKind, query: LogFilter & { before?: string; limit: number }): Promise<Page<Entry>>
  /** All of it as CSV, a bounded piece at a time. */
  usageCsv(actor: User, query: UsageQuery): AsyncIterable<string>
  logCsv(actor: User, kind: LogKind, query: LogFilter): AsyncIterable<string>
}

export interface UsageQuery {
  from: string
  to: string
}

export interface LogFilter {
  /** Whom it is about: an id, a name of the web page or any identity. */
  user?: string
  action?: string
}

/** Whom a rule is for, by name. */
export type OwnerName = Exclude<RuleOwner, { of: 'user' }> | { of: 'user'; user: string }

export interface AdminOptions {
  store: Pick<Store, 'users' | 'sessions' | 'usage' | 'records' | 'counters' | 'vault'>
  people: Pick<People, 'changed'>
  identities: Pick<Identities, 'unlink'>
  personal: Pick<Personal, 'forget'>
  limits: Pick<Limits, 'left'>
  rules: Pick<Setting<Rules>, 'current' | 'change'>
  workspaces(): Promise<Workspace[]>
  audit: Audit
  now?: () => number
}

const hourMs = 3_600_000

export function createAdmin(options: AdminOptions): Admin {
  const door = createDoor(options)
  return { demand: door.demand, ...changes(options, door), ...views(options, door) }
}

/** Who may come in, and who is there. */
export interface Door {
  demand(actor: User): Promise<void>
  known(id: string): Promise<User>
}

function createDoor({ store: { users, counters }, audit }: AdminOptions): Door {
  return {
    /** As they are now: a role may have been taken away since the page was opened. */
    async demand({ id }) {
      const actor = await users.get(id)
      if (actor?.state === 'active' && actor.roles.includes('admin')) return
      // Whoever knocks all day does not fill the log.
      const { count } = await counters.hit(`admin:refused:${id}`, hourMs)
      if (count === 1) await audit.record('access_refused', { user: id, actor: id, details: { to: 'admin' } })
      throw new Fault('not_found')
    },
    async known(id) {
      const user = await users.get(id)
      if (!user) throw new Fault('not_found')
      return user
    },
  }
}
