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
  })
}
