import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { holdMs, type Store } from '../../../src/store.ts'
import { bedFor, type Clock, fakeClock, type Open } from './kit.ts'

/** The same cases at every run; `FC_SEED=7 FC_RUNS=2000` looks further. */
const seed = Number(process.env.FC_SEED ?? 1)
const numRuns = Number(process.env.FC_RUNS ?? 40)
const dayMs = 24 * 3_600_000

/** Allowances that are exact over all instances. */
export function budgetsContract(open: Open): void {
  describe('budgets', () => {
    const bed = bedFor(open)
    const claimOf = (turn: string, amount: number, limit = 100) => ({
      turn,
      amount,
      limit,
      endsAt: bed.clock.now() + dayMs,
    })

    it('holds before and settles after, whatever was really used', async () => {
      const { budgets } = bed.store
      expect(await budgets.hold('k', claimOf('t1', 30))).toEqual({ ok: true, used: 0, held: 30 })
      expect(await budgets.hold('k', claimOf('t2', 20))).toEqual({ ok: true, used: 0, held: 50 })
      expect(await budgets.settle('k', 't1', 45)).toEqual({ used: 45, held: 20 })
      expect(await budgets.settle('k', 't2', 0)).toEqual({ used: 45, held: 0 })
      expect(await budgets.read(['never', 'k'])).toEqual([
        { used: 0, held: 0 },
        { used: 45, held: 0 },
      ])
      expect(await budgets.read([])).toEqual([])
    })

    it('refuses when the limit is reached, not before, and holds nothing then', async () => {
      const { budgets } = bed.store
      await budgets.hold('k', claimOf('t1', 99))
      expect(await budgets.hold('k', claimOf('t2', 50))).toEqual({ ok: true, used: 0, held: 149 })
      expect(await budgets.hold('k', claimOf('t3', 1))).toEqual({ ok: false, used: 0, held: 149 })
      await budgets.settle('k', 't1', 50)
      expect(await budgets.hold('k', claimOf('t3', 1))).toEqual({ ok: false, used: 50, held: 50 })
      await budgets.settle('k', 't2', 49)
      expect(await budgets.hold('k', claimOf('t3', 1))).toEqual({ ok: true, used: 99, held: 1 })
      expect(await budgets.hold('other', claimOf('t4', 1, 0))).toEqual({ ok: false, used: 0, held: 0 })
      expect(await budgets.hold('other', claimOf('t4', 0, 0))).toEqual({ ok: false, used: 0, held: 0 })
    })

    it('replaces what a turn holds when it asks again, and counts it once', async () => {
      const { budgets } = bed.store
      await budgets.hold('k', claimOf('t1', 30))
      expect(await budgets.hold('k', claimOf('t1', 30))).toEqual({ ok: true, used: 0, held: 30 })
      expect(await budgets.hold('k', claimOf('t1', 120))).toEqual({ ok: true, used: 0, held: 120 })
      expect(await budgets.hold('k', claimOf('t1', 10))).toEqual({ ok: true, used: 0, held: 10 })
    })

    it('never refuses a turn what it holds, but more where the others have reached the limit', async () => {
      const { budgets } = bed.store
      await budgets.hold('k', claimOf('t1', 10))
      await budgets.hold('k', claimOf('t2', 100))
      expect(await budgets.hold('k', claimOf('t1', 10))).toEqual({ ok: true, used: 0, held: 110 })
      expect(await budgets.hold('k', claimOf('t1', 11))).toEqual({ ok: false, used: 0, held: 100 })
      expect(await budgets.settle('k', 't1', 5)).toEqual({ used: 0, held: 100 })
    })

    it('adds nothing when a turn is settled again, or never held anything', async () => {
      const { budgets } = bed.store
      await budgets.hold('k', claimOf('t1', 30))
      await budgets.settle('k', 't1', 40)
      expect(await budgets.settle('k', 't1', 40)).toEqual({ used: 40, held: 0 })
      expect(await budgets.settle('k', 't2', 40)).toEqual({ used: 40, held: 0 })
      expect(await budgets.settle('never', 't2', 40)).toEqual({ used: 0, held: 0 })
    })

    it('forgets a hold after an hour of which nobody said any more', async () => {
      const { budgets } = bed.store
      await budgets.hold('k', claimOf('t1', 100))
      await budgets.hold('k', claimOf('t2', 5, 1_000))
      bed.clock.advance(holdMs - 1)
      await budgets.hold('k', claimOf('t2', 5, 1_000))
      expect(await budgets.hold('k', claimOf('t3', 7))).toMatchObject({ ok: false })
      bed.clock.advance(1)
      expect(await budgets.read(['k'])).toEqual([{ used: 0, held: 5 }])
      expect(await budgets.settle('k', 't1', 50)).toEqual({ used: 0, held: 5 })
      expect(await budgets.hold('k', claimOf('t3', 7))).toEqual({ ok: true, used: 0, held: 12 })
    })

    it('begins anew when the window is over, with nothing held', async () => {
      const { budgets } = bed.store
      const endsAt = bed.clock.now() + 1_000
      await budgets.hold('k', { turn: 't1', amount: 60, limit: 100, endsAt })
      await budgets.settle('k', 't1', 60)
      await budgets.hold('k', { turn: 't2', amount: 60, limit: 100, endsAt })
      bed.clock.advance(1_000)
      expect(await budgets.read(['k'])).toEqual([{ used: 0, held: 0 }])
      expect(await budgets.settle('k', 't2', 60)).toEqual({ used: 0, held: 0 })
      expect(await budgets.hold('k', claimOf('t3', 1))).toEqual({ ok: true, used: 0, held: 1 })
    })

    it('counts as far as millionths of money go', async () => {
      const { budgets } = bed.store
      const much = 9_000_000_000_000_000
      await budgets.hold('k', claimOf('t1', much - 1, much))
      expect(await budgets.settle('k', 't1', much - 1)).toEqual({ used: much - 1, held: 0 })
      expect(await budgets.hold('k', claimOf('t2', 1, much))).toEqual({ ok: true, used: much - 1, held: 1 })
      expect(await budgets.settle('k', 't2', 1)).toEqual({ used: much, held: 0 })
    })

    it('goes over a limit by one turn at most when fifty ask at once, again and again', async () => {
      const stores = [bed.store, await bed.again(), await bed.again()]
      let admitted = 0
      for (let round = 0; round < 4; round++) {
        const results = await Promise.all(
          Array.from({ length: 50 }, async (_, n) => {
            const { budgets } = stores[n % stores.length]!
            const turn = `r${round} t${n}`
            const { ok } = await budgets.hold('k', claimOf(turn, 7, 200))
            if (ok) await budgets.settle('k', turn, 7)
            return ok
          }),
        )
        admitted += results.filter(Boolean).length
      }
      // The last that fits begins at 196.
      expect(admitted).toBe(29)
      expect(await bed.store.budgets.read(['k'])).toEqual([{ used: 203, held: 0 }])
    })
  })

  describe('any order of holds and settlements', () => {
    it('ends as plain arithmetic says, over two instances', { timeout: 60_000 + numRuns * 200 }, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(stepOf, { maxLength: 30 }), (steps) => play(open, steps)),
        { seed, numRuns },
      )
    })
  })
}

