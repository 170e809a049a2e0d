import { setTimeout as sleep } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { Fault, messageOf } from './errors.ts'
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
/** How long holds what a surface says of someone: rules change, members become guests, accounts end. */
const verdictMs = 60 * 60_000
const patienceMs = 2_000

/**
 * One look-up a message, cached for a few seconds so that the common message costs no store call. Guests and inactive
 * accounts are refused unless their surface lets guests in; a disabled user is refused everywhere. Those who were let in
 * once are looked at again when an instance first meets them, and every hour from then on without anyone waiting for it.
 */
export function createPeople(options: {
  users: Users
  profile(sender: Sender): Promise<Profile>
  guestsAllowed?: ReadonlySet<Surface>
  log: Log
}): People {
  const { users, log } = options
  const known = new LRUCache<string, User>(cached)
  const verdicts = new LRUCache<string, { refused?: Fault }, Sender>({
    max: cached.max,
    ttl: verdictMs,
    allowStale: true,
    noDeleteOnFetchRejection: true,
    allowStaleOnFetchRejection: true,
    fetchMethod: async (_identity, _stale, { context }) => verdictOn(await options.profile(context), context),
  })

  function verdictOn(profile: Profile, { surface }: Sender): { refused?: Fault } {
    if (profile.inactive) return { refused: new Fault('refused_inactive') }
    if (profile.guest && !options.guestsAllowed?.has(surface)) return { refused: new Fault('refused_guest') }
    return {}
  }

  /** A surface that cannot tell now, or not soon, keeps nobody out who was let in before. */
  async function stillMay(sender: Sender, identity: string): Promise<void> {
    const looking = verdicts.fetch(identity, { context: sender }).catch((thrown: unknown) => {
      log.info({ surface: sender.surface, reason: messageOf(thrown) }, 'could not look anew at someone who is known')
      return undefined
    })
    const verdict =
      verdicts.get(identity) ?? (await Promise.race([looking, sleep(patienceMs, undefined, { ref: false })]))
    if (verdict?.refused) throw verdict.refused
  }

  async function firstContact(sender: Sender, identity: string): Promise<User> {
    const profile = await options.profile(sender)
    const verdict = verdictOn(profile, sender)
    if (verdict.refused) throw verdict.refused
    verdicts.set(identity, verdict)
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
      await stillMay(sender, identity)
      return user
    },
    forget(user) {
      for (const identity of user.identities) known.delete(identity)
    },
  }
}
