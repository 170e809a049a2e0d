import { firstIdAt } from '../../ids.ts'
import type { Entry, RecordKind, Records } from '../../store.ts'
import type { Engine } from './engine.ts'
import { shardOf } from './keys.ts'

const newestFirst = (a: string, b: string) => (a < b ? 1 : -1)

/**
 * Entries are spread by their ids, and each user has an index of theirs in another shard. The index comes first and goes
 * first: after a crash it may name an entry too many, which the next to read it takes out.
 */
export function openRecords(engine: Engine): Records {
  const { connection, keys } = engine
  const homeOf = (kind: RecordKind, id: string) => {
    const shard = shardOf(id)
    return [keys.entriesIn(shard, kind), keys.recordsIn(shard, kind)] as [string, string]
  }

  async function load(kind: RecordKind, id: string): Promise<Entry | null> {
    const text = await connection.run((redis) => redis.hget(homeOf(kind, id)[0], id))
    return text === null ? null : (JSON.parse(text) as Entry)
  }

  const index = (kind: RecordKind, user: string, id: string) =>
    connection.run((redis) => redis.zadd(keys.recordsOf(user, kind), 0, id))
  const unindex = (kind: RecordKind, user: string, id: string) =>
    connection.run((redis) => redis.zrem(keys.recordsOf(user, kind), id))

  /** Take out of a user's index what is not theirs, and back in what was put there meanwhile. */
  async function tidy(kind: RecordKind, user: string, id: string): Promise<void> {
    await unindex(kind, user, id)
    if ((await load(kind, id))?.user === user) await index(kind, user, id)
  }

  /** Up to `limit` ids of an index before `before`, newest first. */
  const idsOf = (key: string, before: string | undefined, limit: number) =>
    connection.run((redis) =>
      redis.zrevrangebylex(key, before === undefined ? '+' : `(${before}`, '-', 'LIMIT', 0, limit),
    )

  const entriesOf = async (kind: RecordKind, ids: string[]) => Promise.all(ids.map((id) => load(kind, id)))

  async function listAll(kind: RecordKind, before: string | undefined, limit: number): Promise<Entry[]> {
    const found = await Promise.all(engine.shards.map((shard) => idsOf(keys.recordsIn(shard, kind), before, limit)))
    const entries = await entriesOf(kind, found.flat().sort(newestFirst).slice(0, limit))
    return entries.filter((entry) => entry !== null)
  }

  async function listOf(kind: RecordKind, user: string, before: string | undefined, limit: number): Promise<Entry[]> {
    const listed: Entry[] = []
    for (let from = before; listed.length < limit; ) {
      const ids = await idsOf(keys.recordsOf(user, kind), from, limit)
      const entries = await entriesOf(kind, ids)
      for (const [n, id] of ids.entries()) {
        const entry = entries[n]
        if (entry?.user === user) listed.push(entry)
        else await tidy(kind, user, id)
      }
      if (ids.length < limit) break
      from = ids.at(-1)
    }
    return listed.slice(0, limit)
  }

  async function drop(kind: RecordKind, id: string): Promise<number> {
    const user = (await load(kind, id))?.user
    if (user !== undefined) await unindex(kind, user, id)
    return (await connection.script('record_drop', homeOf(kind, id), {}, id)) as number
  }

  return {
    async put(kind, entry) {
      const { id, user } = entry
      if (user !== undefined) await index(kind, user, id)
      const text = await connection.script('record_put', homeOf(kind, id), {}, id, JSON.stringify(entry))
      const before = text === null ? undefined : (JSON.parse(text as string) as Entry).user
      if (before !== undefined && before !== user) await tidy(kind, before, id)
      // Again: someone who read the index between the two steps has taken it out.
      if (user !== undefined) await index(kind, user, id)
    },

    async list(kind, { before, limit, user }) {
      if (user === undefined) return listAll(kind, before, limit)
      const users = [...new Set([user].flat())]
      const found = await Promise.all(users.map((one) => listOf(kind, one, before, limit)))
      return found
        .flat()
        .sort((a, b) => newestFirst(a.id, b.id))
        .slice(0, limit)
    },

    drop: (kind, id) => drop(kind, id).then(() => undefined),

    async purge(kind, before, limit) {
      let purged = 0
      for (const shard of engine.shards) {
        const ids = await connection.run((redis) =>
          redis.zrangebylex(keys.recordsIn(shard, kind), '-', `(${firstIdAt(before)}`, 'LIMIT', 0, limit - purged),
        )
        const dropped = await Promise.all(ids.map((id) => drop(kind, id)))
        purged += dropped.reduce((sum, one) => sum + one, 0)
        if (purged >= limit) break
      }
      return purged
    },
  }
}
