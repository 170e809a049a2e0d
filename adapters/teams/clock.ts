import { setTimeout as wait } from 'node:timers/promises'

/** Time, so that tests need not wait for it. */
export interface Clock {
  now(): number
  sleep(ms: number): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms) => wait(ms),
}
