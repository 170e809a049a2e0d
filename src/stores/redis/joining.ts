import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from '../../errors.ts'
import { newId } from '../../ids.ts'
import type { Sessions, Users } from '../../store.ts'
import type { User } from '../../types.ts'
import { withoutIdentity } from '../people.ts'
import type { Engine } from './engine.ts'
import type { Identities } from './identities.ts'
import { type Joining, stepsOf } from './joiningSteps.ts'
import type { UserRecords } from './userRecords.ts'

/** The lock ends by itself when its holder dies; who works on renews it before each of its steps. */
const lockMs = 10_000
/** How long to wait for others who join or part users. */
const patienceMs = 15_000
/** How often to look again at an identity while someone is being created with it. */
const tries = 40

/**
 * Joining and parting users touches many shards. One at a time does it, over all instances; what it is about to do is written
 * down before, so that whoever comes next first does what an instance that died left undone. Each step may be done again.
 */
export function joiningOf(
  engine: Engine,
  records: UserRecords,
  identities: Identities,
  sessions: Pick<Sessions, 'endAll'>,
): Pick<Users, 'attach' | 'detach' | 'merge' | 'resume' | 'remove'> {
  const { connection, keys, given } = engine
  const steps = stepsOf(engine, records, identities, sessions)

  /** Resolves with what gives it back. */
  async function lock(): Promise<{ keep(): Promise<void>; end(): Promise<void> }> {
    const owner = newId()
    const hold = async (ms: number) => (await connection.script('lock', [keys.joiner], given({ owner, ms }))) === 1
    for (const until = performance.now() + patienceMs; !(await hold(lockMs)); ) {
      if (performance.now() > until) throw new Fault('store_unavailable', { detail: 'others join users for too long' })
      await sleep(20 + Math.random() * 60)
    }
    return {
      async keep() {
        if (!(await hold(lockMs)))
          throw new Fault('store_unavailable', { detail: 'the lock on joining users was lost' })
      },
      async end() {
        await hold(0)
      },
    }
  }

  /** After all that was begun before is done. */
  async function alone<T>(work: (keep: () => Promise<void>, finished: number) => Promise<T>): Promise<T> {
    const { keep, end } = await lock()
    try {
      const open = await connection.run((redis) => redis.hgetall(keys.joining))
      for (const [id, text] of Object.entries(open)) await finish(id, JSON.parse(text) as Joining, keep)
      return await work(keep, Object.keys(open).length)
    } finally {
      // If this fails, the lock ends by itself.
      await end().catch(() => undefined)
    }
  }

  async function finish(id: string, joining: Joining, keep: () => Promise<void>): Promise<void> {
    await steps.take(joining, keep)
    await connection.run((redis) => redis.hdel(keys.joining, id))
  }

  async function begin(joining: Joining, keep: () => Promise<void>): Promise<void> {
    const id = newId()
    await connection.run((redis) => redis.hset(keys.joining, id, JSON.stringify(joining)))
    await finish(id, joining, keep)
  }

  async function ownerOf(identity: string): Promise<User | null> {
    const owner = await identities.ownerOf(identity)
    return owner === null ? null : records.known(owner)
  }

  async function attach(id: string, identity: string, keep: () => Promise<void>): Promise<User | null> {
    for (let n = 0; n < tries; n++) {
      const user = await records.known(id)
      if (!user) return null
      const owner = await ownerOf(identity)
      if (owner && (owner.id !== user.id || user.identities.includes(identity))) return owner
      // While someone is being created with it, it is neither free nor theirs.
      if (n > 0) await sleep(10 + n * 5)
      await begin({ step: 'attach', id: user.id, identity }, keep)
    }
    throw new Fault('store_unavailable', { detail: 'another instance did not finish creating a user' })
  }

  return {
    async attach(id, identity) {
      const [user, owner] = await Promise.all([records.known(id), ownerOf(identity)])
      if (!user || (owner?.id === user.id && user.identities.includes(identity))) return user
      return alone((keep) => attach(id, identity, keep))
    },

    detach(id, identity, fresh) {
      return alone(async (keep) => {
        const [user, owner] = await Promise.all([records.known(id), ownerOf(identity)])
        if (!user || !owner) return null
        // A repeated call, whose first reply was lost.
        if (fresh && owner.id === fresh.id) return { left: user, fresh: owner }
        if (owner.id !== user.id || !withoutIdentity(user, identity)) return null
        const own = fresh && { ...fresh, identities: [identity] }
        await begin({ step: 'detach', id: user.id, identity, ...(own && { fresh: own }) }, keep)
        const left = (await records.known(user.id)) ?? user
        return own ? { left, fresh: (await records.known(own.id)) ?? own } : { left }
      })
    },

    merge(from, into) {
      return alone(async (keep) => {
        const [source, target] = await Promise.all([records.known(from), records.known(into)])
        if (!source || !target || source.id === target.id) return null
        await begin({ step: 'merge', from: source.id, into: target.id }, keep)
        return records.known(target.id)
      })
    },

    async resume() {
      // Nothing to do, most of the time: not worth a lock.
      if ((await connection.run((redis) => redis.hlen(keys.joining))) === 0) return 0
      return alone(async (_keep, finished) => finished)
    },

    remove(id) {
      return alone(async (keep) => {
        const user = await records.known(id)
        if (user) await begin({ step: 'remove', id: user.id }, keep)
        return user !== null
      })
    },
  }
}
