import { createHmac, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { now } from '../clock.ts'
import { signingSecret, type Target } from './rig.ts'
import type { SeenAnswer } from './seen.ts'

/** Which question is asked of whom. */
export interface Ask {
  target: Target
  /** The number of its workspace. */
  workspace: number
  /** The person's direct messages by default. */
  channel?: string
  /** Where it is asked: the time of the message that began that thread. By default it begins one. */
  thread?: string
  /** How many pieces the model says, and the milliseconds between two of them. */
  deltas: number
  paceMs: number
}

/** A question that was sent. */
export interface Asked {
  /** `channel:ts`, the thread of its answer. */
  thread: string
  /** The id under which the app knows it. */
  message: string
  workspace: string
  channel: string
  ts: string
  deltas: number
  /** 200: acknowledged. */
  status: number
  /** From the event leaving until that, in milliseconds. */
  ackMs: number
  /** Resolves when its answer is ended; rejects when it was not acknowledged. */
  answered: Promise<SeenAnswer>
}

/** Slack's side of events: sends them, signed, and hears from the stand-in when they are answered. */
export interface Driver {
  ask(ask: Ask): Promise<Asked>
  /** Slack's connections are there before a burst; else what is measured is how they are made, all at once. */
  connect(target: Target): Promise<void>
  /** What is known of an answer now: it may have come twice. */
  seen(thread: string): SeenAnswer | undefined
  close(): Promise<void>
}

/** An answer that takes longer than that is lost. */
const patienceMs = 60_000
const lookMs = 50
const connections = 512

export function createDriver(slackUrl: string): Driver {
  const dispatcher = new Agent({ connections, bodyTimeout: 0, headersTimeout: 0 })
  const waiting = new Map<string, (answer: SeenAnswer) => void>()
  const seen = new Map<string, SeenAnswer>()
  let asked = 0
  let open = true
  const following = follow()

  async function follow(): Promise<void> {
    while (open) {
      const { body } = await request(`${slackUrl}/answers`, { dispatcher })
      for (const answer of (await body.json()) as SeenAnswer[]) {
        seen.set(answer.thread, answer)
        waiting.get(answer.thread)?.(answer)
        waiting.delete(answer.thread)
      }
      await sleep(lookMs)
    }
  }

  function answerIn(thread: string): { promise: Promise<SeenAnswer>; reject(why: string): void } {
    const { promise, resolve, reject } = Promise.withResolvers<SeenAnswer>()
    const fail = (why: string) => reject(new Error(why))
    const timer = setTimeout(fail, patienceMs, `no answer in ${thread}`)
    waiting.set(thread, resolve)
    const answered = promise.finally(() => clearTimeout(timer))
    // Nobody waits for the answer to an event that was refused: those are counted.
    answered.catch(() => {})
    return { promise: answered, reject: fail }
  }

  return {
    async ask({ target, workspace: number, channel = `D${number}`, thread: begun, deltas, paceMs }) {
      const workspace = `T${number}`
      const ts = `${Math.floor(Date.now() / 1000)}.${String(++asked).padStart(6, '0')}`
      const thread = `${channel}:${begun ?? ts}`
      const answer = answerIn(thread)
      const event = {
        type: 'message',
        channel,
        channel_type: 'im',
        user: `U${number}`,
        ts,
        event_ts: ts,
        ...(begun && { thread_ts: begun }),
        team: workspace,
        client_msg_id: randomUUID(),
        text: `How do I set this up? deltas=${deltas} pace=${paceMs} sent=${now().toFixed(3)}`,
      }
      const began = now()
      const { statusCode, body } = await request(target.url, { method: 'POST', dispatcher, ...signed(envelope(event)) })
      const ackMs = now() - began
      await body.dump()
      if (statusCode !== 200) answer.reject(`an event was answered with ${statusCode}`)
      const message = `message:${workspace}:${channel}:${ts}`
      const { promise: answered } = answer
      return { thread, message, workspace, channel, ts, deltas, status: statusCode, ackMs, answered }
    },
    async connect(target) {
      const body = signed({ type: 'url_verification', challenge: 'hello' })
      const all = Array.from({ length: connections }, () =>
        request(target.url, { method: 'POST', dispatcher, ...body }).then((response) => response.body.dump()),
      )
      await Promise.all(all)
    },
    seen: (thread) => seen.get(thread),
    async close() {
      open = false
      await following
      await dispatcher.close()
    },
  }
}

function envelope(event: { team: string; ts: string }): object {
  const { team, ts } = event
  return {
    token: 'unused',
    team_id: team,
    context_team_id: team,
    context_enterprise_id: null,
    api_app_id: 'A1',
    event,
    type: 'event_callback',
    event_id: `Ev${ts.replace('.', '')}`,
    event_time: Math.floor(Number(ts)),
    authorizations: [
      { enterprise_id: null, team_id: team, user_id: 'UBOT', is_bot: true, is_enterprise_install: false },
    ],
    is_ext_shared_channel: false,
  }
}

function signed(json: object): { body: string; headers: Record<string, string> } {
  const body = JSON.stringify(json)
  const at = String(Math.floor(Date.now() / 1000))
  const signature = createHmac('sha256', signingSecret).update(`v0:${at}:${body}`).digest('hex')
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'x-slack-request-timestamp': at,
      'x-slack-signature': `v0=${signature}`,
    },
  }
}

/** Begun at an even pace, `perSecond` of them; resolves with all results. */
export async function evenly<T>(perSecond: number, count: number, one: (i: number) => Promise<T>): Promise<T[]> {
  const all: Promise<T>[] = []
  const began = performance.now()
  for (let i = 0; i < count; i++) {
    const wait = began + (i * 1000) / perSecond - performance.now()
    if (wait > 0) await sleep(wait)
    const begun = one(i)
    begun.catch(() => {})
    all.push(begun)
  }
  return Promise.all(all)
}

/** `width` of them at any time, until `done`. */
export async function always(width: number, done: () => boolean, one: (i: number) => Promise<unknown>): Promise<void> {
  let i = 0
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (!done()) await one(i++)
    }),
  )
}
