/**
 * How often an answer may be updated. All answers of a workspace share Slack's limit for appends (tier 4: 100 a minute), so
 * the more are being written, the longer each waits.
 */
export interface Pace {
  /** This answer was just updated. */
  beat(install: string, turn: string): void
  /** The least time between two updates of one answer now. */
  ms(install: string): number
}

const mostMs = 15_000
/** An answer that was not updated for so long is over, however it ended. */
const forgottenMs = 20_000

export function createPace(now: () => number, updateMs: number): Pace {
  const beats = new Map<string, Map<string, number>>()

  return {
    beat(install, turn) {
      const here = beats.get(install) ?? new Map<string, number>()
      beats.set(install, here)
      // Deleted first, so that the oldest stand in front.
      here.delete(turn)
      here.set(turn, now())
    },
    ms(install) {
      const here = beats.get(install)
      if (!here) return updateMs
      for (const [turn, at] of here) {
        if (at > now() - forgottenMs) break
        here.delete(turn)
      }
      if (here.size === 0) beats.delete(install)
      return Math.min(mostMs, Math.max(1, here.size) * updateMs)
    },
  }
}
