import type { App, Receiver } from '@slack/bolt'
import { messageOf } from '../../src/errors.ts'
import type { Log } from '../../src/types.ts'

/** What Slack is answered. */
export interface Reaction {
  status: number
  body?: unknown
}

/** How something came, beside its body. */
export interface Retry {
  num?: number
  reason?: string
}

/** Bolt's receiver for both ways in: what comes over HTTP and what comes over a websocket is answered by the same rules. */
export interface Intake extends Receiver {
  /**
   * Hand one body to the listeners. An event is acknowledged when its listener is through, everything else when the
   * listener says so; a listener that fails is a 503, after which Slack brings an event again. Never rejects.
   */
  take(body: Record<string, unknown>, retry: Retry): Promise<Reaction>
}

const interactive = new Set([
  'block_actions',
  'block_suggestion',
  'interactive_message',
  'dialog_submission',
  'message_action',
  'shortcut',
  'view_submission',
  'view_closed',
])

const done: Reaction = { status: 200 }

export function createIntake(log: Log): Intake {
  let app: App | undefined

  async function event(body: Record<string, unknown>, retry: Retry): Promise<Reaction> {
    // Bolt acknowledges events before its listeners run; here that only says that it has begun.
    await app?.processEvent({ body, ack: async () => {}, ...retryOf(retry) })
    return done
  }

  async function interaction(body: Record<string, unknown>, retry: Retry): Promise<Reaction> {
    const acknowledged = Promise.withResolvers<Reaction>()
    const ack = async (response?: unknown): Promise<void> => {
      acknowledged.resolve(response === undefined || response === '' ? done : { status: 200, body: response })
    }
    // A dialog or button that nobody listens to is acknowledged when all listeners have passed it by.
    app?.processEvent({ body, ack, ...retryOf(retry) }).then(() => ack(), acknowledged.reject)
    return acknowledged.promise
  }

  return {
    init(bolt) {
      app = bolt
    },
    async start() {},
    async stop() {},
    async take(body, retry) {
      const type = typeof body.type === 'string' ? body.type : undefined
      if (retry.num) log.debug({ retry: retry.num, reason: retry.reason }, 'Slack brings something again')
      try {
        if (type === 'url_verification') return { status: 200, body: { challenge: body.challenge } }
        if (body.ssl_check) return done
        if (type === 'app_rate_limited') {
          log.warn({ team: body.team_id }, 'Slack holds events back: there were too many in an hour')
          return done
        }
        if (type === 'event_callback' && isObject(body.event)) return await event(body, retry)
        if (typeof body.command === 'string' || (type && interactive.has(type))) return await interaction(body, retry)
        log.debug({ type }, 'Slack sent something unknown')
        return done
      } catch (thrown) {
        log.warn({ type, reason: messageOf(thrown) }, 'could not take in what Slack sent; it is to bring it again')
        return { status: 503 }
      }
    },
  }
}

function retryOf({ num, reason }: Retry): { retryNum?: number; retryReason?: string } {
  return { ...(num !== undefined && { retryNum: num }), ...(reason !== undefined && { retryReason: reason }) }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
