import { describe, expect, it } from 'vitest'
import { type UsageRow, usageDays } from '../../../src/store.ts'
import { bedFor, newUser, type Open } from './kit.ts'

const dayMs = 24 * 3_600_000

/** What was used, by day, person, surface, workspace and model. */
export function usageContract(open: Open): void {
  describe('usage', () => {
    const bed = bedFor(open)
    const day = (back = 0) => new Date(bed.clock.now() - back * dayMs).toISOString().slice(0, 10)
    const rowOf = (over: Partial<UsageRow> = {}): UsageRow => ({
      day: day(),
      user: 'ann',
      surface: 'slack',
      workspace: 'T1',
      model: 'a-model',
      turns: 1,
      input: 10,
      output: 5,
      cacheRead: 2,
      cacheWrite: 1,
      cost: 1_234,
      ...over,
    })
    const read = async (user?: string, from = day(30), to = day()) => {
      const rows = await bed.store.usage.read({ from, to, ...(user !== undefined && { user }) })
      const key = (row: UsageRow) => JSON.stringify([row.day, row.user, row.surface, row.workspace, row.model])
      return rows.sort((a, b) => (key(a) < key(b) ? -1 : 1))
    }

    it('adds up what agrees in all, and keeps apart what does not', async () => {
      const { usage } = bed.store
      await usage.add(rowOf())
      await (await bed.again()).usage.add(
        rowOf({ turns: 2, input: 1, output: 1, cacheRead: 1, cacheWrite: 1, cost: 1 }),
      )
      const others = [
        rowOf({ user: 'bob' }),
        rowOf({ surface: 'teams' }),
        rowOf({ workspace: 'T2' }),
        rowOf({ model: '' }),
        rowOf({ model: 'a model: "with" blanks, und Ümläute' }),
        rowOf({ day: day(1) }),
      ]
      for (const row of others) await usage.add(row)
      const sum = rowOf({ turns: 3, input: 11, output: 6, cacheRead: 3, cacheWrite: 2, cost: 1_235 })
      const all = await read()
      expect(all).toHaveLength(others.length + 1)
      expect(all).toEqual(expect.arrayContaining([sum, ...others]))
      expect(await read('bob')).toEqual([rowOf({ user: 'bob' })])
      expect(await read('eve')).toEqual([])
    })

    it('loses nothing that comes at once, over two instances', async () => {
      const other = await bed.again()
      await Promise.all(Array.from({ length: 40 }, (_, n) => (n % 2 ? other : bed.store).usage.add(rowOf())))
      expect(await read()).toMatchObject([{ turns: 40, input: 400, cost: 40 * 1_234 }])
    })

    it('reads the days it is asked for, both included, of many people', async () => {
      for (let back = 0; back < 40; back += 3)
        await bed.store.usage.add(rowOf({ day: day(back), user: `user-${back}` }))
      const days = [...new Set((await read()).map((row) => row.day))]
      expect(days).toEqual([30, 27, 24, 21, 18, 15, 12, 9, 6, 3, 0].map((back) => day(back)))
      expect(await read('user-3', day(3), day(3))).toHaveLength(1)
      expect(await read('user-3', day(2), day())).toEqual([])
      expect(await read(undefined, day(), day(3))).toEqual([])
      expect(await read(undefined, '0000-01-01', '9999-12-31')).toHaveLength(14)
    })

    it('keeps a day for 400 days', async () => {
      await bed.store.usage.add(rowOf())
      const first = day()
      bed.clock.advance(usageDays * dayMs)
      expect(await read(undefined, first)).toHaveLength(1)
      expect(await read('ann', first)).toHaveLength(1)
      bed.clock.advance(dayMs)
      expect(await read(undefined, first)).toEqual([])
      expect(await read('ann', first)).toEqual([])
    })

    it('forgets who it was, and keeps what was used', async () => {
      const { usage } = bed.store
      await usage.add(rowOf())
      await usage.add(rowOf({ day: day(45) }))
      await usage.add(rowOf({ user: 'bob', cost: 1 }))
      await usage.add(rowOf({ user: 'eve' }))
      for (const user of ['ann', 'bob', 'nobody', 'ann']) await usage.forget(user)
      const nobody = { user: '', surface: 'slack', workspace: 'T1', model: 'a-model' }
      expect(await read(undefined, day(60))).toEqual([
        { ...rowOf({ day: day(45) }), ...nobody },
        { ...rowOf({ turns: 2, input: 20, output: 10, cacheRead: 4, cacheWrite: 2, cost: 1_235 }), ...nobody },
        rowOf({ user: 'eve' }),
      ])
      expect(await read('ann', day(60))).toEqual([])
      await usage.add(rowOf())
      expect(await read('ann')).toEqual([rowOf()])
    })

    it('tells of merged users by who they are now, under any id they had', async () => {
      const { users, usage } = bed.store
      for (const id of ['ann', 'anna', 'annie']) await users.create(newUser({ id }))
      for (const user of ['ann', 'anna', 'annie']) await usage.add(rowOf({ user }))
      await users.merge('annie', 'anna')
      await users.merge('anna', 'ann')
      const sum = rowOf({ turns: 3, input: 30, output: 15, cacheRead: 6, cacheWrite: 3, cost: 3 * 1_234 })
      expect(await read()).toEqual([sum])
      for (const user of ['ann', 'anna', 'annie']) expect(await read(user)).toEqual([sum])
      await usage.forget('anna')
      expect(await read()).toEqual([{ ...sum, user: '' }])
    })
  })
}
