import { SlackError } from './errors.ts'
import type { Clock } from './gates.ts'

/**
 * Messages that may stand in the thread, or come to stand there, without our knowing their names: the replies to the calls
 * that made them are late, or got lost.
 */
export interface Strays {
  /** Nobody waits for this call any more, begun at `since`. What comes of it is kept. */
  late(call: Promise<string>, since: number): void
  /** The reply to a call is lost. `since`: the time of its making, or before. */
  lost(since: number): void
  /** None is older. Undefined: there is none. */
  readonly since: number | undefined
  /** Those that are known by now, each once. */
  take(): string[]
  /** Resolves when late replies have come or got lost, and what was lost is there or never will be. */
  settled(): Promise<void>
  /** Whoever looks from then on sees all that was lost. 0: nothing was. */
  readonly settledAt: number
}

/** `carriedOutMs`: how long after its reply got lost a call may still be carried out. */
export function createStrays(clock: Clock, carriedOutMs: number): Strays {
  const waiting = new Set<Promise<void>>()
  const known: string[] = []
  let since: number | undefined
  let settledAt = 0

  function lost(begun: number): void {
    since = Math.min(since ?? begun, begun)
    settledAt = clock.now() + carriedOutMs
  }

  return {
    lost,
    late(call, begun) {
      since = Math.min(since ?? begun, begun)
      const one = call
        .then(
          (ts) => void known.push(ts),
          (thrown: unknown) => isLost(thrown) && lost(begun),
        )
        .then(() => void waiting.delete(one))
      waiting.add(one)
    },
    get since() {
      return since
    },
    get settledAt() {
      return settledAt
    },
    take: () => known.splice(0),
    async settled() {
      await Promise.all(waiting)
      for (let left = settledAt - clock.now(); left > 0; left = settledAt - clock.now()) await clock.sleep(left)
    },
  }
}

/** Nobody knows whether it was done. */
export function isLost(thrown: unknown): boolean {
  return !(thrown instanceof SlackError) || thrown.outcome === 'unknown'
}
