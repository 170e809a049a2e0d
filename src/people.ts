import { LRUCache } from 'lru-cache'
import { Fault } from './errors.ts'
import { identityOf, newId } from './ids.ts'
import type { Users } from './store.ts'
import type { Log, Profile, Sender, Surface, User } from './types.ts'

/** Who is behind a sender, and may they speak. */
export interface People {
  /** The user, made at first contact. Throws a `Fault` with plain words (`refused_...`) for those who may not. */
  resolve(sender: Sender): Promise<User>
  /** Forget what is cached of a user, after a change. */
  forget(user: User): void
}

const cached = { max: 20_000, ttl: 15_000 }

/**
 * One look-up a message, cached for a few seconds so that the common message costs no store call. Guests and inactive
 * accounts are refused unless their surface lets guests in; a disabled user is refused everywhere.
 */
export function createPeople(options: {
  users: Users
  profile(sender: Sender): Promise<Profile>
  guestsAllowed?: ReadonlySet<Surface>
  log: Log
}): People {
  const { users, log } = options
  const known = new LRUCache<string, User>(cached)

  async function firstContact(sender: Sender, identity: string): Promise<User> {
    const profile = await options.profile(sender)
    if (profile.inactive) throw new Fault('refused_inactive')
    if (profile.guest && !options.guestsAllowed?.has(sender.surface)) throw new Fault('refused_guest')
    const now = Date.now()
    const user = await users.create({
      id: newId(now),
      name: profile.name,
      emails: profile.email && profile.emailVerified ? [{ address: profile.email, verifiedBy: sender.surface }] : [],
      roles: ['member'],
      state: 'active',
      identities: [identity],
      ...(profile.locale && { locale: profile.locale }),
      ...(profile.timeZone && { timeZone: profile.timeZone }),
      createdAt: now,
      seenAt: now,
    })
    log.info({ user: user.id, surface: sender.surface }, 'first contact')
    return user
  }

  return {
    async resolve(sender) {
      const identity = identityOf(sender)
      let user = known.get(identity)
      if (!user) {
        user = (await users.find(identity)) ?? (await firstContact(sender, identity))
        known.set(identity, user)
      }
      if (user.state === 'disabled') throw new Fault('refused_disabled')
      return user
    },
    forget(user) {
      for (const identity of user.identities) known.delete(identity)
    },
  }
}