type Step =
  | { do: 'hold'; turn: string; amount: number; limit: number }
  | { do: 'settle'; turn: string; amount: number }
  | { do: 'wait'; ms: number }

const turns = fc.constantFrom('t1', 't2', 't3', 't4')
const amounts = fc.integer({ min: 0, max: 40 })
const stepOf: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('hold' as const),
      turn: turns,
      amount: amounts,
      limit: fc.constantFrom(0, 50, 100),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('settle' as const), turn: turns, amount: amounts }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, holdMs / 2, holdMs) }) },
)

/** What a budget is, said as plainly as can be. */
function plainBudget(clock: Clock, endsAt: number) {
  let used = 0
  let holds = new Map<string, { amount: number; until: number }>()
  const tidy = () => {
    const over = clock.now() >= endsAt
    if (over) used = 0
    holds = new Map([...holds].filter(([, one]) => !over && one.until > clock.now()))
  }
  const balance = () => ({ used, held: [...holds.values()].reduce((sum, one) => sum + one.amount, 0) })
  return {
    hold(turn: string, amount: number, limit: number) {
      tidy()
      const mine = holds.get(turn)
      const others = used + balance().held - (mine?.amount ?? 0)
      const ok = others < limit || (mine !== undefined && amount <= mine.amount)
      if (ok) holds.set(turn, { amount, until: clock.now() + holdMs })
      else holds.delete(turn)
      return { ok, ...balance() }
    },
    settle(turn: string, amount: number) {
      tidy()
      if (holds.delete(turn)) used += amount
      return balance()
    },
  }
}

async function play(open: Open, steps: readonly Step[]): Promise<void> {
  const clock = fakeClock()
  const endsAt = clock.now() + dayMs
  const stores: Store[] = [await open({ now: clock.now, fresh: true })]
  try {
    stores.push(await open({ now: clock.now, fresh: false }))
    const plain = plainBudget(clock, endsAt)
    for (const [n, step] of steps.entries()) {
      const { budgets } = stores[n % 2]!
      if (step.do === 'wait') clock.advance(step.ms)
      else if (step.do === 'settle') {
        expect(await budgets.settle('k', step.turn, step.amount)).toEqual(plain.settle(step.turn, step.amount))
      } else {
        const { turn, amount, limit } = step
        expect(await budgets.hold('k', { turn, amount, limit, endsAt })).toEqual(plain.hold(turn, amount, limit))
      }
    }
  } finally {
    await Promise.all(stores.map((store) => store.close()))
  }
}
