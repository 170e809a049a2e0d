import type { Connection } from './connection.ts'
import { type Keys, shards } from './keys.ts'

/** What every port of this engine works with. */
export interface Engine {
  readonly connection: Connection
  readonly keys: Keys
  readonly maxWaiting: number
  /** The store's clock as an instance sees it: the one the tests gave, else its own. */
  now(): number
  /** A script's small named values. Redis' clock rules, unless the tests gave one. */
  given<T extends object>(values: T): T & { now?: number }
  everyShard<T>(call: (shard: number) => Promise<T>): Promise<T[]>
}

export function engineOf(
  connection: Connection,
  keys: Keys,
  options: { maxWaiting: number; now?: () => number },
): Engine {
  const { now } = options
  const all = Array.from({ length: shards }, (_, shard) => shard)
  return {
    connection,
    keys,
    maxWaiting: options.maxWaiting,
    now: now ?? Date.now,
    given: (values) => (now ? { ...values, now: now() } : values),
    everyShard: (call) => Promise.all(all.map(call)),
  }
}
