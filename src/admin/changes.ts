import type { Admin, AdminOptions, Door } from '../admin.ts'
import { alone } from '../alone.ts'
import type { AuditAction } from '../audit.ts'
import { Fault } from '../errors.ts'
import type { JsonObject, User } from '../types.ts'
import { changeRule, checkRule, type RuleOwner, toJson } from './rules.ts'

export type Changes = Pick<Admin, 'setRole' | 'setState' | 'setHold' | 'endSessions' | 'unlink' | 'forget' | 'setRule'>

/** What admins change of people and limits. */
export function changes(options: AdminOptions, { demand, known }: Door): Changes {
  const { store, people, rules, audit } = options
  const { users, sessions, vault } = store

  /** One change of one user by an admin: stored, told to all instances, written down. */
  async function change(
    actor: User,
    id: string,
    action: AuditAction,
    make: (user: User) => { patch: Parameters<typeof users.update>[1]; details?: JsonObject },
  ): Promise<User> {
    await demand(actor)
    const user = await known(id)
    const { patch, details } = make(user)
    const changed = await users.update(user.id, patch)
    if (!changed) throw new Fault('not_found')
    await people.changed(changed)
    await audit.record(action, { user: user.id, actor: actor.id, ...(details && { details }) })
    return changed
  }

  /** Whatever may make an admin less is done one after the other: two who do it to each other leave one of them. */
  const oneByOne = <T>(work: () => Promise<T>): Promise<T> => alone(vault, 'admins', work)

  /** Looks at users until it finds another admin. Asked when one gives up the role: whoever takes it from others keeps theirs. */
  async function isLastAdmin(id: string): Promise<boolean> {
    for (let after: string | undefined; ; ) {
      const some = await users.list({ limit: 200, ...(after !== undefined && { after }) })
      if (some.some((user) => user.id !== id && user.state === 'active' && user.roles.includes('admin'))) return false
      if (some.length < 200) return true
      after = some.at(-1)!.id
    }
  }

  return {
    setRole: (actor, id, role) =>
      oneByOne(async () => {
        await demand(actor)
        const target = await known(id)
        if (role !== 'admin' && isOneself(actor, target) && (await isLastAdmin(target.id)))
          throw new Fault('last_admin')
        await change(actor, id, 'role', ({ roles }) => ({
          patch: { roles: [role] },
          details: { from: roles.join(), to: role },
        }))
      }),
    setState: (actor, id, state) =>
      oneByOne(async () => {
        await demand(actor)
        if (state === 'disabled' && isOneself(actor, await known(id))) throw new Fault('not_oneself')
        const action = state === 'disabled' ? 'disable' : 'enable'
        const changed = await change(actor, id, action, () => ({ patch: { state } }))
        if (state === 'disabled') await sessions.endAll(changed.id)
      }),
    async setHold(actor, id, hold) {
      const patch = { hold: hold || undefined } as Parameters<typeof users.update>[1]
      await change(actor, id, 'hold', () => ({ patch, details: { on: hold } }))
    },
    async endSessions(actor, id) {
      await demand(actor)
      const user = await known(id)
      await sessions.endAll(user.id)
      await audit.record('sessions_ended', { user: user.id, actor: actor.id })
    },
    async unlink(actor, id, identity) {
      await demand(actor)
      await options.identities.unlink(await known(id), identity, actor.id)
    },
    forget: (actor, id) =>
      oneByOne(async () => {
        await demand(actor)
        const user = await known(id)
        if (isOneself(actor, user)) throw new Fault('not_oneself')
        await options.personal.forget(user, actor.id)
        await changeRule(rules, { of: 'user', user }, {})
      }),
    async setRule(actor, name, rule) {
      await demand(actor)
      checkRule(rule)
      const owner = name.of === 'user' ? { of: name.of, user: await known(name.user) } : name
      const { before, after } = await changeRule(rules, owner, rule)
      const details = { for: nameOf(owner), before: toJson(before), after: toJson(after) }
      await audit.record('limit', { actor: actor.id, ...(owner.of === 'user' && { user: owner.user.id }), details })
    },
  }
}

function nameOf(owner: RuleOwner): string {
  if (owner.of === 'role') return `role ${owner.role}`
  return owner.of === 'workspace' ? `workspace ${owner.workspace}` : owner.of
}

const isOneself = (actor: User, target: User): boolean => [target.id, ...(target.formerly ?? [])].includes(actor.id)
