import type { Store, StoreOptions } from '../../store.ts'
import { defaultMaxWaiting } from '../../store.ts'
import { openAbsences } from './absences.ts'
import { openBudgets } from './budgets.ts'
import { openBus } from './bus.ts'
import type { ConnectionSettings } from './client.ts'
import { connect } from './connection.ts'
import { openConversations } from './conversations.ts'
import { openCache, openCounters } from './counters.ts'
import { engineOf } from './engine.ts'
import { openInbox } from './inbox.ts'
import { spellKeys } from './keys.ts'
import { openLeases } from './leases.ts'
import { openPlaces } from './places.ts'
import { openRecords } from './records.ts'
import { ensureSchema } from './schema.ts'
import { openSessions } from './sessions.ts'
import { openUsage } from './usage.ts'
import { openUserRecords } from './userRecords.ts'
import { openUsers } from './users.ts'
import { openVault } from './vault.ts'

export { type KeyKind, keyTable } from './keys.ts'

export interface RedisStoreOptions extends StoreOptions, ConnectionSettings {
  /** In front of every key, so that several deployments can share a Redis. Without braces. */
  prefix: string
}

/**
 * The store on Redis 6.2 or newer (or Valkey): one server, with or without TLS, or a Cluster. Any number of instances
 * may share it. Throws an `Error` in plain words when Redis cannot be reached within five seconds, refuses the password,
 * or holds data of a newer version. Later failures reject with `store_unavailable`, and heal when Redis is back.
 */
export async function openRedis(options: RedisStoreOptions): Promise<Store> {
  if (/[{}\s]/.test(options.prefix)) throw new Error('The prefix of Redis keys must not have braces or blanks in it.')
  const connection = await connect(options)
  const keys = spellKeys(options.prefix)
  try {
    await ensureSchema(connection, keys, options.log ? { log: options.log } : {})
  } catch (error) {
    await connection.close()
    throw error
  }
  const { maxWaiting = defaultMaxWaiting, now } = options
  const engine = engineOf(connection, keys, { maxWaiting, ...(now && { now }) })
  const bus = openBus(engine, options.log)
  const userRecords = openUserRecords(engine)
  const sessions = openSessions(engine, userRecords)
  const users = openUsers(engine, userRecords, sessions)
  return {
    engine: 'redis',
    inbox: openInbox(engine, userRecords),
    places: openPlaces(engine),
    leases: openLeases(engine),
    conversations: openConversations(engine, userRecords),
    users,
    sessions,
    absences: openAbsences(engine),
    budgets: openBudgets(engine),
    usage: openUsage(engine, users),
    records: openRecords(engine),
    counters: openCounters(engine),
    cache: openCache(engine),
    vault: openVault(engine),
    bus,
    async ping() {
      const probe = (shard: number) =>
        connection.run((redis) => redis.set(keys.probeIn(shard), '1', 'PX', 60_000)).then(() => undefined)
      // A Cluster is well when all of its nodes are.
      await Promise.all((connection.cluster ? engine.shards : [0]).map(probe))
    },
    async close() {
      bus.close()
      await connection.close()
    },
  }
}
