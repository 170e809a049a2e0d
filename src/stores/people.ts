import type { User } from '../types.ts'
import { fold } from './matching.ts'

/** What becomes of people, the same in every engine. */

/** The user that two become: what only one of them has is kept, and where both have something, what is `into`'s. */
export function mergedUser(from: User, into: User): User {
  return {
    ...from,
    ...into,
    emails: joinedEmails([...into.emails, ...from.emails]),
    roles: [...new Set([...into.roles, ...from.roles])],
    state: from.state === 'disabled' ? 'disabled' : into.state,
    identities: [...new Set([...into.identities, ...from.identities])],
    formerly: [...new Set([...(into.formerly ?? []), from.id, ...(from.formerly ?? [])])],
    ...((from.hold || into.hold) && { hold: true }),
    createdAt: Math.min(from.createdAt, into.createdAt),
    seenAt: Math.max(from.seenAt, into.seenAt),
  }
}

/** Each address once for each who vouches for it, with the time it was last heard of. */
function joinedEmails(emails: User['emails']): User['emails'] {
  const known = new Map<string, User['emails'][number]>()
  for (const email of emails) {
    const key = `${email.verifiedBy} ${email.address.toLowerCase()}`
    const before = known.get(key)
    if (!before || (before.at ?? 0) < (email.at ?? 0)) known.set(key, email)
  }
  return [...known.values()]
}

/** The user that parts from an identity. Null: they do not have it, or have no other way in: an address alone is none. */
export function withoutIdentity(user: User, identity: string): User | null {
  const identities = user.identities.filter((one) => one !== identity)
  const isLast = identities.every((one) => one.startsWith('email:'))
  return isLast || identities.length === user.identities.length ? null : { ...user, identities }
}

/** Whether a text (folded already) is in their name, an e-mail or an identity. */
export function isFound({ name, emails, identities }: User, wanted: string): boolean {
  return [name, ...emails.map((email) => email.address), ...identities].some((text) => fold(text).includes(wanted))
}
