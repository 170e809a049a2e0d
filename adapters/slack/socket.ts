import { SocketModeClient } from '@slack/socket-mode'
import { messageOf } from '../../src/errors.ts'
import type { Log } from '../../src/types.ts'
import type { Clock } from './gates.ts'
import { slackLogger } from './log.ts'
import type { Intake } from './receiver.ts'

/** The websocket through which Slack reaches those who cannot be reached over HTTP. */
export interface Socket {
  /** Connects, again and again until it is closed. */
  start(): void
  close(): Promise<void>
}

/** What the client hands on of an envelope. */
interface Handed {
  ack(response?: unknown): Promise<void>
  body: Record<string, unknown>
  retry_num?: number
  retry_reason?: string
}

const firstPauseMs = 500
const longestPauseMs = 30_000
const closingMs = 2_000

export function createSocket(options: {
  appToken: string
  apiUrl: string
  timeoutMs: number
  intake: Intake
  log: Log
  clock: Clock
}): Socket {
  const { appToken, apiUrl, timeoutMs, intake, log, clock } = options
  const client = new SocketModeClient({
    appToken,
    logger: slackLogger(log),
    // Left to itself it waits five seconds before it connects anew, and a network that is down ends the process.
    autoReconnectEnabled: false,
    clientOptions: {
      slackApiUrl: apiUrl,
      timeout: timeoutMs,
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
    },
  })
  let closed = false

  const [read] = client.listeners('ws_message') as ((data: unknown, isBinary: boolean) => Promise<void>)[]
  client.removeAllListeners('ws_message')
  client.on('ws_message', (data: unknown, isBinary: boolean) => {
    read?.call(client, withEvent(data), isBinary).catch((thrown: unknown) => noteFailure(thrown))
  })
  client.on('slack_event', (handed: Handed) => {
    take(handed).catch((thrown: unknown) => noteFailure(thrown))
  })

  function noteFailure(thrown: unknown): void {
    log.warn({ reason: messageOf(thrown) }, 'a message from Slack could not be handled; it is to bring it again')
  }

  /** Acknowledged when it is stored: one that is not comes again, to this instance or another. */
  async function take({ ack, body, retry_num: num, retry_reason: reason }: Handed): Promise<void> {
    const reaction = await intake.take(body, { ...(num && { num }), ...(reason && { reason }) })
    if (reaction.status === 200) await ack(reaction.body)
  }

  async function stayConnected(): Promise<void> {
    for (let failures = 0; !closed; ) {
      const disconnected = new Promise<void>((resolve) => client.once('disconnected', () => resolve()))
      try {
        await client.start()
        failures = 0
        log.info({}, 'connected to Slack')
        // Slack ends a connection every few hours; then there is a next one at once.
        await disconnected
      } catch (thrown) {
        if (closed) return
        log.warn({ reason: messageOf(thrown) }, 'could not connect to Slack, trying again')
        await clock.sleep(Math.min(longestPauseMs, firstPauseMs * 2 ** failures++))
      }
    }
  }

  return {
    start: () => void stayConnected(),
    async close() {
      closed = true
      await Promise.race([Promise.resolve(client.disconnect()), clock.sleep(closingMs)])
    },
  }
}

/**
 * The client reads the type of the event in every `events_api` message and dies of one without (`app_rate_limited`), so such
 * a one is given the event that it lacks.
 */
function withEvent(data: unknown): unknown {
  if (typeof data !== 'string' || data.includes('"event":{')) return data
  try {
    const envelope = JSON.parse(data) as { type?: string; payload?: { type?: string; event?: unknown } }
    const { payload } = envelope
    if (envelope.type !== 'events_api' || !payload || payload.event) return data
    return JSON.stringify({ ...envelope, payload: { ...payload, event: { type: String(payload.type) } } })
  } catch {
    return data
  }
}
