// Types alone: which store it is, and who joins identities, is not this adapter's business.
import type { Audit } from '../../src/audit.ts'
import { Fault } from '../../src/errors.ts'
import type { Identities, Proof } from '../../src/identities.ts'
import { hashOf, webIdentityOf } from '../../src/ids.ts'
import type { Counters, Users } from '../../src/store.ts'
import type { Log, User } from '../../src/types.ts'
import type { Limits } from './config.ts'
import { type Demo, isDemoIdentity } from './demo.ts'

/** How passwords are kept, see passwords.ts. */
export interface Passwords {
  hash(password: string): Promise<string>
  /** Takes as long and says no where there is no hash, because nobody has that name. */
  verify(password: string, hash: string | undefined): Promise<boolean>
  /** Kept under costs of the past. */
  needsRehash?(hash: string): boolean
  /** What is wrong with one that somebody chose, in words. */
  fault(password: string): string | undefined
}

export interface Account {
  user: User
  /** The identity they signed in with. */
  identity: string
}

/** Where somebody comes from: the network address, and the request's id for the log. */
export interface From {
  address: string
  request: string
}

export interface Accounts {
  /** Count an attempt to come in from an address. Throws `too_many_attempts`. */
  admit(address: string): Promise<void>
  /** Throws `too_many_attempts`, `bad_login` or `refused_disabled`. */
  signIn(name: string, password: string, from: From): Promise<Account>
  /** Whoever proved at a provider who they are. Throws `refused_...`. */
  recognise(proof: Proof, from: From): Promise<Account>
  /** A new password in place of the current one. Throws `bad_login`, or `too_many_attempts`. */
  changePassword(user: User, current: string, next: string): Promise<void>
  /** Whether the password they signed in with is theirs still: a change of it ended only the sessions there were. */
  stands(account: Account): Promise<boolean>
  /** The user of a session, as long as they may be here and the identity they came by is theirs. */
  current(session: { user: string; identity: string }): Promise<User | null>
}

const nameChars = 200
/** Far more than can have been set, so that nobody is told less than that it is wrong. */
const passwordChars = 2_000

export function createAccounts(options: {
  users: Users
  counters: Counters
  passwords: Passwords
  identities: Pick<Identities, 'signIn' | 'stillMay'>
  audit: Audit
  demo: Demo
  limits: Limits
  now(): number
  log: Log
}): Accounts {
  const { users, counters, passwords, demo, limits, log, audit } = options

  const admit = (address: string): Promise<void> =>
    count(`login:address:${hashOf([network(address)])}`, limits.loginPerAddress)

  async function count(key: string, most: number): Promise<void> {
    const { count, resetsAt } = await counters.hit(key, limits.loginMs)
    if (count <= most) return
    const seconds = Math.max(1, Math.ceil((resetsAt - options.now()) / 1000))
    throw Object.assign(new Fault('too_many_attempts'), { headers: { 'Retry-After': String(seconds) } })
  }

  /** Whoever came in by a platform's account is out when that account is over. */
  async function mayStill(identity: string): Promise<boolean> {
    try {
      await options.identities.stillMay(identity)
      return true
    } catch (thrown) {
      if (thrown instanceof Fault && thrown.code.startsWith('refused_')) return false
      throw thrown
    }
  }

  async function verified(name: string, password: string): Promise<Account | null> {
    const identity = webIdentityOf(name)
    const user = await users.find(identity)
    const right = await passwords.verify(password, user?.password)
    if (user?.password) return right ? { user, identity } : null
    return (await demo.open()) ? demo.user(name.trim().toLowerCase(), password) : null
  }

  /** The user as they are kept from now on. */
  async function remembered(user: User, password: string): Promise<User> {
    const { id, password: hash } = user
    const rehashed = hash !== undefined && passwords.needsRehash?.(hash) && { password: await passwords.hash(password) }
    return (await users.update(id, { seenAt: options.now(), ...rehashed })) ?? user
  }

  return {
    admit,
    async signIn(name, password, { address, request }) {
      if (name.length > nameChars || password.length > passwordChars) throw new Fault('bad_login')
      const nameKey = nameKeyOf(webIdentityOf(name))
      try {
        // Counted before the password is looked at: attempts at the same moment on many instances count as well. The address
        // first: one that is over its limit can neither lock out names nor fill the store with them.
        await admit(address)
        await count(nameKey, limits.loginPerName)
        const account = await verified(name, password)
        if (!account) throw new Fault('bad_login')
        if (account.user.state === 'disabled') {
          const { id } = account.user
          await audit.record('sign_in_refused', { user: id, details: { by: 'password', reason: 'refused_disabled' } })
          throw new Fault('refused_disabled')
        }
        const [user] = await Promise.all([remembered(account.user, password), counters.reset(nameKey)])
        await audit.record('sign_in', { user: user.id, actor: user.id, details: { by: 'password' } })
        log.info({ request, user: user.id }, 'signed in')
        return { ...account, user }
      } catch (thrown) {
        if (thrown instanceof Fault)
          log.warn({ request, reason: thrown.code, name: hashOf([nameKey]).slice(0, 12) }, 'sign-in refused')
        throw thrown
      }
    },
    async recognise(proof, { request }) {
      const { identity } = proof
      try {
        const user = await options.identities.signIn(proof)
        log.info({ request, user: user.id }, 'signed in')
        return { user, identity }
      } catch (thrown) {
        if (thrown instanceof Fault && thrown.code.startsWith('refused_')) {
          const known = await users.find(identity)
          const about = { ...(known && { user: known.id }), details: { identity, reason: thrown.code } }
          await audit.record('sign_in_refused', about)
        }
        throw thrown
      }
    },
    async changePassword({ id }, current, next) {
      const key = `password:change:${id}`
      await count(key, limits.loginPerName)
      const user = await users.get(id)
      if (!(await passwords.verify(current, user?.password))) throw new Fault('bad_login')
      await users.update(id, { password: await passwords.hash(next) })
      await counters.reset(key)
      await audit.record('password', { user: id, actor: id })
    },
    async stands({ user: { id, password } }) {
      return (await users.get(id))?.password === password
    },
    async current({ user: id, identity }) {
      const user = await users.get(id)
      if (user?.state !== 'active') return null
      // While two are being joined, an identity leads to who they will be before it stands in their record.
      if (!user.identities.includes(identity) && (await users.find(identity))?.id !== user.id) return null
      if (isDemoIdentity(identity) && !(await demo.open())) return null
      return (await mayStill(identity)) ? user : null
    },
  }
}

const nameKeyOf = (identity: string): string => `login:name:${hashOf([identity])}`

/** An IPv6 customer has at least a /64 to come from: that counts as one address. */
function network(address: string): string {
  if (address.startsWith('::ffff:')) return address.slice('::ffff:'.length)
  if (!address.includes(':')) return address
  const [head = '', tail] = address.split('::', 2)
  const groups = head.split(':').filter(Boolean)
  const after = tail?.split(':').filter(Boolean) ?? []
  const all = tail === undefined ? groups : [...groups, ...Array(8 - groups.length - after.length).fill('0'), ...after]
  return all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16))
    .join(':')
}
