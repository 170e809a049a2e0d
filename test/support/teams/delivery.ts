import { messageOf } from '../../../src/errors.ts'
import type { JsonObject } from '../../../src/types.ts'
import type { Clock } from './clock.ts'

/** How long Teams waits for the bot; then the same activity comes again. */
export const answerMs = 15_000

/** One attempt to hand an activity to the bot. */
export interface Attempt {
  /** Which instance, by its place in the list of addresses. */
  to: string
  at: number
  /** Real milliseconds until the answer. */
  ms?: number
  status?: number
  body?: string
  failure?: 'timeout' | 'http_error' | 'connection_failed'
}

/** An activity on its way to the bot, with all attempts so far. */
export interface Delivery {
  readonly id: string
  readonly activity: JsonObject
  readonly attempts: Attempt[]
  /** Settles with the first attempt, however it went. */
  readonly first: Promise<Attempt>
  /** True when an attempt was acknowledged, false when Teams gave up. */
  readonly acked: Promise<boolean>
}

export interface DeliveryOptions {
  clock: Clock
  /** The bot's addresses: a message goes to the first. */
  targets: () => string[]
  authorization: (activity: JsonObject) => string | undefined
  /** Off: nothing is sent again. */
  redeliver: boolean
  timeoutMs?: number
}

/** Sends of an activity in all, before Teams gives up. */
const attemptsInAll = 3

export function createDelivery(options: DeliveryOptions) {
  const { clock } = options
  const sent: Delivery[] = []
  const pending = new Set<Promise<unknown>>()
  let closed = false

  /** One try, with any header. */
  async function attempt(activity: JsonObject, to: string, authorization: string | undefined): Promise<Attempt> {
    const made: Attempt = { to, at: clock.now() }
    const abort = new AbortController()
    const cancel = clock.after(options.timeoutMs ?? answerMs, () => abort.abort())
    const began = performance.now()
    try {
      const response = await fetch(to, {
        method: 'POST',
        body: JSON.stringify(activity),
        redirect: 'manual',
        signal: abort.signal,
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'user-agent': 'Microsoft-SkypeBotApi (Microsoft-BotFramework/3.0)',
          ...(authorization !== undefined && { authorization }),
        },
      })
      made.status = response.status
      made.body = await response.text()
      if (!response.ok) made.failure = 'http_error'
    } catch (thrown) {
      made.failure = abort.signal.aborted ? 'timeout' : 'connection_failed'
      made.body ??= messageOf(thrown)
    } finally {
      cancel()
      made.ms = performance.now() - began
    }
    return made
  }

  async function track<T>(work: Promise<T>): Promise<T> {
    pending.add(work)
    try {
      return await work
    } finally {
      pending.delete(work)
    }
  }

  function send(activity: JsonObject): Delivery {
    const first = Promise.withResolvers<Attempt>()
    const acked = Promise.withResolvers<boolean>()
    const delivery: Delivery = {
      id: String(activity.id),
      activity,
      attempts: [],
      first: first.promise,
      acked: acked.promise,
    }
    sent.push(delivery)
    void go(delivery, options.targets()[0] ?? '')

    async function go(to: Delivery, target: string): Promise<void> {
      const began = clock.now()
      const made = await track(attempt(activity, target, options.authorization(activity)))
      to.attempts.push(made)
      first.resolve(made)
      if (!made.failure) return acked.resolve(true)
      // A refusal stands; a person sees that an invoke failed; all else comes again.
      const refused = made.status !== undefined && made.status < 500
      const last = to.attempts.length >= attemptsInAll
      if (closed || !options.redeliver || refused || last || activity.type === 'invoke') return acked.resolve(false)
      const targets = options.targets()
      const next = targets[to.attempts.length % targets.length] ?? target
      clock.after(Math.max(0, began + answerMs - clock.now()), () => void go(to, next))
    }
    return delivery
  }

  return {
    sent,
    send,
    /** The same activity once more, as after a time-out; to any instance. */
    async again(delivery: Delivery, to = options.targets()[0] ?? ''): Promise<Attempt> {
      const made = await track(attempt(delivery.activity, to, options.authorization(delivery.activity)))
      delivery.attempts.push(made)
      return made
    },
    /** Any activity with any header, once. */
    raw: (activity: JsonObject, authorization: string | undefined, to = options.targets()[0] ?? '') =>
      track(attempt(activity, to, authorization)),
    /** Resolves when no request to the bot is on its way. */
    async idle(): Promise<void> {
      while (pending.size > 0) await Promise.all(pending)
    },
    close(): void {
      closed = true
    },
  }
}

export type Deliveries = ReturnType<typeof createDelivery>
