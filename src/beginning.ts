import type { Log, Reply } from './types.ts'

/** What a surface shows until there is text: that a question is heard and thought about. */
export interface Beginning {
  /** Show it, unless it is shown. Returns at once, and never fails: the answer does not hang on it. */
  start(): void
  /** There is text, or an end: it is not shown again. */
  over(): void
}

/** Shown anew as often as it fades by itself, see `Reply.startedMs`. */
export function createBeginning(reply: Reply, log: Log): Beginning {
  let begun = false
  let ended = false
  let timer: NodeJS.Timeout | undefined

  function show(): void {
    reply.started().catch((thrown) => log.warn({ err: thrown }, 'could not show that an answer is on its way'))
  }

  return {
    start() {
      if (begun) return
      begun = true
      show()
      if (reply.startedMs !== undefined && !ended) timer = setInterval(show, reply.startedMs)
    },
    over() {
      ended = true
      clearInterval(timer)
    },
  }
}
