import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from '../../errors.ts'
import type { Users } from '../../store.ts'
import type { User } from '../../types.ts'
import type { Engine } from './engine.ts'

/**
 * How long a new user's record lives without all its identities: an instance that dies meanwhile leaves nothing behind,
 * and an identity that leads to no record is free to take.
 */
const pendingMs = 60_000
/** How often two who want the same identity at the same time look again. */
const tries = 40

/**
 * A user and their identities are in different shards. So a creation has steps: the record (pending, with an end), the
 * identities one by one, then the record is kept. Nobody sees a pending user; who meets one waits for it.
 */
export function openUsers(engine: Engine): Users {
  const { connection, keys, given } = engine

  async function load(id: string): Promise<User | 'pending' | null> {
    const flat = await connection.run((redis) => redis.hgetall(keys.user(id)))
    if (Object.keys(flat).length === 0) return null
    return 'pending' in flat ? 'pending' : userOf(flat)
  }

  async function known(id: string): Promise<User | null> {
    const found = await load(id)
    return found === 'pending' ? null : found
  }

  const ownerOf = (identity: string) => connection.run((redis) => redis.get(keys.identity(identity)))

  async function give(identity: string, from: string, to: string): Promise<string> {
    return (await connection.script('identity', [keys.identity(identity)], given({ from, to }))) as string
  }

  /** The user that has one of the identities already; `pending` while someone else creates one. */
  async function present(user: User): Promise<User | 'pending' | null> {
    for (const identity of user.identities) {
      const owner = await ownerOf(identity)
      const found = owner ? await load(owner) : null
      if (found && owner !== user.id) return found
      if (found && found !== 'pending') return found
    }
    return null
  }

  /** Takes an identity that is free or whose user is gone. */
  async function take(identity: string, id: string): Promise<boolean> {
    const owner = await give(identity, '', id)
    if (owner === id) return true
    return (await load(owner)) === null && (await give(identity, owner, id)) === id
  }

  /** One try at all the steps. False: someone else was there first, or was slower than the record's end. */
  async function attempt(user: User): Promise<boolean> {
    const record = Object.entries(fieldsOf(user)).flat()
    await connection.script('user_begin', [keys.user(user.id)], given({ ms: pendingMs }), ...record)
    const taken: string[] = []
    // In one order for everyone, so that two with the same identities do not each end up with half of them.
    for (const identity of user.identities.toSorted()) {
      if (await take(identity, user.id)) {
        taken.push(identity)
        continue
      }
      for (const mine of taken) await give(mine, user.id, '')
      await connection.script('user_drop', [keys.user(user.id)], given({}))
      return false
    }
    return (
      (await connection.script('user_keep', [keys.user(user.id), keys.users(user.id)], given({ id: user.id }))) === 1
    )
  }

  return {
    get: known,

    async find(identity) {
      const owner = await ownerOf(identity)
      return owner ? known(owner) : null
    },

    async create(user) {
      for (let n = 0; n < tries; n++) {
        const found = await present(user)
        if (found && found !== 'pending') return found
        if (!found && (await attempt(user))) return (await known(user.id)) ?? user
        await sleep(10 + n * 5)
      }
      throw new Fault('store_unavailable', { detail: 'another instance did not finish creating the same user' })
    },

    async update(id, patch) {
      const { id: _id, identities: _identities, ...changes } = patch as Partial<User>
      const dropped = Object.entries(changes).flatMap(([field, value]) => (value === undefined ? [field] : []))
      const flat = (await connection.script(
        'user_update',
        [keys.user(id)],
        given({ drop: dropped }),
        ...Object.entries(fieldsOf(changes)).flat(),
      )) as string[] | null
      return flat && userOf(Object.fromEntries(flat.flatMap((field, i) => (i % 2 ? [] : [[field, flat[i + 1]!]]))))
    },

    async list({ after, limit }) {
      const from = after === undefined ? '-' : `(${after}`
      const found = await Promise.all(
        engine.shards.map((shard) =>
          connection.run((redis) => redis.zrangebylex(keys.usersIn(shard), from, '+', 'LIMIT', 0, limit)),
        ),
      )
      const ids = found.flat().sort().slice(0, limit)
      const users = await Promise.all(ids.map(known))
      return users.filter((user) => user !== null)
    },
  }
}

/** A field of the hash for each of the user, as JSON. */
function fieldsOf(user: Partial<User>): Record<string, string> {
  const set = Object.entries(user).filter(([, value]) => value !== undefined)
  return Object.fromEntries(set.map(([field, value]) => [field, JSON.stringify(value)]))
}

function userOf(fields: Record<string, string>): User {
  return Object.fromEntries(Object.entries(fields).map(([field, json]) => [field, JSON.parse(json)])) as unknown as User
}
