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

/** How long the mark of a swap for nothing stays: far longer than a step is repeated. */
const markMs = 60_000

/** A cached text is stored behind its end, the id of the swap that wrote it (if one did; `!`: it swapped for nothing) and a blank. */
export function openCache({ connection, keys, lifetime, expired, given }: Engine): Cache {
  return {
    async get(key) {
      const text = await connection.run((redis) => redis.get(keys.cache(key)))
      if (text === null) return null
      const head = text.slice(0, text.indexOf(' '))
      const until = Number(head.split(',', 1)[0])
      return head.endsWith('!') || expired(until) ? null : text.slice(head.length + 1)
    },

    async set(key, value, ttlMs) {
      const { until, option } = lifetime(ttlMs)
      await connection.run((redis) => redis.set(keys.cache(key), `${until} ${value}`, option[0] as 'PX', option[1]))
    },

    async swap(key, expected, value, ttlMs) {
      const { until } = lifetime(value === null ? markMs : ttlMs)
      const text = (one: string | null) => (one === null ? '' : `=${one}`)
      const values = given({ swap: newId(), till: until })
      const reply = await connection.script('swap', [keys.cache(key)], values, text(expected), text(value))
      return reply === 1
    },
  }
}
