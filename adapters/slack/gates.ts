/**
 * Who must wait after a 429. A key is one method in one channel of one workspace: nobody else waits for it. While a key is
 * limited its calls go one at a time, in the order they came, so that the wait's end is no stampede.
 */
export interface Gates {
  /** Resolves when the call may go, with what to tell when it is over. */
  enter(key: string): Promise<Pass>
  /** When the next call could go, or 0 for at once. */
  limitedUntil(key: string): number
}

export interface Pass {
  /** It went through (or failed in another way). */
  leave(): void
  /** It was refused; keeps its place at the front, and resolves when it may go again. */
  limited(retryAfterMs: number): Promise<void>
}

interface Gate {
  until: number
  waiting: (() => void)[]
}

export interface Clock {
  now(): number
  sleep(ms: number): Promise<void>
}

export function createGates(clock: Clock): Gates {
  const gates = new Map<string, Gate>()

  async function settle(gate: Gate): Promise<void> {
    for (let left = gate.until - clock.now(); left > 0; left = gate.until - clock.now()) await clock.sleep(left)
  }

  return {
    async enter(key) {
      let mine = gates.get(key)
      if (mine) {
        const { promise, resolve } = Promise.withResolvers<void>()
        mine.waiting.push(resolve)
        await promise
        await settle(mine)
      }
      return {
        leave() {
          if (!mine) return
          const next = mine.waiting.shift()
          if (next) next()
          else if (gates.get(key) === mine) gates.delete(key)
        },
        async limited(retryAfterMs) {
          const until = clock.now() + retryAfterMs
          if (!mine) {
            // Several calls may be on their way when the first refusal comes: the others line up behind it.
            const standing = gates.get(key)
            if (standing) {
              standing.until = Math.max(standing.until, until)
              mine = standing
              const { promise, resolve } = Promise.withResolvers<void>()
              standing.waiting.push(resolve)
              await promise
              return settle(standing)
            }
            mine = { until, waiting: [] }
            gates.set(key, mine)
          }
          mine.until = Math.max(mine.until, until)
          return settle(mine)
        },
      }
    },
    limitedUntil: (key) => gates.get(key)?.until ?? 0,
  }
}
