import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { now } from '../clock.ts'
import type { Target } from '../slack/rig.ts'
import type { SeenAnswer } from './seen.ts'

/** Which question is asked of whom. A person waits for the answer before the next question. */
export interface Ask {
  target: Target
  /** The number of the person who asks, in the personal chat. */
  person: number
  /** How many pieces the model says, and the milliseconds between two of them. */
  deltas: number
  paceMs: number
}

/** A question that was sent. */
export interface Asked {
  deltas: number
  /** 202: acknowledged. */
  status: number
  /** From the activity leaving until that, in milliseconds. */
  ackMs: number
  /** Resolves when its answer is ended; rejects when it was not acknowledged. */
  answered: Promise<SeenAnswer>
}

/** Teams' side of activities: sends them, and hears from the stand-in when they are answered. */
export interface Driver {
  ask(ask: Ask): Promise<Asked>
  /** What is known of an answer now: it may have been touched after its end. */
  latest(answer: SeenAnswer): SeenAnswer
  close(): Promise<void>
}

/** An answer that takes longer than that is lost. */
const patienceMs = 60_000
const lookMs = 50

export function createDriver(serviceUrl: string): Driver {
  const dispatcher = new Agent({ connections: 256, bodyTimeout: 0, headersTimeout: 0 })
  const waiting = new Map<string, (answer: SeenAnswer) => void>()
  const seen = new Map<string, SeenAnswer>()
  let asked = 0
  let open = true
  const following = follow()

  async function follow(): Promise<void> {
    while (open) {
      const { body } = await request(`${serviceUrl}answers`, { dispatcher })
      for (const answer of (await body.json()) as SeenAnswer[]) {
        if (!seen.has(answer.id)) {
          waiting.get(answer.conversation)?.(answer)
          waiting.delete(answer.conversation)
        }
        seen.set(answer.id, answer)
      }
      await sleep(lookMs)
    }
  }

  function answerIn(conversation: string): { promise: Promise<SeenAnswer>; reject(why: string): void } {
    const { promise, resolve, reject } = Promise.withResolvers<SeenAnswer>()
    promise.catch(() => {})
    const fail = (why: string) => reject(new Error(why))
    const timer = setTimeout(fail, patienceMs, `no answer in ${conversation}`)
    waiting.set(conversation, resolve)
    return { promise: promise.finally(() => clearTimeout(timer)), reject: fail }
  }

  return {
    async ask({ target, person, deltas, paceMs }) {
      // Each of the two has its own chat with a person, as two bots would.
      const conversation = `a:chat-of-${person}-at-${new URL(target.url).port}`
      const answer = answerIn(conversation)
      const text = `How do I set this up? deltas=${deltas} pace=${paceMs} sent=${now().toFixed(3)}`
      const body = JSON.stringify(activity(serviceUrl, conversation, person, { id: String(++asked), text }))
      const headers = { 'content-type': 'application/json; charset=utf-8' }
      const began = now()
      const reply = await request(target.url, { method: 'POST', dispatcher, headers, body })
      const ackMs = now() - began
      await reply.body.dump()
      if (reply.statusCode !== 202) answer.reject(`an activity was answered with ${reply.statusCode}`)
      return { deltas, status: reply.statusCode, ackMs, answered: answer.promise }
    },
    latest: (answer) => seen.get(answer.id) ?? answer,
    async close() {
      open = false
      await following
      await dispatcher.close()
    },
  }
}

/** In the shape of recorded ones. */
function activity(serviceUrl: string, conversation: string, person: number, message: { id: string; text: string }) {
  const timestamp = new Date().toISOString()
  const tenantId = '11111111-2222-4333-8444-555555555555'
  return {
    type: 'message',
    id: `17${message.id.padStart(11, '0')}`,
    text: message.text,
    textFormat: 'plain',
    attachments: [{ contentType: 'text/html', content: `<p>${message.text}</p>` }],
    timestamp,
    localTimestamp: timestamp,
    localTimezone: 'Europe/Dublin',
    locale: 'en-GB',
    channelId: 'msteams',
    serviceUrl,
    from: {
      id: `29:person-${person}`,
      name: 'Ada Lovelace',
      aadObjectId: `00000000-0000-4000-8000-${String(person).padStart(12, '0')}`,
    },
    conversation: { conversationType: 'personal', tenantId, id: conversation },
    recipient: { id: '28:bot', name: 'Assistant' },
    entities: [{ locale: 'en-GB', country: 'IE', platform: 'Web', timezone: 'Europe/Dublin', type: 'clientInfo' }],
    channelData: { tenant: { id: tenantId } },
  }
}
