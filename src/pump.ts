import type { Reply } from './types.ts'

/** The growing answer on its way to a surface. */
export interface Preview {
  /** More text from the model; returns at once. */
  push(delta: string): void
  /** No more text will be shown. Resolves when no call is under way, so that the final one cannot overlap it. */
  finish(): Promise<void>
}

/**
 * Model speed in, surface pace out: the first text goes at once, what comes after is merged and sent at least
 * `reply.paceMs` after the call before began, one call at a time. A failed call ends the preview and nothing else: the
 * final text is still to come.
 */
export function createPreview(reply: Reply, onFailure: (thrown: unknown) => void): Preview {
  let whole = ''
  let shown = 0
  let open = true
  let nextAt = 0
  let timer: NodeJS.Timeout | undefined
  let call: Promise<void> | undefined

  function schedule(): void {
    if (!open || call || timer || shown === whole.length || nextAt === Number.POSITIVE_INFINITY) return
    const wait = nextAt - performance.now()
    if (wait > 0) timer = setTimeout(send, wait)
    else send()
  }

  function send(): void {
    timer = undefined
    const delta = whole.slice(shown)
    shown = whole.length
    nextAt = performance.now() + reply.paceMs
    call = reply.text(delta, whole).then(settled, failed)
  }

  function settled(): void {
    call = undefined
    schedule()
  }

  function failed(thrown: unknown): void {
    call = undefined
    open = false
    onFailure(thrown)
  }

  return {
    push(delta) {
      whole += delta
      schedule()
    },
    async finish() {
      open = false
      clearTimeout(timer)
      await call
    },
  }
}
