import { Fault, messageOf } from './errors.ts'
import { chance, homeOf, newConversationId, newId } from './ids.ts'
import type { Amendment, Claim, Lease, Store, WindowSize } from './store.ts'
import type { Accepted, Amended, Incoming, Log, Metrics, Place } from './types.ts'

/** One claimed turn while this instance works on it. */
export interface Run {
  /** Aborted when the person stops the turn, when the lease is gone, and at hand-over. */
  readonly signal: AbortSignal
  readonly state: 'running' | 'stopped' | 'lost' | 'handover'
  /** A lease for the next message of the same home, unless this instance is about to leave. */
  nextLease(): Lease | undefined
}

/** Works one turn to its end; the claim of the next message of that home if there is one. See `answer.ts`. */
export type Work = (claim: Claim, run: Run) => Promise<Claim | undefined>

/** The turn engine: every accepted message is worked on once, in order, by one instance at a time. */
export interface Turns {
  accept(incoming: Incoming): Promise<Accepted>
  /** Stop what runs and waits in a conversation, or one turn of it, wherever it runs. False: there was nothing. */
  stop(conversation: string, turn?: string): Promise<boolean>
  /** The message `id` from a place was changed at its source: so is its question, and an answer to a deleted one stops. */
  amend(place: Place, id: string, amendment: Amendment): Promise<Amended>
  /** Take up work that others left, from now on. */
  start(): Promise<void>
  /** Take nothing new, let running turns end for `graceMs`, then hand the rest over. */
  drain(graceMs: number): Promise<void>
  readonly draining: boolean
}

export interface TurnsOptions {
  store: Pick<Store, 'inbox' | 'places' | 'leases' | 'bus'>
  work: Work
  log: Log
  metrics: Metrics
  /** What a turn that is worked on at once wants to know of its conversation. */
  window?: WindowSize
  /** The most turns this instance runs at once; the rest stay due for any instance. */
  maxTurns: number
  /** A crashed instance's turns are taken up within `leaseMs + sweepMs`: together they stay under the promised 15 seconds. */
  leaseMs?: number
  sweepMs?: number
}

const stopChannel = 'stop'
/** A lease with more than this left of it is not renewed yet; with a look every quarter, four tenths are left at the least. */
const freshShare = 2 / 3
/** How many overdue turns are claimed in one go; a full batch is followed by the next at once. */
const sweepBatch = 32

