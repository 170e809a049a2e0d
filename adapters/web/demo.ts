import { identityOf, newId } from '../../src/ids.ts'
// Types alone: which store it is, is not this adapter's business.
import type { Users } from '../../src/store.ts'
import type { Role, User } from '../../src/types.ts'

export const demoUsers: readonly { name: string; password: string; role: Role }[] = [
  { name: 'admin', password: 'secret', role: 'admin' },
  { name: 'user', password: 'password', role: 'member' },
]

/** A workspace of their own: no name of a real user is ever taken by them, and what belongs to it is told by its identity. */
const identityOfDemo = (name: string): string => identityOf({ surface: 'web', workspace: 'demo', id: name })
export const isDemoIdentity = (identity: string): boolean => identity.startsWith('web:demo:')

const page = 200
const recheckMs = 2_000

export interface Demo {
  /** Whether the demo users may come in: outside production, while nobody has a password of their own. */
  open(): Promise<boolean>
  /** The demo user with this name and password, made at their first sign-in. Ask `open` first. */
  user(name: string, password: string): Promise<{ user: User; identity: string } | null>
}

/** Their passwords are in this file and never in a store, so nothing that is kept can let them in later. */
export function createDemo(options: { users: Users; production: boolean; now(): number }): Demo {
  const { users, production, now } = options
  let known = { realUsers: false, at: Number.NEGATIVE_INFINITY }

  async function hasRealUsers(): Promise<boolean> {
    for (let after: string | undefined; ; ) {
      const some = await users.list({ limit: page, ...(after !== undefined && { after }) })
      if (some.some((user) => user.password !== undefined)) return true
      if (some.length < page) return false
      after = some.at(-1)!.id
    }
  }

  return {
    async open() {
      if (production) return false
      if (!known.realUsers && now() >= known.at + recheckMs) known = { realUsers: await hasRealUsers(), at: now() }
      return !known.realUsers
    },
    async user(name, password) {
      const demo = demoUsers.find((one) => one.name === name && one.password === password)
      if (!demo) return null
      const identity = identityOfDemo(name)
      const user = await users.create({
        id: newId(now()),
        name,
        emails: [],
        roles: [demo.role],
        state: 'active',
        identities: [identity],
        createdAt: now(),
        seenAt: now(),
      })
      return { user, identity }
    },
  }
}
