import { describe, expect, it } from 'vitest'
import { newId } from '../../../src/ids.ts'
import type { Entry } from '../../../src/store.ts'
import { bedFor, type Open } from './kit.ts'

/** Logs that grow at the end and are read from there. */
export function recordsContract(open: Open): void {
  describe('records', () => {
    const bed = bedFor(open)

    /** An entry a second later than the one before. */
    function next(user?: string, data: Entry['data'] = { action: 'join' }): Entry {
      bed.clock.advance(1_000)
      return { id: newId(bed.clock.now()), at: bed.clock.now(), ...(user !== undefined && { user }), data }
    }
    async function fill(users: (string | undefined)[]): Promise<Entry[]> {
      const entries = users.map((user, n) => next(user, { n }))
      for (const entry of entries.toReversed()) await bed.store.records.put('audit', entry)
      return entries.toReversed()
    }
    /** All pages, one after the other. */
    async function pages(user?: string | string[]): Promise<Entry[][]> {
      const found: Entry[][] = []
      for (;;) {
        const before = found.at(-1)?.at(-1)?.id
        const query = { limit: 3, ...(before && { before }), ...(user && { user }) }
        const page = await bed.store.records.list('audit', query)
        if (page.length === 0) return found
        found.push(page)
      }
    }

    it('keeps what was put, in a log of its own for each kind', async () => {
      const audit = next('ann', { action: 'role', list: [1, { deep: null }], text: 'ü “"\n 👩' })
      const feedback = next(undefined, {})
      await bed.store.records.put('audit', audit)
      await bed.store.records.put('feedback', feedback)
      const other = await bed.again()
      expect(await other.records.list('audit', { limit: 10 })).toEqual([audit])
      expect(await other.records.list('feedback', { limit: 10 })).toEqual([feedback])
    })

    it('is read from its end, a page at a time', async () => {
      const entries = await fill(Array.from({ length: 8 }, (_, n) => (n % 3 ? `user-${n}` : undefined)))
      expect(await pages()).toEqual([entries.slice(0, 3), entries.slice(3, 6), entries.slice(6)])
    })

    it('is read of one user, by one or all of their ids', async () => {
      const entries = await fill(['ann', 'bob', 'ann', 'anna', undefined, 'ann', 'bob', 'anna', 'ann'])
      const of = (...users: string[]) => entries.filter(({ user }) => user && users.includes(user))
      expect((await pages('ann')).flat()).toEqual(of('ann'))
      expect((await pages(['ann', 'anna'])).map((page) => page.length)).toEqual([3, 3])
      expect((await pages(['ann', 'anna', 'ann'])).flat()).toEqual(of('ann', 'anna'))
      expect(await pages('eve')).toEqual([])
      expect(await bed.store.records.list('feedback', { limit: 10, user: 'ann' })).toEqual([])
    })

    it('replaces what has the same id, also whom it is about', async () => {
      const { records } = bed.store
      const entry = next('ann', { value: 'up' })
      await records.put('feedback', entry)
      await records.put('feedback', entry)
      const changed = { ...entry, at: entry.at + 5, user: 'bob', data: { value: 'down' } }
      await records.put('feedback', changed)
      expect(await records.list('feedback', { limit: 10 })).toEqual([changed])
      expect(await records.list('feedback', { limit: 10, user: 'ann' })).toEqual([])
      expect(await records.list('feedback', { limit: 10, user: 'bob' })).toEqual([changed])
      const { user: _, ...nobodys } = changed
      await records.put('feedback', nobodys)
      expect(await records.list('feedback', { limit: 10, user: 'bob' })).toEqual([])
      expect(await records.list('feedback', { limit: 10 })).toEqual([nobodys])
    })

    it('drops one, and is told to again', async () => {
      const [newest, middle, oldest] = await fill(['ann', 'ann', 'ann'])
      await bed.store.records.drop('audit', middle!.id)
      await bed.store.records.drop('audit', middle!.id)
      await bed.store.records.drop('feedback', oldest!.id)
      expect((await pages()).flat()).toEqual([newest, oldest])
      expect((await pages('ann')).flat()).toEqual([newest, oldest])
    })

    it('purges what is older than a time, so many at once as it is told', async () => {
      const entries = await fill(Array.from({ length: 9 }, (_, n) => (n % 2 ? 'ann' : 'bob')))
      const kept = entries.slice(0, 2)
      const before = kept[1]!.at
      const { records } = bed.store
      await records.put('feedback', entries[8]!)
      expect(await records.purge('audit', before, 4)).toBe(4)
      expect((await pages()).flat()).toHaveLength(5)
      expect(await records.purge('audit', before, 4)).toBe(3)
      expect(await records.purge('audit', before, 4)).toBe(0)
      expect((await pages()).flat()).toEqual(kept)
      for (const entry of kept) expect((await pages(entry.user)).flat()).toEqual([entry])
      expect(await records.list('feedback', { limit: 10 })).toHaveLength(1)
    })

    it('has all of what is put, dropped and put again at once, over two instances', async () => {
      const other = await bed.again()
      const entries = Array.from({ length: 20 }, (_, n) => next(n % 2 ? 'ann' : 'bob'))
      await Promise.all(
        entries.map(async (entry, n) => {
          const { records } = n % 3 ? bed.store : other
          await records.put('audit', entry)
          if (n % 4 === 0) await records.drop('audit', entry.id)
          if (n % 8 === 0) await records.put('audit', { ...entry, user: 'eve' })
          await records.list('audit', { limit: 5, user: 'ann' })
        }),
      )
      const expected = entries.flatMap((entry, n) =>
        n % 8 === 0 ? [{ ...entry, user: 'eve' }] : n % 4 === 0 ? [] : [entry],
      )
      expect((await pages()).flat()).toEqual(expected.toReversed())
      for (const user of ['ann', 'bob', 'eve']) {
        expect((await pages(user)).flat()).toEqual(expected.filter((entry) => entry.user === user).toReversed())
      }
    })
  })
}
