import type { Audit } from './audit.ts'
import { newId } from './ids.ts'
import type { Users } from './store.ts'
import type { Log, Profile, User, Voucher } from './types.ts'

/** How users come to be, and stay as their source describes them. */
export interface Contacts {
  /** The user of an identity that nobody had before: someone known by their e-mail address, or a new one. */
  first(identity: string, voucher: Voucher, profile: Profile): Promise<User>
  /** What the source says of someone who is known. Writes only what differs, and never joins anybody. */
  refresh(identity: string, voucher: Voucher, profile: Profile): Promise<void>
}

/** How long ago an address may have been vouched for at the latest, so that it still tells who someone is. */
const freshMs = 30 * 24 * 3_600_000
/** An address that is vouched for again is noted once a day. */
const noteMs = 24 * 3_600_000
const seenMs = 3_600_000

/**
 * An address joins two accounts only at the first contact of the second, only for the operator's own domains, only where
 * both platforms vouch for it, and only while the first one was heard of lately: mailboxes are given to new people. What
 * changes at the source later gives and takes the address, but never joins.
 */
export function createContacts(options: {
  users: Users
  linkDomains?: ReadonlySet<string>
  changed(user: User): Promise<void>
  /** Told of everyone new, before they may do anything. */
  began?(user: string, identity: string): Promise<void>
  audit: Audit
  log: Log
  now?: () => number
}): Contacts {
  const { users, changed, audit, log, now = Date.now } = options

  /** The identity by which an address is found; undefined where it tells nothing. */
  function linkable(profile: Profile): { address: string; identity: string } | undefined {
    const address = profile.emailVerified && !profile.guest ? profile.email?.trim().toLowerCase() : undefined
    const domain = address?.split('@')
    if (!address || domain?.length !== 2 || !options.linkDomains?.has(domain[1]!)) return undefined
    return { address, identity: emailIdentityOf(address) }
  }

  function isFresh(user: User, address: string): boolean {
    return user.emails.some((one) => one.address.toLowerCase() === address && (one.at ?? 0) > now() - freshMs)
  }

  async function joinByAddress(identity: string, voucher: Voucher, profile: Profile): Promise<User | undefined> {
    const link = linkable(profile)
    const other = link && (await users.find(link.identity))
    if (!link || !other || !isFresh(other, link.address)) return undefined
    const owner = await users.attach(other.id, identity)
    if (!owner) return undefined
    if (owner.id === other.id) {
      await audit.record('join', { user: owner.id, actor: owner.id, details: { by: 'email', identity } })
      await users.update(owner.id, { emails: noted(owner, voucher, profile, now()) })
    }
    await changed(owner)
    return owner
  }

  async function begin(identity: string, voucher: Voucher, profile: Profile): Promise<User> {
    const at = now()
    const emails = profile.email && profile.emailVerified ? [{ address: profile.email, verifiedBy: voucher, at }] : []
    const made = await users.create({
      id: newId(at),
      name: profile.name,
      emails,
      roles: ['member'],
      state: 'active',
      identities: [identity],
      ...(profile.locale && { locale: profile.locale }),
      ...(profile.timeZone && { timeZone: profile.timeZone }),
      createdAt: at,
      seenAt: at,
    })
    log.info({ user: made.id, by: voucher }, 'first contact')
    await options.began?.(made.id, identity)
    const link = linkable(profile)
    const owner = link && (await users.attach(made.id, link.identity))
    if (!link || !owner || owner.id === made.id) return owner ?? made
    if (!isFresh(owner, link.address)) return made
    // They came over two platforms at the same moment: the other was a step ahead.
    const one = await users.merge(made.id, owner.id)
    if (!one) return made
    await audit.record('join', { user: one.id, actor: one.id, details: { by: 'email', identity } })
    await changed(one)
    return one
  }

  /** An address that its source no longer tells is no way to know the person any more. */
  async function moveAddress({ id, identities }: User, emails: Emails, link: string | undefined): Promise<void> {
    const vouched = new Set(emails.map(({ address }) => emailIdentityOf(address)))
    for (const identity of identities)
      if (identity.startsWith(emailPrefix) && !vouched.has(identity)) await users.detach(id, identity)
    if (link && !identities.includes(link)) await users.attach(id, link)
  }

  return {
    async first(identity, voucher, profile) {
      return (await joinByAddress(identity, voucher, profile)) ?? (await begin(identity, voucher, profile))
    },
    async refresh(identity, voucher, profile) {
      const user = await users.find(identity)
      if (!user) return
      const emails = noted(user, voucher, profile, now())
      const moved = addressesOf(emails) !== addressesOf(user.emails)
      const told = user.identities[0] === identity ? toldBy(profile, user) : {}
      const seen = user.seenAt < now() - seenMs ? { seenAt: now() } : {}
      const patch = { ...told, ...seen, ...(emails !== user.emails && { emails }) }
      if (Object.keys(patch).length > 0) await users.update(user.id, patch)
      const link = linkable(profile)
      if (moved || (link && !user.identities.includes(link.identity))) await moveAddress(user, emails, link?.identity)
      if (moved || Object.keys(told).length > 0) await changed((await users.get(user.id)) ?? user)
    },
  }
}

/** What the source of a user's first identity says of them anew: two sources would take turns in changing a name. */
function toldBy({ name, locale, timeZone }: Profile, user: User): Partial<Pick<User, 'name' | 'locale' | 'timeZone'>> {
  return {
    ...(name && name !== user.name && { name }),
    ...(locale && locale !== user.locale && { locale }),
    ...(timeZone && timeZone !== user.timeZone && { timeZone }),
  }
}

const emailPrefix = 'email:'

/** The identity by which an e-mail address leads to its user. */
export function emailIdentityOf(address: string): string {
  return `${emailPrefix}${address.trim().toLowerCase()}`
}

type Emails = User['emails']

/** A user's addresses with what one voucher says now in place of what it said before; the same list if nothing is new. */
function noted(user: User, voucher: Voucher, profile: Profile, at: number): Emails {
  const others = user.emails.filter(({ verifiedBy }) => verifiedBy !== voucher)
  const before = user.emails.find(({ verifiedBy }) => verifiedBy === voucher)
  const address = profile.email && profile.emailVerified ? profile.email : undefined
  if (before?.address === address && (!address || (before?.at ?? 0) > at - noteMs)) return user.emails
  return address ? [...others, { address, verifiedBy: voucher, at }] : others
}

function addressesOf(emails: Emails): string {
  return JSON.stringify(emails.map(({ address, verifiedBy }) => `${verifiedBy} ${address.toLowerCase()}`).toSorted())
}
