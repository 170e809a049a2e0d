import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Happening, happenings } from './happenings.ts'
import { fakeClock, type Open } from './kit.ts'
import { createWorld, maxWaiting } from './world.ts'

/**
 * The same cases at every run, so that a failure is never a matter of luck. To look further:
 * `FC_SEED=7 FC_RUNS=2000 npx vitest run test/stores -t interleaving`; a failure prints its seed and the least case.
 */
const seed = Number(process.env.FC_SEED ?? 1)
const numRuns = Number(process.env.FC_RUNS ?? 60)

/** Any order of deliveries, crashes, claims and commits ends with one answer a message, in order. */
export function interleavingsContract(open: Open): void {
  describe('any interleaving', () => {
    it('ends with exactly one stored answer a message, in the order of arrival at each home', {
      timeout: 60_000 + numRuns * 500,
    }, async () => {
      await fc.assert(
        fc.asyncProperty(happenings, (list) => play(open, list)),
        { seed, numRuns },
      )
    })
  })
}

async function play(open: Open, list: Happening[]): Promise<void> {
  const clock = fakeClock()
  const stores = [await open({ now: clock.now, maxWaiting, fresh: true })]
  try {
    stores.push(await open({ now: clock.now, maxWaiting, fresh: false }))
    const world = createWorld(stores, clock)
    for (const one of list) await world.happen(one)
    await world.drain()
    await world.verify()
    expect(await stores[0]?.inbox.depth()).toBe(0)
  } finally {
    await Promise.all(stores.map((store) => store.close()))
  }
}