export function createTurns(options: TurnsOptions): Turns {
  const { store, log, metrics, maxTurns, leaseMs = 10_000, sweepMs = 1_000 } = options
  // Not by home: the next message there may be claimed before the run that settled the last one has returned.
  const running = new Set<TurnRun>()
  const timers: NodeJS.Timeout[] = []
  let reserved = 0
  let draining = false
  let sweeping = false
  let idle = Promise.withResolvers<void>()
  let endStops: (() => void) | undefined

  const newLease = (): Lease => ({ token: chance(12), ms: leaseMs })
  const room = (): number => (draining ? 0 : maxTurns - running.size - reserved)

  async function accept(incoming: Incoming): Promise<Accepted> {
    if (draining) throw new Fault('draining')
    const began = performance.now()
    const lease = room() > 0 ? newLease() : undefined
    if (lease) reserved++
    try {
      const home = homeOf(incoming.place)
      const delivery = { incoming, turn: newId(), conversation: newConversationId(home) }
      const { accepted, claim } = await store.inbox.accept(delivery, lease, options.window)
      metrics.accepted(incoming.place.surface, accepted.status, performance.now() - began)
      if (claim) begin(claim)
      return accepted
    } finally {
      if (lease) reserved--
    }
  }

  function begin(first: Claim): void {
    const run = new TurnRun(first, leaseMs, () => (draining ? undefined : newLease()))
    running.add(run)
    metrics.running(running.size)
    void work(run).finally(() => {
      running.delete(run)
      metrics.running(running.size)
      if (running.size === 0) idle.resolve()
      // A place is free: what waited for one should not wait for the next round too.
      if (!draining && running.size === maxTurns - 1) void sweep()
    })
  }

  /** One home's messages, one after the other, as long as the lease is passed on. */
  async function work(run: TurnRun): Promise<void> {
    for (;;) {
      const { claim } = run
      let next: Claim | undefined
      try {
        next = await options.work(claim, run)
      } catch (thrown) {
        if (run.state === 'handover') return giveBack(claim)
        if (run.state === 'lost') metrics.leaseLost()
        // Not given back: its lease runs out, which counts the attempt and keeps a defect from spinning.
        else log.error({ turn: claim.turn, err: thrown }, 'a turn ended unexpectedly')
        return
      }
      if (run.state === 'lost') metrics.leaseLost()
      if (!next) return
      if (draining) return giveBack(next)
      run.take(next)
    }
  }

  async function giveBack(claim: Claim): Promise<void> {
    try {
      await store.leases.release(claim)
    } catch (thrown) {
      log.warn(
        { turn: claim.turn, reason: messageOf(thrown) },
        'a turn could not be given back; its lease will run out',
      )
    }
  }

  async function sweep(): Promise<void> {
    if (sweeping) return
    sweeping = true
    try {
      for (;;) {
        const batch = Math.min(room(), sweepBatch)
        if (batch <= 0) return
        reserved += batch
        const claims = await store.inbox.sweep(Array.from({ length: batch }, newLease)).finally(() => {
          reserved -= batch
        })
        for (const claim of claims) {
          if (draining) await giveBack(claim)
          else begin(claim)
        }
        if (claims.length < batch) return
      }
    } catch (thrown) {
      log.debug({ reason: messageOf(thrown) }, 'could not look for overdue turns')
    } finally {
      sweeping = false
    }
  }

  async function renew(run: TurnRun): Promise<void> {
    const { claim } = run
    const asked = Date.now()
    // Most answers are over before their lease needs it.
    if (run.leasedUntil - asked > leaseMs * freshShare) return
    try {
      const kept = await store.leases.renew(claim, leaseMs)
      // The turn may have ended, and the lease with it, while we asked.
      if (run.claim !== claim || !running.has(run)) return
      if (kept) run.leasedUntil = asked + leaseMs
      else run.end('lost')
    } catch {
      // Without the store nobody can tell whether the lease still holds; once it must have run out it is not ours.
      if (run.leasedUntil < Date.now()) run.end('lost')
    }
  }

  async function stop(conversation: string, turn?: string): Promise<boolean> {
    return stopEverywhere(await store.inbox.stop(conversation, turn))
  }

  async function amend(place: Place, id: string, amendment: Amendment): Promise<Amended> {
    const { stopped, ...amended } = await store.places.amend(place, id, amendment)
    await stopEverywhere(stopped)
    return amended
  }

  /** The store has them marked as stopped; whoever works on them is told. */
  async function stopEverywhere(turns: string[]): Promise<boolean> {
    if (turns.length === 0) return false
    stopHere(turns)
    await store.bus.publish(stopChannel, { turns })
    return true
  }

  function stopHere(turns: readonly unknown[]): void {
    for (const run of running) if (turns.includes(run.claim.turn)) run.end('stopped')
  }

  async function drain(graceMs: number): Promise<void> {
    draining = true
    for (const timer of timers.splice(1)) clearInterval(timer)
    if (running.size > 0) {
      idle = Promise.withResolvers<void>()
      const ended = await Promise.race([idle.promise.then(() => true), after(graceMs).then(() => false)])
      if (!ended) {
        log.info({ turns: running.size }, 'handing over turns that did not end in time')
        for (const run of running) run.end('handover')
        await Promise.race([idle.promise, after(2_000)])
      }
    }
    for (const timer of timers) clearInterval(timer)
    endStops?.()
  }

  return {
    accept,
    stop,
    amend,
    drain,
    get draining() {
      return draining
    },
    async start() {
      endStops = await store.bus.subscribe(stopChannel, ({ turns }) => Array.isArray(turns) && stopHere(turns))
      // Renewals first: `drain` ends every timer but this one before the last turns are over.
      timers.push(
        setInterval(() => {
          for (const run of running) void renew(run)
        }, leaseMs / 4),
      )
      timers.push(setInterval(() => void sweep(), sweepMs))
      for (const timer of timers) timer.unref()
      void sweep()
    },
  }
}

class TurnRun implements Run {
  claim: Claim
  leasedUntil: number
  state: Run['state'] = 'running'
  readonly nextLease: () => Lease | undefined
  readonly #leaseMs: number
  #controller = new AbortController()

  constructor(claim: Claim, leaseMs: number, nextLease: () => Lease | undefined) {
    this.claim = claim
    this.nextLease = nextLease
    this.#leaseMs = leaseMs
    this.leasedUntil = Date.now() + leaseMs
    if (claim.stopped) this.end('stopped')
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  take(next: Claim): void {
    this.claim = next
    this.leasedUntil = Date.now() + this.#leaseMs
    this.state = 'running'
    this.#controller = new AbortController()
    if (next.stopped) this.end('stopped')
  }

  /** A lost lease outranks everything; a stopped turn is only finished, so hand-over waits for it. */
  end(state: 'stopped' | 'lost' | 'handover'): void {
    if (this.state === 'lost' || (this.state === 'stopped' && state === 'handover')) return
    this.state = state
    this.#controller.abort(state)
  }
}

function after(ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  setTimeout(resolve, ms).unref()
  return promise
}
