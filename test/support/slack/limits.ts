import type { Clock } from './clock.ts'

/**
 * Calls a minute, each method by itself, in each workspace. Slack documents them as at least so many; the stand-in gives
 * no more. Source: docs.slack.dev/apis/web-api/rate-limits and each method's page.
 */
export const tiers = { 1: 1, 2: 20, 3: 50, 4: 100 } as const

export interface Limit {
  count: number
  ms: number
  /** One window for each channel instead of one for the workspace. */
  perChannel?: true
}

export const perMinute = (count: number): Limit => ({ count, ms: 60_000 })
export const tier = (number: keyof typeof tiers): Limit => perMinute(tiers[number])
/** One message a second in a channel. */
export const onePerSecond: Limit = { count: 1, ms: 1_000, perChannel: true }

/** Counts calls in sliding windows. */
export function createLimiter(clock: Clock) {
  const windows = new Map<string, number[]>()
  return {
    /** Seconds to wait, or 0: then the call counts. A refused call does not count. */
    take(key: string, limit: Limit): number {
      const now = clock.now()
      const calls = (windows.get(key) ?? []).filter((at) => now - at < limit.ms)
      if (calls.length >= limit.count) {
        windows.set(key, calls)
        return Math.max(1, Math.ceil((calls[calls.length - limit.count]! + limit.ms - now) / 1000))
      }
      calls.push(now)
      windows.set(key, calls)
      return 0
    },
  }
}

export type Limiter = ReturnType<typeof createLimiter>
