import type { Connection } from './connection.ts'
import { type Keys, shards } from './keys.ts'

/** What every port of this engine works with. */
export interface Engine {
  readonly connection: Connection
  readonly keys: Keys
  readonly maxWaiting: number
  /** When Redis shall drop what lives this long, by its own clock or the tests'. For SET, with `expired` on reading. */
  lifetime(ms: number): { until: number; option: ['PX' | 'PXAT', number] }
  /** Redis drops what is over by itself; only the tests' clock has to be asked. */
  expired(until: number): boolean
  /** A script's small named values. Redis' clock rules, unless the tests gave one. */
  given<T extends object>(values: T): T & { now?: number }
  /** The numbers of all shards. */
  readonly shards: readonly number[]
}

export function engineOf(
  connection: Connection,
  keys: Keys,
  options: { maxWaiting: number; now?: () => number },
): Engine {
  const { now } = options
  return {
    connection,
    keys,
    maxWaiting: options.maxWaiting,
    lifetime(ms) {
      const until = (now ?? Date.now)() + ms
      return { until, option: now ? ['PXAT', until] : ['PX', ms] }
    },
    expired: (until) => now !== undefined && until <= now(),
    given: (values) => (now ? { ...values, now: now() } : values),
    shards: Array.from({ length: shards }, (_, shard) => shard),
  }
}
