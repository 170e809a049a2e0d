import { describe, expect, it } from 'vitest'
import { bedFor, type Open } from './kit.ts'

/** Counts that are exact over all instances. */
export function countersContract(open: Open): void {
  describe('counters', () => {
    const bed = bedFor(open)

    it('counts in a window that begins at the first hit and ends when it said', async () => {
      const start = bed.clock.now()
      expect(await bed.store.counters.hit('k', 1_000)).toEqual({ count: 1, resetsAt: start + 1_000 })
      bed.clock.advance(600)
      expect(await bed.store.counters.hit('k', 1_000)).toEqual({ count: 2, resetsAt: start + 1_000 })
      bed.clock.advance(399)
      expect(await bed.store.counters.hit('k', 1_000)).toEqual({ count: 3, resetsAt: start + 1_000 })
      bed.clock.advance(1)
      expect(await bed.store.counters.hit('k', 1_000)).toEqual({ count: 1, resetsAt: start + 2_000 })
    })

    it('counts each key for itself, and begins anew after a reset', async () => {
      await bed.store.counters.hit('a', 1_000)
      await bed.store.counters.hit('a', 1_000)
      expect((await bed.store.counters.hit('b', 1_000)).count).toBe(1)
      await bed.store.counters.reset('a')
      await bed.store.counters.reset('never-hit')
      expect((await bed.store.counters.hit('a', 1_000)).count).toBe(1)
      expect((await bed.store.counters.hit('b', 1_000)).count).toBe(2)
    })

    it('counts every hit of many at once, over two instances', async () => {
      const other = await bed.again()
      const hits = await Promise.all(
        Array.from({ length: 40 }, (_, n) => (n % 2 ? other : bed.store).counters.hit('k', 1_000)),
      )
      expect(hits.map((one) => one.count).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: 40 }, (_, n) => n + 1),
      )
    })
  })
}

/** Values with a lifetime. */
export function cacheContract(open: Open): void {
  describe('cache', () => {
    const bed = bedFor(open)

    it('keeps a value for its lifetime', async () => {
      expect(await bed.store.cache.get('k')).toBeNull()
      await bed.store.cache.set('k', 'a "välue" 👩‍👩‍👧', 1_000)
      bed.clock.advance(999)
      expect(await bed.store.cache.get('k')).toBe('a "välue" 👩‍👩‍👧')
      bed.clock.advance(1)
      expect(await bed.store.cache.get('k')).toBeNull()
    })

    it('takes a new value with a new lifetime', async () => {
      await bed.store.cache.set('k', 'old', 1_000)
      bed.clock.advance(900)
      await bed.store.cache.set('k', '', 1_000)
      bed.clock.advance(900)
      expect(await bed.store.cache.get('k')).toBe('')
    })

    it('swaps a value only for the one that is expected', async () => {
      const { cache } = bed.store
      expect(await cache.swap('k', 'old', 'new', 1_000)).toBe(false)
      expect(await cache.swap('k', null, 'old value\n 👩', 1_000)).toBe(true)
      expect(await cache.swap('k', null, 'other', 1_000)).toBe(false)
      expect(await cache.swap('k', 'old value', 'new', 1_000)).toBe(false)
      expect(await cache.get('k')).toBe('old value\n 👩')
      expect(await cache.swap('k', 'old value\n 👩', '', 1_000)).toBe(true)
      expect(await cache.get('k')).toBe('')
      expect(await cache.swap('k', null, 'x', 1_000)).toBe(false)
      await cache.set('k', 'set', 1_000)
      expect(await cache.swap('k', 'set', 'swapped', 1_000)).toBe(true)
      await cache.set('k', 'set', 1_000)
      expect(await cache.get('k')).toBe('set')
    })

    it('swaps a value for nothing, once, and then takes a new one', async () => {
      const { cache } = bed.store
      await cache.set('k', 'code', 1_000)
      expect(await cache.swap('k', 'other', null, 1_000)).toBe(false)
      expect(await cache.swap('k', 'code', null, 1_000)).toBe(true)
      expect(await cache.swap('k', 'code', null, 1_000)).toBe(false)
      expect(await cache.get('k')).toBeNull()
      expect(await cache.swap('k', null, null, 1_000)).toBe(true)
      expect(await cache.swap('k', null, 'next', 1_000)).toBe(true)
      expect(await cache.get('k')).toBe('next')
    })

    it('swaps for a lifetime, and takes what is over for nothing', async () => {
      const { cache } = bed.store
      await cache.set('k', 'old', 1_000)
      bed.clock.advance(1_000)
      expect(await cache.swap('k', 'old', 'new', 1_000)).toBe(false)
      expect(await cache.swap('k', null, 'new', 1_000)).toBe(true)
      bed.clock.advance(999)
      expect(await cache.get('k')).toBe('new')
      bed.clock.advance(1)
      expect(await cache.get('k')).toBeNull()
    })

    it.each([
      ['another value', 'used'],
      ['nothing', null],
    ])('lets one of many swap a value for %s, over two instances', async (_, value) => {
      const other = await bed.again()
      await bed.store.cache.set('k', 'code', 60_000)
      const swapped = await Promise.all(
        Array.from({ length: 20 }, (_, n) => (n % 2 ? other : bed.store).cache.swap('k', 'code', value, 60_000)),
      )
      expect(swapped.filter(Boolean)).toHaveLength(1)
    })
  })
}
