/** The stand-in's time: what is rate-limited, expires and is sent again goes by it. Milliseconds since the epoch. */
export interface Clock {
  now(): number
  /** Run once after so long; the result cancels it. */
  after(ms: number, run: () => void): () => void
}

export interface FakeClock extends Clock {
  /** Let so much time pass: what is due runs in order, each with its own time. */
  advance(ms: number): Promise<void>
}

/** Real time, or with `speed` 60 a minute in each second. Its timers keep no process alive. */
export function systemClock(speed = 1): Clock {
  const start = Date.now()
  return {
    now: () => start + Math.floor((Date.now() - start) * speed),
    after(ms, run) {
      const timer = setTimeout(run, ms / speed).unref()
      return () => clearTimeout(timer)
    },
  }
}

/** Stands still until it is advanced. Begins at the real time, because signatures are checked against that. */
export function fakeClock(start: number = Date.now()): FakeClock {
  let now = start
  let timers: { at: number; run: () => void }[] = []
  return {
    now: () => now,
    after(ms, run) {
      const timer = { at: now + ms, run }
      timers.push(timer)
      return () => {
        timers = timers.filter((other) => other !== timer)
      }
    },
    async advance(ms) {
      const end = now + ms
      for (;;) {
        const next = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0]
        if (!next) break
        timers = timers.filter((timer) => timer !== next)
        now = Math.max(now, next.at)
        next.run()
        // What it set off may set timers of its own that are due before the end.
        await new Promise((resolve) => setImmediate(resolve))
      }
      now = end
    },
  }
}
