import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from '../../errors.ts'
import type { Sessions, Users } from '../../store.ts'
import type { User } from '../../types.ts'
import { fold } from '../matching.ts'
import { isFound } from '../people.ts'
import type { Engine } from './engine.ts'
import { identitiesOf } from './identities.ts'
import { joiningOf } from './joining.ts'
import { type Flat, fieldsOf, type UserRecords, userOf } from './userRecords.ts'

/**
 * How long a new user's record lives without all its identities: an instance that dies meanwhile leaves nothing behind,
 * and an identity that leads to no record is free to take.
 */
const pendingMs = 60_000
/** How often two who want the same identity at the same time look again. */
const tries = 40
/** The most users that one search looks at. */
const searchedUsers = 500

/**
 * A user and their identities are in different shards. So a creation has steps: the record (pending, with an end), the
 * identities one by one, then the record is kept. Nobody sees a pending user; who meets one waits for it.
 */
export function openUsers(engine: Engine, records: UserRecords, sessions: Pick<Sessions, 'endAll'>): Users {
  const { connection, keys, given } = engine
  const { load, known } = records
  const identities = identitiesOf(engine)
  const { ownerOf, give } = identities

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

  async function list({ after, limit }: { after?: string; limit: number }): Promise<User[]> {
    const from = after === undefined ? '-' : `(${after}`
    const found = await Promise.all(
      engine.shards.map((shard) =>
        connection.run((redis) => redis.zrangebylex(keys.usersIn(shard), from, '+', 'LIMIT', 0, limit)),
      ),
    )
    const ids = found.flat().sort().slice(0, limit)
    const users = await Promise.all(ids.map(known))
    return users.filter((user) => user !== null)
  }

  return {
    get: known,
    ...joiningOf(engine, records, identities, sessions),

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
      const { id: _id, identities: _identities, formerly: _formerly, ...changes } = patch as Partial<User>
      const dropped = Object.entries(changes).flatMap(([field, value]) => (value === undefined ? [field] : []))
      const set = Object.entries(fieldsOf(changes)).flat()
      for (let now = id; ; ) {
        const at = [keys.user(now)]
        const reply = (await connection.script('user_update', at, given({ drop: dropped }), ...set)) as
          | string[]
          | string
          | null
        if (typeof reply !== 'string') return reply && userOf(flatOf(reply))
        now = reply
      }
    },

    list,

    async search(text, { after, limit }) {
      const wanted = fold(text).trim()
      const looked = await list({ limit: searchedUsers, ...(after !== undefined && { after }) })
      const items = looked.filter((user) => isFound(user, wanted)).slice(0, limit)
      const last = items.length === limit ? items.at(-1) : looked[searchedUsers - 1]
      return last ? { items, next: last.id } : { items }
    },
  }
}

const flatOf = (flat: string[]): Flat =>
  Object.fromEntries(flat.flatMap((field, i) => (i % 2 ? [] : [[field, flat[i + 1]!]])))
