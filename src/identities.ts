import { randomInt } from 'node:crypto'
import type { Audit } from './audit.ts'
import { emailIdentityOf } from './contacts.ts'
import { Fault } from './errors.ts'
import { hashOf, newId } from './ids.ts'
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

/** How long a code can be entered and agreed to. */
const codeMs = 10 * 60_000
/** 32 signs that nobody takes for another: 40 bits in eight of them. */
const alphabet = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ'
const offers = { most: 10, perMs: 3_600_000 }
const entries = { most: 10, perMs: 10 * 60_000 }
const countUpTo = 100

/** One side of a link as it is kept: ids alone, everything else is looked up when it is shown. */
interface Kept {
  offered: string
  entered?: string
  agreed: string[]
  expiresAt: number
}

export function createIdentities(options: {
  users: Users
  conversations: Pick<Conversations, 'list'>
  cache: Pick<Cache, 'get' | 'swap'>
  counters: Counters
  people: Pick<People, 'admit' | 'check' | 'changed' | 'stillMay'>
  audit: Audit
  now?: () => number
}): Identities {
  const { users, conversations, cache, counters, people, audit, now = Date.now } = options

  async function sideOf(id: string): Promise<Side> {
    const user = await users.get(id)
    if (!user) throw new Fault('link_code')
    const { items } = await conversations.list(user.id, { limit: countUpTo })
    return { user: user.id, name: user.name, identities: shownIdentities(user), conversations: items.length }
  }

  async function linkFor(user: User, kept: Kept): Promise<Link> {
    const ids = [user.id, ...(user.formerly ?? [])]
    const [own, other] = ids.includes(kept.offered) ? [kept.offered, kept.entered] : [kept.entered!, kept.offered]
    const side = async (id: string) => ({ ...(await sideOf(id)), agreed: kept.agreed.includes(id) })
    return { own: await side(own), ...(other && { other: await side(other) }), expiresAt: kept.expiresAt }
  }

  async function limited(what: string, user: User, { most, perMs }: typeof offers): Promise<void> {
    const { count } = await counters.hit(`link:${what}:${user.id}`, perMs)
    if (count > most) throw new Fault('too_many_attempts')
  }

  /** What is kept of a code that can still be used. */
  async function read(code: string): Promise<{ key: string; text: string; kept: Kept } | null> {
    const key = keyOf(code)
    const text = await cache.get(key)
    const kept = text === null ? null : (JSON.parse(text) as Kept)
    return text !== null && kept && kept.expiresAt > now() ? { key, text, kept } : null
  }

  /** Change what is kept of a code, as one of two at the same moment if need be. */
  async function change(code: string, step: (kept: Kept) => Kept): Promise<Kept> {
    for (;;) {
      const found = await read(code)
      if (!found) throw new Fault('link_code')
      const next = step(found.kept)
      if (await cache.swap(found.key, found.text, JSON.stringify(next), next.expiresAt - now())) return next
    }
  }

  async function merge(from: string, into: string, by: string, actor: string): Promise<User> {
    const user = await users.merge(from, into)
    if (!user) throw new Fault('link_code')
    await people.changed(user)
    await audit.record('join', { user: user.id, actor, details: { by, from } })
    return user
  }

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
      return other && other.id !== user.id ? sideOf(other.id) : null
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

    async offer(user) {
      await limited('offer', user, offers)
      const expiresAt = now() + codeMs
      const kept: Kept = { offered: user.id, agreed: [], expiresAt }
      for (;;) {
        const code = newCode()
        if (await cache.swap(keyOf(code), null, JSON.stringify(kept), codeMs)) return { code, expiresAt }
      }
    },

    async enter(user, code) {
      await limited('enter', user, entries)
      const kept = await change(code, (before) => {
        if (before.offered === user.id) throw new Fault('own_link_code')
        if (before.entered !== undefined && before.entered !== user.id) throw new Fault('link_code')
        return { ...before, entered: user.id }
      })
      return linkFor(user, kept)
    },

    async link(user, code) {
      const found = await read(code)
      return found && isOneOf(user, found.kept) ? linkFor(user, found.kept) : null
    },

    async agree(user, code) {
      const kept = await change(code, (before) => {
        if (!isOneOf(user, before) || before.entered === undefined) throw new Fault('link_code')
        return { ...before, agreed: [...new Set([...before.agreed, user.id])] }
      })
      const link = await linkFor(user, kept)
      if (kept.agreed.length < 2) return { link }
      const sides = await Promise.all([users.get(kept.offered), users.get(kept.entered!)])
      if (sides.some((side) => side?.state !== 'active')) throw new Fault('link_code')
      const [older, newer] = sides.map((side) => side!).toSorted((a, b) => a.createdAt - b.createdAt) as [User, User]
      // Both said yes: whoever repeats this after a crash finds them one already.
      const joined = older.id === newer.id ? older : await merge(newer.id, older.id, 'code', user.id)
      const left = await read(code)
      if (left) await cache.swap(left.key, left.text, null, 0)
      return { link, joined }
    },

    async decline(user, code) {
      const found = await read(code)
      if (found && isOneOf(user, found.kept)) await cache.swap(found.key, found.text, null, 0)
    },

    async unlink(user, identity, actor = user.id) {
      if (!shownIdentities(user).includes(identity)) throw new Fault('not_found')
      if (shownIdentities(user).length < 2) throw new Fault('last_identity')
      const parted = await users.detach(user.id, identity, freshFor(user, identity, now()))
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

function freshFor({ name, password }: User, identity: string, at: number): User {
  return {
    id: newId(at),
    name,
    emails: [],
    roles: ['member'],
    state: 'active',
    identities: [identity],
    ...(identity.startsWith('web:') && password !== undefined && { password }),
    createdAt: at,
    seenAt: at,
  }
}

function isOneOf(user: User, { offered, entered }: Kept): boolean {
  return [user.id, ...(user.formerly ?? [])].some((id) => id === offered || id === entered)
}

/** However a code is typed; only its hash is kept. */
const keyOf = (code: string): string => `link:${hashOf([code.toUpperCase().replace(/[^0-9A-Z]/g, '')])}`

/** `ABCD-EFGH`. */
function newCode(): string {
  const signs = Array.from({ length: 8 }, () => alphabet[randomInt(alphabet.length)])
  return `${signs.slice(0, 4).join('')}-${signs.slice(4).join('')}`
}
