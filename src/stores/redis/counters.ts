import { newId } from '../../ids.ts'
import type { Cache, Counters } from '../../store.ts'
import type { Engine } from './engine.ts'

export function openCounters({ connection, keys, given }: Engine): Counters {
  return {
    async hit(key, windowMs) {
      const [count, resetsAt] = (await connection.script(
        'hit',
        [keys.counter(key)],
        given({ ms: windowMs, hit: newId() }),
      )) as [number, number]
      return { count, resetsAt }
    },

    async reset(key) {
      await connection.run((redis) => redis.del(keys.counter(key)))
    },
  }
}

/** A cached text is stored behind its end and a blank. */
export function openCache({ connection, keys, lifetime, expired }: Engine): Cache {
  return {
    async get(key) {
      const text = await connection.run((redis) => redis.get(keys.cache(key)))
      if (text === null) return null
      const blank = text.indexOf(' ')
      return expired(Number(text.slice(0, blank))) ? null : text.slice(blank + 1)
    },

    async set(key, value, ttlMs) {
      const { until, option } = lifetime(ttlMs)
      await connection.run((redis) => redis.set(keys.cache(key), `${until} ${value}`, option[0] as 'PX', option[1]))
    },
  }
}
