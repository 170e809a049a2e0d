import type { Clock } from './clock.ts'

/** So many calls in so many milliseconds. */
export type Window = readonly [count: number, ms: number]

/** What one bot may do in one conversation. Source: Teams, "Optimize your bot with rate limiting". */
export const windows = {
  send: [
    [7, 1_000],
    [8, 2_000],
    [60, 30_000],
    [1_800, 3_600_000],
  ],
  create: [
    [7, 1_000],
    [8, 2_000],
    [60, 30_000],
    [1_800, 3_600_000],
  ],
  members: [
    [14, 1_000],
    [16, 2_000],
    [120, 30_000],
    [3_600, 3_600_000],
  ],
  /** The roster in one piece is deprecated and throttled. */
  roster: [[5, 60_000]],
} as const satisfies Record<string, readonly Window[]>

export type Budget = keyof typeof windows

/** All of one bot's requests in one tenant. */
const perTenant: Window = [50, 1_000]

export function createLimiter(clock: Clock) {
  const calls = new Map<string, number[]>()

  function waitFor(key: string, [count, ms]: Window): number {
    const recent = calls.get(key) ?? []
    const inside = recent.filter((at) => clock.now() - at < ms)
    return inside.length < count ? 0 : inside[inside.length - count]! + ms - clock.now()
  }

  function note(key: string, longest: number): void {
    const kept = (calls.get(key) ?? []).filter((at) => clock.now() - at < longest)
    calls.set(key, [...kept, clock.now()])
  }

  return {
    /** Milliseconds to wait, or 0: then the call counts. A refused call does not count. */
    take(budget: Budget, conversation: string): number {
      const key = `${budget} ${conversation}`
      const wait = Math.max(waitFor('all', perTenant), ...windows[budget].map((window) => waitFor(key, window)))
      if (wait > 0) return wait
      note(key, 3_600_000)
      note('all', perTenant[1])
      return 0
    },
  }
}

export type Limiter = ReturnType<typeof createLimiter>
