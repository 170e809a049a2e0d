import { createHmac, randomUUID } from 'node:crypto'
import { messageOf } from '../../../src/errors.ts'
import type { JsonObject } from '../../../src/types.ts'
import type { Clock } from './clock.ts'

/** One attempt to hand something to the app. */
export interface Attempt {
  /** 0 for the first; the number in `x-slack-retry-num` after that. */
  num: number
  /** Why it is sent again: what went wrong before. */
  reason?: string
  at: number
  /** Real milliseconds until the answer. */
  ms?: number
  status?: number
  /** The answer's body. */
  body?: string
  headers?: Record<string, string>
  /** What went wrong with it, in Slack's words. */
  failure?: 'http_timeout' | 'http_error' | 'connection_failed'
}

export type DeliveryKind = 'events_api' | 'interactive' | 'slash_commands'

/** Something on its way to the app, with all attempts so far. */
export interface Delivery {
  kind: DeliveryKind
  payload: JsonObject
  attempts: Attempt[]
  /** Settles with the first attempt, however it went. */
  first: Promise<Attempt>
  /** True when an attempt was acknowledged, false when Slack gave up. */
  acked: Promise<boolean>
}

/** After the first attempt: at once, after a minute, after five more. */
export const retryAfterMs = [0, 60_000, 300_000]

/** Hands one payload over, once. */
export type Transport = (delivery: Delivery, attempt: Attempt, timeoutMs: number) => Promise<void>

export function sign(secret: string, timestamp: string | number, rawBody: string | Buffer): string {
  return `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:`).update(rawBody).digest('hex')}`
}

export interface Post {
  url: string
  body: string | Buffer
  type: string
  secret: string
  /** Seconds since the epoch, as signed; the real time by default, since that is what the app compares with. */
  timestamp?: number | string
  headers?: Record<string, string>
  signal?: AbortSignal
}

/** A signed request as Slack makes them, with whatever a test wants to be different. */
export async function postSigned(post: Post): Promise<Response> {
  const timestamp = post.timestamp ?? Math.floor(Date.now() / 1000)
  return fetch(post.url, {
    method: 'POST',
    body: typeof post.body === 'string' ? post.body : new Uint8Array(post.body),
    redirect: 'manual',
    ...(post.signal && { signal: post.signal }),
    headers: {
      'content-type': post.type,
      'user-agent': 'Slackbot 1.0 (+https://api.slack.com/robots)',
      'x-slack-request-timestamp': String(timestamp),
      'x-slack-signature': sign(post.secret, timestamp, post.body),
      ...post.headers,
    },
  })
}

/** The body and type with which each kind travels over HTTP. */
export function encode(kind: DeliveryKind, payload: JsonObject): { body: string; type: string } {
  if (kind === 'events_api') return { body: JSON.stringify(payload), type: 'application/json' }
  const type = 'application/x-www-form-urlencoded'
  if (kind === 'interactive')
    return { body: new URLSearchParams({ payload: JSON.stringify(payload) }).toString(), type }
  const fields = Object.entries(payload).map(([key, value]): [string, string] => [key, String(value)])
  return { body: new URLSearchParams(fields).toString(), type }
}

/** Over HTTP. The time-out is on the stand-in's clock, so that a test decides when Slack loses patience. */
export function httpTransport(clock: Clock, target: () => string, secret: string): Transport {
  return async (delivery, attempt, timeoutMs) => {
    const abort = new AbortController()
    const cancel = clock.after(timeoutMs, () => abort.abort())
    const began = performance.now()
    try {
      const response = await postSigned({
        url: target(),
        ...encode(delivery.kind, delivery.payload),
        secret,
        signal: abort.signal,
        headers: retryHeaders(attempt),
      })
      attempt.status = response.status
      attempt.headers = Object.fromEntries(response.headers)
      attempt.body = await response.text()
      if (!response.ok) attempt.failure = 'http_error'
    } catch {
      attempt.failure = abort.signal.aborted ? 'http_timeout' : 'connection_failed'
    } finally {
      cancel()
      attempt.ms = performance.now() - began
    }
  }
}

function retryHeaders(attempt: Attempt): Record<string, string> {
  if (attempt.num === 0) return {}
  return { 'x-slack-retry-num': String(attempt.num), 'x-slack-retry-reason': attempt.reason ?? 'unknown' }
}

/** Sends what happens to the app, and events again until they are acknowledged. */
export function createDelivery(options: {
  clock: Clock
  transport: () => Transport
  timeoutMs: number
  /** Off: each event is sent once. */
  retries: boolean
}) {
  const { clock } = options
  const sent: Delivery[] = []
  const pending = new Set<Promise<unknown>>()
  let closed = false

  function send(kind: DeliveryKind, payload: JsonObject): Delivery {
    const first = Promise.withResolvers<Attempt>()
    const acked = Promise.withResolvers<boolean>()
    const delivery: Delivery = { kind, payload, attempts: [], first: first.promise, acked: acked.promise }
    sent.push(delivery)
    void attempt(0)

    async function attempt(num: number, reason?: string): Promise<void> {
      const made: Attempt = { num, at: clock.now(), ...(reason && { reason }) }
      delivery.attempts.push(made)
      const running = options
        .transport()(delivery, made, options.timeoutMs)
        .catch((thrown) => {
          made.failure = 'connection_failed'
          made.body = messageOf(thrown)
        })
      pending.add(running)
      await running
      pending.delete(running)
      if (num === 0) first.resolve(made)
      if (!made.failure) return acked.resolve(true)
      const stop = made.failure === 'http_error' && made.headers?.['x-slack-no-retry'] === '1'
      const wait = retryAfterMs[num]
      // Only events are sent again; a person sees that a button or command failed.
      if (closed || !options.retries || kind !== 'events_api' || stop || wait === undefined) return acked.resolve(false)
      if (wait === 0) void attempt(num + 1, made.failure)
      else clock.after(wait, () => void attempt(num + 1, made.failure))
    }
    return delivery
  }

  return {
    sent,
    send,
    /** Resolves when no request to the app is on its way. */
    async idle(): Promise<void> {
      while (pending.size > 0) await Promise.all(pending)
    },
    close(): void {
      closed = true
    },
  }
}

export type Sender = ReturnType<typeof createDelivery>

export const newEventId = (): string => `Ev${randomUUID().replaceAll('-', '').slice(0, 12).toUpperCase()}`
