import { setTimeout as sleep } from 'node:timers/promises'
import type { Audit } from './audit.ts'
import { messageOf } from './errors.ts'
import type { Store } from './store.ts'
import { type Log, type Surface, surfaces } from './types.ts'

/** How long what is kept; absent: for ever. */
export interface RetentionTimes {
  conversationsMs: Partial<Record<Surface, number>>
  auditMs: number
}

/** Deletes what is older than it may be, on one instance at a time, in bounded steps with pauses between them. */
export interface Retention {
  /** Finish what was begun and delete what is too old, now. Resolves with how many conversations went; 0 while another instance does it. */
  sweep(): Promise<number>
  start(): void
  close(): Promise<void>
}

/** How soon another instance finishes what one that died had begun. */
const resumeEveryMs = 30_000
const resumeLockMs = 10_000
const purgeEveryMs = 3_600_000
const lockMs = 10 * 60_000
const step = 50
/** Between two steps, so that a large purge takes its time and nobody's turn waits for it. */
const pauseMs = 100

export function createRetention(options: {
  store: Pick<Store, 'conversations' | 'users' | 'records' | 'vault'>
  times: RetentionTimes
  /** What a crash left undone is finished by the way. */
  resume(): Promise<unknown>
  audit: Audit
  log: Log
  now?: () => number
}): Retention {
  const { store, times, audit, log, now = Date.now } = options
  const ending = new AbortController()
  let running: Promise<unknown> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined

  /** One person under a legal hold keeps a conversation for all of them. `known` is what was looked up for this step. */
  async function isHeld(participants: string[], known: Map<string, boolean>): Promise<boolean> {
    for (const id of participants) {
      const held = known.get(id) ?? (await store.users.get(id))?.hold === true
      known.set(id, held)
      if (held) return true
    }
    return false
  }

  async function purge(surface: Surface, olderThanMs: number): Promise<number> {
    const before = now() - olderThanMs
    let removed = 0
    for (let after: string | undefined; !ending.signal.aborted; ) {
      const { items, next } = await store.conversations.stale({
        before,
        surface,
        limit: step,
        ...(after !== undefined && { after }),
      })
      const known = new Map<string, boolean>()
      for (const { id, participants } of items) {
        if (await isHeld(participants, known)) continue
        await store.conversations.remove(id)
        removed++
      }
      if (next === undefined) break
      after = next
      await sleep(pauseMs, undefined, { signal: ending.signal }).catch(() => {})
    }
    if (removed > 0) await audit.record('delete', { actor: 'retention', details: { what: 'old', surface, removed } })
    return removed
  }

  async function alone<T>(what: string, ms: number, work: () => Promise<T>): Promise<T | undefined> {
    const release = await store.vault.lock(what, ms)
    if (!release) return undefined
    try {
      return await work()
    } finally {
      await release()
    }
  }

  /** Under a lock of its own, and a short one: an instance that dies while it deletes keeps nobody from this. */
  const resume = (): Promise<unknown> => alone('resume', resumeLockMs, options.resume)

  async function sweep(): Promise<number> {
    await resume()
    const swept = await alone('retention', lockMs, async () => {
      let removed = 0
      for (const surface of surfaces) {
        const ms = times.conversationsMs[surface]
        if (ms !== undefined) removed += await purge(surface, ms)
      }
      while (!ending.signal.aborted) {
        if ((await store.records.purge('audit', now() - times.auditMs, step)) < step) break
      }
      return removed
    })
    return swept ?? 0
  }

  let purgedAt = Number.NEGATIVE_INFINITY
  async function tick(): Promise<void> {
    try {
      if (now() - purgedAt < purgeEveryMs) await resume()
      else {
        await sweep()
        purgedAt = now()
      }
    } catch (thrown) {
      if (!ending.signal.aborted) log.warn({ reason: messageOf(thrown) }, 'what is too old could not be deleted yet')
    }
  }

  return {
    sweep,
    start() {
      const run = (): void => {
        running = running.then(tick)
      }
      run()
      timer = setInterval(run, resumeEveryMs)
      timer.unref()
    },
    async close() {
      clearInterval(timer)
      ending.abort()
      await running
    },
  }
}
