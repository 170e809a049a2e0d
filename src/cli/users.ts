import { randomBytes } from 'node:crypto'
import type { AuditAction } from '../audit.ts'
import { newId, webIdentityOf } from '../ids.ts'
import { hashPassword, passwordFault } from '../passwords.ts'
import type { Sessions, Users } from '../store.ts'
import type { JsonObject, Role, User } from '../types.ts'

/** What somebody asked for that cannot be done, in words for them. */
export class Refused extends Error {}

export interface UserCommands {
  /** Resolves to what there is to say. `name` is a web user's name, or any identity (`slack:T1:U1`) as `list` shows it. */
  add(name: string, role: Role, password: NewPassword): Promise<string[]>
  list(): AsyncIterable<string>
  passwd(name: string, password: NewPassword): Promise<string[]>
  disable(name: string): Promise<string[]>
  enable(name: string): Promise<string[]>
  role(name: string, role: Role): Promise<string[]>
}

/** Asked for when everything else is right; `generate` makes one and tells it once. */
export type NewPassword = 'generate' | (() => Promise<string>)

const longestName = 64
const page = 200

/** `changed` is told of what was done, before a user's sessions are ended. */
export function createUserCommands(
  users: Users,
  sessions: Pick<Sessions, 'endAll'>,
  changed: (user: User, action: AuditAction, details?: JsonObject) => Promise<void>,
): UserCommands {
  async function find(name: string): Promise<User> {
    const user = await users.find(name.includes(':') ? name : webIdentityOf(name))
    if (!user) throw new Refused(`There is no user ${quoted(name)}.`)
    return user
  }

  async function change(
    user: User,
    patch: Parameters<Users['update']>[1],
    action: AuditAction,
    details?: JsonObject,
  ): Promise<void> {
    const now = await users.update(user.id, patch)
    if (!now) throw new Refused(`The user ${quoted(user.name)} has just been removed.`)
    await changed(now, action, details)
  }

  return {
    async add(given, role, password) {
      const name = checkedName(given)
      const identity = webIdentityOf(name)
      if (await users.find(identity)) throw new Refused(`There is a user ${quoted(name)} already.`)
      const { hash, told } = await madePassword(password)
      const now = Date.now()
      const user: User = {
        id: newId(now),
        name,
        emails: [],
        roles: [role],
        state: 'active',
        identities: [identity],
        password: hash,
        createdAt: now,
        seenAt: now,
      }
      const stored = await users.create(user)
      if (stored.id !== user.id) throw new Refused(`There is a user ${quoted(name)} already.`)
      await changed(stored, 'role', { to: role })
      return [`Added ${quoted(name)} (${role}).`, ...told]
    },
    async *list() {
      yield 'Name | Role | State | Last seen | Identities'
      for (let after: string | undefined; ; ) {
        const some = await users.list({ limit: page, ...(after !== undefined && { after }) })
        yield* some.map(rowOf)
        if (some.length === 0 && after === undefined) yield 'Nobody yet: npm run user -- add NAME'
        if (some.length < page) return
        after = some.at(-1)!.id
      }
    },
    async passwd(name, password) {
      const user = await find(name)
      if (!user.identities.some((identity) => identity.startsWith('web:local:')))
        throw new Refused(`${quoted(user.name)} does not sign in on the web page, so there is no password to set.`)
      const { hash, told } = await madePassword(password)
      await change(user, { password: hash }, 'password')
      await sessions.endAll(user.id)
      return [`Changed the password of ${quoted(user.name)} and ended all sessions.`, ...told]
    },
    async disable(name) {
      const user = await find(name)
      await change(user, { state: 'disabled' }, 'disable')
      await sessions.endAll(user.id)
      return [`Disabled ${quoted(user.name)} and ended all sessions.`]
    },
    async enable(name) {
      const user = await find(name)
      await change(user, { state: 'active' }, 'enable')
      return [`Enabled ${quoted(user.name)}.`]
    },
    async role(name, role) {
      const user = await find(name)
      await change(user, { roles: [role] }, 'role', { from: user.roles.join(), to: role })
      return [`${quoted(user.name)} is ${role === 'admin' ? 'an admin' : 'a member'} now.`]
    },
  }
}

/** A name that can be typed at a sign-in: letters of any script and digits, with a few signs between. */
function checkedName(given: string): string {
  const name = given.normalize('NFKC').trim()
  if (name === '' || name.length > longestName) throw new Refused(`A name has 1 to ${longestName} characters.`)
  if (!/^[\p{L}\p{N}][\p{L}\p{M}\p{N}._@'+ -]*$/u.test(name))
    throw new Refused("A name has letters, digits, spaces and . _ - @ ' +, and begins with a letter or digit.")
  return name
}

async function madePassword(password: NewPassword): Promise<{ hash: string; told: string[] }> {
  const chosen = password === 'generate' ? randomBytes(15).toString('base64url') : await password()
  const fault = passwordFault(chosen)
  if (fault) throw new Refused(`${fault} Nothing was changed.`)
  const told = password === 'generate' ? [`Password, shown only now: ${chosen}`] : []
  return { hash: await hashPassword(chosen), told }
}

function rowOf({ name, roles, state, createdAt, seenAt, identities }: User): string {
  const seen = seenAt === createdAt ? 'never' : new Date(seenAt).toISOString().slice(0, 16).replace('T', ' ')
  return [quoted(name), roles.join(', '), state, seen, identities.map(shown).join(', ')].join(' | ')
}

/** Names come from platforms too: nothing in them may steer the terminal. */
const shown = (text: string): string => text.replaceAll(/\p{C}/gu, '�')
const quoted = (text: string): string => `“${shown(text)}”`
