import { beforeEach, describe, expect, test } from 'vitest'
import { noRules, type Rules } from '../../src/limits/rules.ts'
import { type Asking, createLimits, type Limits } from '../../src/limits.ts'
import type { Store } from '../../src/store.ts'
import type { Usage, User } from '../../src/types.ts'
import { quietLog } from '../support/log.ts'
import { bedFor, newUser, type Open } from './store/kit.ts'

const used = (input: number, output = 0): Usage => ({ input, output, cacheRead: 0, cacheWrite: 0 })

/** Limits over a real store: exact over instances, told in words, and noted for those who look later. */
export function limitsContract(open: Open): void {
  const bed = bedFor(open)
  let rules: Rules
  let limits: Limits
  let ann: User
  let serial = 0

  const over = (store: Store): Limits =>
    createLimits({
      budgets: store.budgets,
      counters: store.counters,
      usage: store.usage,
      rules: () => rules,
      // Dollars per million tokens.
      priceOf: (model) => (model === 'priced' ? { input: 3, output: 15 } : undefined),
      model: 'priced',
      log: quietLog(),
      now: bed.clock.now,
    })

  const asking = (user: User, more: Partial<Asking> = {}): Asking => ({
    turn: `turn${++serial}`,
    user,
    surface: 'slack',
    workspace: 'T1',
    first: true,
    input: 100,
    output: 100,
    ...more,
  })

  beforeEach(() => {
    rules = structuredClone(noRules)
    limits = over(bed.store)
    ann = newUser({ name: 'Ann', roles: ['member'], timeZone: 'UTC' })
  })

  test('nothing is limited where no rule is, and what was used is noted all the same', async () => {
    const held = await limits.enter(asking(ann))
    expect(await held.settle(used(1_000, 200), 'priced')).toBeUndefined()
    await limits.idle()
    const day = new Date(bed.clock.now()).toISOString().slice(0, 10)
    expect(await bed.store.usage.read({ from: day, to: day })).toEqual([
      {
        day,
        user: ann.id,
        surface: 'slack',
        workspace: 'T1',
        model: 'priced',
        turns: 1,
        ...used(1_000, 200),
        cost: 1_000 * 3 + 200 * 15,
      },
    ])
    expect(await limits.left(ann)).toEqual([])
  })

  test('messages in a minute are counted, a turn that is taken up again not twice', async () => {
    rules.everyone.messagesPerMinute = 2
    await limits.enter(asking(ann))
    await limits.enter(asking(ann, { first: false }))
    await limits.enter(asking(ann))
    await expect(limits.enter(asking(ann))).rejects.toMatchObject({
      code: 'limit_reached',
      notice: {
        text: 'You have reached your limit of 2 messages a minute. It resets in 60 seconds.',
        retry: false,
      },
    })
    bed.clock.advance(60_000)
    await limits.enter(asking(ann))
  })

  test('tokens of a day are held before and settled after; the refusal says when the day is over', async () => {
    rules.everyone.tokensPerDay = 1_000
    await (await limits.enter(asking(ann))).settle(used(700), 'priced')
    // The last turn may go over it.
    await (await limits.enter(asking(ann))).settle(used(600), 'priced')
    await expect(limits.enter(asking(ann))).rejects.toThrow(
      expect.objectContaining({
        code: 'limit_reached',
        notice: expect.objectContaining({
          text: expect.stringMatching(/^You have reached your limit of 1,000 tokens a day\. It resets at 00:00 UTC\.$/),
        }),
      }),
    )
    bed.clock.advance(24 * 3_600_000)
    await limits.enter(asking(ann))
  })

  test('cost follows the price of the model that answered', async () => {
    rules.everyone.costPerMonth = 0.01
    // 3,000 tokens at $3 a million: 0.9 cents.
    expect((await (await limits.enter(asking(ann))).settle(used(3_000), 'priced'))?.text).toContain(
      '90 % of your limit of $0.01 a month',
    )
    expect(await limits.left(ann)).toMatchObject([{ of: 'cost', per: 'month', limit: 10_000, used: 9_000 }])
    await (await limits.enter(asking(ann))).settle(used(1_000), 'priced')
    await expect(limits.enter(asking(ann))).rejects.toMatchObject({ code: 'limit_reached' })
  })

  test('whoever crosses four fifths is told, once', async () => {
    rules.everyone.tokensPerDay = 1_000
    const settle = async (tokens: number) => (await limits.enter(asking(ann))).settle(used(tokens), 'priced')
    expect(await settle(790)).toBeUndefined()
    expect(await settle(20)).toMatchObject({
      code: 'limit_near',
      text: '81 % of your limit of 1,000 tokens a day is used. It resets at 00:00 UTC.',
    })
    expect(await settle(20)).toBeUndefined()
  })

  test('many at once on several instances go over it by one turn at most', async () => {
    rules.everyone.tokensPerDay = 1_000
    const instances = [limits, ...(await Promise.all([bed.again(), bed.again()])).map(over)]
    let total = 0
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        try {
          const held = await instances[i % instances.length]!.enter(asking(ann))
          total += 200
          await held.settle(used(200), 'priced')
          return 'ok'
        } catch (thrown) {
          return (thrown as { code: string }).code
        }
      }),
    )
    expect(total).toBeLessThanOrEqual(1_000 + 200)
    expect(total).toBeGreaterThan(0)
    expect(new Set(outcomes).size).toBeGreaterThan(1)
    expect(outcomes.every((code) => ['ok', 'limit_reached', 'limit_held'].includes(code))).toBe(true)
  })

  test('what running turns hold is not told as used up: they may leave something', async () => {
    rules.everyone.tokensPerDay = 150
    const held = await limits.enter(asking(ann))
    await expect(limits.enter(asking(ann))).rejects.toMatchObject({ code: 'limit_held', notice: { retry: true } })
    await held.settle(used(10), 'priced')
    await limits.enter(asking(ann))
  })

  test('what is used goes along with people who part and join: nothing begins anew by that', async () => {
    rules.everyone = { tokensPerDay: 1_000, costPerMonth: 1 }
    await (await limits.enter(asking(ann))).settle(used(700), 'priced')
    const running = await limits.enter(asking(ann))
    const parted = newUser()
    await limits.carry(ann.id, parted.id)
    const usedBy = async (user: User) => (await limits.left(user)).map((each) => each.used)
    expect(await usedBy(parted)).toEqual([900, 700 * 3 + 100 * 3 + 100 * 15])
    await running.settle(used(0), 'priced')
    await (await limits.enter(asking(parted))).settle(used(50), 'priced')
    await limits.carry(parted.id, ann.id)
    await limits.carry(parted.id, ann.id)
    expect((await usedBy(ann))[0]).toBe(950)
    await limits.carry(newUser().id, ann.id)
    expect((await usedBy(ann))[0]).toBe(950)
  })

  describe('of several rules', () => {
    test('the closest holds, and -1 lifts a wider one', async () => {
      rules = {
        everyone: { tokensPerDay: 100 },
        roles: { admin: { tokensPerDay: 500 } },
        users: { [ann.id]: { tokensPerDay: -1 } },
        workspaces: {},
      }
      const limitOf = async (user: User) => (await limits.left(user))[0]?.limit
      expect(await limitOf(newUser({ roles: ['member'] }))).toBe(100)
      expect(await limitOf(newUser({ roles: ['member', 'admin'] }))).toBe(500)
      expect(await limitOf(ann)).toBeUndefined()
      expect(await limitOf(newUser({ roles: ['member'], formerly: [ann.id] }))).toBeUndefined()
    })

    test('a workspace’s is for all of its people together', async () => {
      rules.workspaces['slack:T1'] = { tokensPerDay: 300 }
      await (await limits.enter(asking(ann))).settle(used(400), 'priced')
      const bob = newUser({ roles: ['member'] })
      await expect(limits.enter(asking(bob))).rejects.toMatchObject({
        notice: { text: expect.stringContaining('This workspace has reached its limit of 300 tokens a day.') },
      })
      await limits.enter(asking(bob, { workspace: 'T2' }))
    })
  })
}
