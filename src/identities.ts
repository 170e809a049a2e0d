import type { Audit } from './audit.ts'
import { emailIdentityOf } from './contacts.ts'
import { Fault } from './errors.ts'
import { newId } from './ids.ts'
import { createLinking } from './linking.ts'
import type { People } from './people.ts'
import type { Cache, Conversations, Counters, Users } from './store.ts'
import type { Link, Linking, Profile, Side, User } from './types.ts'

/** Somebody proved to be this: by a sign-in at the platform itself. */
export interface Proof {
  /** As `identityOf` spells it, or `oidc:<issuer>:<subject>`. */
  identity: string
  profile: Profile
}

export type { Link, Side }

/** How a person's identities come together under one user, and part again. Everything here leaves an entry in the audit log. */
export interface Identities extends Linking {
  /** The user behind a proof, made at first contact. Throws `refused_...` for those who may not. */
  signIn(proof: Proof): Promise<User>
  /** See `People.stillMay`. */
  stillMay(identity: string): Promise<void>
  /** Who else a proof belongs to, for the person to confirm; null: nobody else, it can be added without further words. */
  meets(user: User, proof: Proof): Promise<Side | null>
  /** Add a proven identity to a user; if it belongs to another user, the two become one. Throws `refused_...`. */
  join(user: User, proof: Proof): Promise<User>
  /**
   * The identity goes its own way, as a new user without history. Throws `not_found`, or `last_identity`. `actor`: the user who
   * does it, if it is not their own.
   */
  unlink(user: User, identity: string, actor?: string): Promise<User>
}

const countUpTo = 100

export function createIdentities(options: {
  users: Users
  conversations: Pick<Conversations, 'list'>
  cache: Pick<Cache, 'get' | 'swap'>
  counters: Counters
  people: Pick<People, 'admit' | 'check' | 'changed' | 'stillMay'>
  /** What one user has used of their limits, the other has used as well: neither joining nor parting begins them anew. */
  carry?(from: string, to: string): Promise<void>
  audit: Audit
  now?: () => number
}): Identities {
  const { users, conversations, cache, counters, people, audit, now = Date.now, carry = async () => {} } = options

  async function sideOf(id: string): Promise<Side | undefined> {
    const user = await users.get(id)
    if (!user) return undefined
    const { items } = await conversations.list(user.id, { limit: countUpTo })
    return { user: user.id, name: user.name, identities: shownIdentities(user), conversations: items.length }
  }

  async function merge(from: string, into: string, by: string, actor: string): Promise<User> {
    await carry(from, into)
    const user = await users.merge(from, into)
    if (!user) return alreadyOne(from, into)
    await people.changed(user)
    await audit.record('join', { user: user.id, actor, details: { by, from } })
    return user
  }

  /** Someone else was faster, or it was begun before. */
  async function alreadyOne(from: string, into: string): Promise<User> {
    const [one, other] = await Promise.all([users.get(from), users.get(into)])
    if (!one || one.id !== other?.id) throw new Fault('link_code')
    return one
  }

  const linking = createLinking({
    users,
    cache,
    counters,
    sideOf,
    merge: (from, into, actor) => merge(from, into, 'code', actor),
    now,
  })

  return {
    async signIn({ identity, profile }) {
      const user = await people.admit(identity, profile)
      await users.update(user.id, { seenAt: now() })
      await audit.record('sign_in', { user: user.id, actor: user.id, details: { identity } })
      return user
    },

    stillMay: people.stillMay,

    async meets(user, { identity }) {
      const other = await users.find(identity)
      return other && other.id !== user.id ? ((await sideOf(other.id)) ?? null) : null
    },

    async join(user, { identity, profile }) {
      await people.check(identity, profile)
      const owner = await users.attach(user.id, identity)
      if (!owner) throw new Fault('not_found')
      if (owner.state === 'disabled') throw new Fault('refused_disabled')
      if (owner.id !== user.id) return merge(owner.id, user.id, 'sign_in', user.id)
      await people.changed(owner)
      await audit.record('join', { user: user.id, actor: user.id, details: { by: 'sign_in', identity } })
      return owner
    },

    ...linking,

    async unlink(user, identity, actor = user.id) {
      if (!shownIdentities(user).includes(identity)) throw new Fault('not_found')
      if (shownIdentities(user).length < 2) throw new Fault('last_identity')
      // As they are now: whoever is locked out or under a hold is so under each of their names.
      const known = await users.get(user.id)
      if (!known) throw new Fault('not_found')
      const fresh = freshFor(known, identity, now())
      await carry(known.id, fresh.id)
      const parted = await users.detach(known.id, identity, fresh)
      if (!parted) throw new Fault('last_identity')
      const left = await forgetVoucher(parted.left, identity)
      await people.changed({ ...left, identities: [...left.identities, identity] })
      await audit.record('unlink', {
        user: user.id,
        actor,
        details: { identity, ...(parted.fresh && { to: parted.fresh.id }) },
      })
      return left
    },
  }

  /** What only the parted identity vouched for is not theirs any more; a password goes with its name. */
  async function forgetVoucher(user: User, identity: string): Promise<User> {
    const voucher = identity.split(':')[0]
    const still = user.identities.some((one) => one.startsWith(`${voucher}:`))
    const emails = still ? user.emails : user.emails.filter(({ verifiedBy }) => verifiedBy !== voucher)
    const vouched = new Set(emails.map(({ address }) => emailIdentityOf(address)))
    for (const one of user.identities)
      if (one.startsWith('email:') && !vouched.has(one)) await users.detach(user.id, one)
    const patch = { emails, ...(voucher === 'web' && !still && { password: undefined }) }
    return (await users.update(user.id, patch as Parameters<Users['update']>[1])) ?? user
  }
}

/** Those a person knows of: an address is only how they are found. */
export function shownIdentities(user: User): string[] {
  return user.identities.filter((one) => !one.startsWith('email:'))
}

function freshFor({ name, password, state, hold }: User, identity: string, at: number): User {
  return {
    id: newId(at),
    name,
    emails: [],
    roles: ['member'],
    state,
    ...(hold && { hold }),
    identities: [identity],
    ...(identity.startsWith('web:') && password !== undefined && { password }),
    createdAt: at,
    seenAt: at,
  }
}
