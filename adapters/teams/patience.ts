import { Fault, messageOf } from '../../src/errors.ts'
import type { Clock } from './clock.ts'
import { isClosed, isPassing, isThrottled, retryAfterOf, TeamsError } from './errors.ts'

/**
 * Makes a call that waits as Teams asks it to. One that may be made twice (`repeatable`) is tried again when nobody can tell
 * what became of it, too; any other (`once`) only when surely nothing was done.
 */
export type Patience = <T>(call: () => Promise<T>, kind?: 'once' | 'repeatable') => Promise<T>

const maxThrottled = 6
const maxTries = 3
const maxWaitMs = 60_000

export function createPatience(clock: Clock): Patience {
  return async (call, kind = 'repeatable') => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await call()
      } catch (thrown) {
        if (isClosed(thrown)) throw hopeless(thrown)
        const again = isThrottled(thrown) || refusedForNow(thrown) || (kind === 'repeatable' && isPassing(thrown))
        if (!again || attempt === (isThrottled(thrown) ? maxThrottled : maxTries)) throw thrown
        // Half a second more or less, so that many who wait do not come back as one.
        const wait = retryAfterOf(thrown) ?? 1_000 * 2 ** (attempt - 1)
        await clock.sleep(Math.min(wait, maxWaitMs) + Math.random() * 500)
      }
    }
  }
}

/** Nothing was done: the door is closed for a moment, or the line was never there. */
function refusedForNow(thrown: unknown): boolean {
  return isPassing(thrown) && thrown instanceof TeamsError && thrown.outcome === 'refused'
}

/** There is no use in trying it again, now or later. */
export function hopeless(thrown: unknown): Fault {
  return new Fault('not_found', { cause: thrown, detail: `Teams takes nothing here any more: ${messageOf(thrown)}` })
}
