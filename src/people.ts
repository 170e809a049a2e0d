import { setTimeout as sleep } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import type { Audit } from './audit.ts'
import { createContacts } from './contacts.ts'
import { CannotTell, Fault, messageOf } from './errors.ts'
import { identityOf } from './ids.ts'
import type { Bus, Users } from './store.ts'
import { type Log, type Profile, type Sender, type Surface, surfaces, type User } from './types.ts'

/** Who is behind a sender, and may they speak. */
export interface People {
  /**
   * The user, made at first contact. Throws a `Fault` with plain words (`refused_...`) for those who may not. `user`: who it is,
   * where the surface knows (a session of the web page): then the sender is not looked at.
   */
  resolve(sender: Sender, user?: string): Promise<User>
  /** The same for an identity that was proven by a sign-in; `profile` is what that said, for when its surface cannot tell. */
  admit(identity: string, profile: Profile): Promise<User>
  /**
   * Whether someone who was let in by this identity still may, as far as is known without waiting: an account that ended at its
   * source is told within the hour. Throws `refused_...`.
   */
  stillMay(identity: string): Promise<void>
  /** Throws `refused_...` where nobody with this identity may be let in. */
  check(identity: string, profile: Profile): Promise<void>
  /** A user was changed: every instance forgets at once what it knows of them. */
  changed(user: User): Promise<void>
  /** Listen for changes on other instances. */
  start(): Promise<void>
  close(): void
}

export interface PeopleOptions {
  users: Users
  bus: Bus
  /** What a surface says of someone now. Rejects where it cannot tell now, with `CannotTell` where it never can. */
  profile(sender: Sender): Promise<Profile>
  /** Domains (lower case) whose addresses tell that two accounts are one person. */
  linkDomains?: ReadonlySet<string>
  /** Told of everyone new, before they may do anything. */
  began?(user: string, identity: string): Promise<void>
  audit: Audit
  /** How long a user may be known without a look into the store, where no instance told of a change. */
  cacheMs?: number
  log: Log
  now?: () => number
}

const channel = 'people'
const most = 20_000
/** How long holds what a surface says of someone: rules change, members become guests, accounts end. */
const verdictMs = 60 * 60_000
const patienceMs = 2_000

/**
 * One look-up a message, cached so that the common message costs no store call; a change anywhere ends what is cached
 * everywhere. Guests and inactive accounts are refused unless their surface lets them in; a disabled user is refused
 * everywhere. Those who were let in once are looked at again when an instance first meets them, and every hour from then
 * on without anyone waiting for it: their profile is brought up to date, too.
 */
export function createPeople(options: PeopleOptions): People {
  const { users, bus, log, cacheMs = 60_000 } = options
  const contacts = createContacts({ ...options, changed })
  /** By identity, and by id with a blank in front. */
  const known = new LRUCache<string, User>({ max: most, ttl: cacheMs })
  const verdicts = new LRUCache<string, { refused?: Fault }, Sender>({
    max: most,
    ttl: verdictMs,
    allowStale: true,
    noDeleteOnFetchRejection: true,
    allowStaleOnFetchRejection: true,
    fetchMethod: async (identity, _stale, { context }) => {
      const profile = await options.profile(context)
      const verdict = verdictOn(profile)
      if (!verdict.refused) await contacts.refresh(identity, context.surface, profile)
      return verdict
    },
  })
  let unsubscribe: (() => void) | undefined
  /** Counts up with each change: what was read before it may not be remembered after it. */
  let changes = 0

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

  async function remembered(key: string, look: () => Promise<User>): Promise<User> {
    let user = known.get(key)
    if (!user) {
      const before = changes
      user = await look()
      if (changes === before) known.set(key, user)
    }
    if (user.state === 'disabled') throw new Fault('refused_disabled')
    return user
  }

  async function firstContact(identity: string, surface: Surface | 'oidc', profile: Profile): Promise<User> {
    const verdict = verdictOn(profile)
    if (verdict.refused) throw verdict.refused
    verdicts.set(identity, verdict)
    return contacts.first(identity, surface, profile)
  }

  /** The surface knows more than a sign-in tells: who is a guest there. */
  async function ownProfile(sender: Sender | undefined, told: Profile): Promise<Profile> {
    if (!sender) return told
    try {
      return await options.profile(sender)
    } catch (thrown) {
      // Nobody may slip in as a member while the one who knows is down.
      if (!(thrown instanceof CannotTell)) throw new Fault('sign_in_unavailable', { cause: thrown })
      log.info({ surface: sender.surface, reason: messageOf(thrown) }, 'a surface cannot tell who signs in')
      return told
    }
  }

  async function changed(user: User): Promise<void> {
    forget(keysOf(user))
    try {
      await tellOfChange(bus, user)
    } catch (thrown) {
      log.warn({ err: thrown }, 'other instances could not be told of a change of a user; they see it in a minute')
    }
  }

  function forget(keys: readonly string[]): void {
    changes++
    for (const key of keys) known.delete(key)
  }

  return {
    async resolve(sender, id) {
      if (id !== undefined) return remembered(byId(id), () => stored(users, id))
      const identity = identityOf(sender)
      const look = async (): Promise<User> =>
        (await users.find(identity)) ?? firstContact(identity, sender.surface, await options.profile(sender))
      const user = await remembered(identity, look)
      await stillMay(sender, identity)
      return user
    },
    async admit(identity, profile) {
      const sender = senderOf(identity)
      const look = async (): Promise<User> =>
        (await users.find(identity)) ??
        firstContact(identity, sender?.surface ?? 'oidc', await ownProfile(sender, profile))
      const user = await remembered(identity, look)
      if (sender) await stillMay(sender, identity)
      else await contacts.refresh(identity, 'oidc', profile)
      return user
    },
    async stillMay(identity) {
      const sender = senderOf(identity)
      if (sender) await stillMay(sender, identity)
    },
    async check(identity, profile) {
      const { refused } = verdictOn(await ownProfile(senderOf(identity), profile))
      if (refused) throw refused
    },
    changed,
    async start() {
      unsubscribe = await bus.subscribe(channel, ({ keys }) => {
        if (Array.isArray(keys)) forget(keys.filter((key) => typeof key === 'string'))
      })
    },
    close() {
      unsubscribe?.()
      unsubscribe = undefined
    },
  }
}

/** Every instance forgets at once what it knows of a user. For those who change users beside a running service. */
export async function tellOfChange(bus: Pick<Bus, 'publish'>, user: User): Promise<void> {
  await bus.publish(channel, { keys: keysOf(user) })
}

function keysOf({ id, identities, formerly = [] }: User): string[] {
  return [...identities, ...[id, ...formerly].map(byId)]
}

const byId = (id: string): string => ` ${id}`

async function stored(users: Users, id: string): Promise<User> {
  const user = await users.get(id)
  // Deleted since they wrote.
  if (!user) throw new Fault('refused_inactive')
  return user
}

function verdictOn(profile: Profile): { refused?: Fault } {
  if (profile.inactive) return { refused: new Fault('refused_inactive') }
  if (profile.guest) return { refused: new Fault('refused_guest') }
  return {}
}

/** Whom a platform's identity names in the platform's own terms; undefined for the web's names and providers' subjects. */
function senderOf(identity: string): Sender | undefined {
  const [surface = '', workspace = '', ...id] = identity.split(':')
  const platform = surfaces.find((each) => each === surface && each !== 'web')
  return platform && { surface: platform, workspace, id: id.join(':') }
}
