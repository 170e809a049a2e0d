import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import { type WebSocket, WebSocketServer } from 'ws'
import type { JsonObject } from '../../../src/types.ts'
import type { Clock } from './clock.ts'
import type { Attempt, Delivery, Transport } from './delivery.ts'

export const maxSockets = 10

/** Socket Mode: the app connects, and any one of its connections gets an event. */
export function createSockets(options: { server: Server; clock: Clock; appId: string; origin: () => string }) {
  const { clock } = options
  const sockets = new WebSocketServer({ noServer: true })
  const tickets = new Set<string>()
  const open: WebSocket[] = []
  const waiting = new Map<string, (payload: JsonObject | undefined) => void>()
  /** Envelopes as they went out, for tests that look at them. */
  const envelopes: JsonObject[] = []
  let next = 0

  options.server.on('upgrade', (request, socket, head) => {
    const url = new URL(request.url ?? '/', 'http://slack')
    const ticket = url.searchParams.get('ticket') ?? ''
    // A ticket opens one connection.
    if (url.pathname !== '/link' || !tickets.delete(ticket) || open.length >= maxSockets) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nconnection: close\r\n\r\n')
      return
    }
    sockets.handleUpgrade(request, socket, head, (websocket) => accept(websocket))
  })

  function accept(websocket: WebSocket): void {
    open.push(websocket)
    websocket.on('close', () => {
      const at = open.indexOf(websocket)
      if (at >= 0) open.splice(at, 1)
    })
    websocket.on('error', () => websocket.terminate())
    websocket.on('message', (data) => receive(String(data)))
    write(websocket, {
      type: 'hello',
      num_connections: open.length,
      connection_info: { app_id: options.appId },
      debug_info: { host: 'applink-0', build_number: 1, approximate_connection_time: 18_060 },
    })
  }

  function receive(text: string): void {
    const message = JSON.parse(text) as JsonObject
    const id = String(message.envelope_id)
    waiting.get(id)?.(message.payload as JsonObject | undefined)
    waiting.delete(id)
  }

  function write(websocket: WebSocket, message: JsonObject): void {
    websocket.send(JSON.stringify(message))
  }

  const transport: Transport = async (delivery: Delivery, attempt: Attempt, timeoutMs: number) => {
    const ready = open.filter((socket) => socket.readyState === socket.OPEN)
    if (ready.length === 0) {
      attempt.failure = 'connection_failed'
      return
    }
    const id = randomUUID()
    const envelope: JsonObject = {
      envelope_id: id,
      type: delivery.kind,
      payload: delivery.payload,
      accepts_response_payload: delivery.kind !== 'events_api',
      ...(delivery.kind === 'events_api' && {
        retry_attempt: attempt.num,
        retry_reason: attempt.reason?.replace('http_', '') ?? '',
      }),
    }
    envelopes.push(envelope)
    const answered = new Promise<JsonObject | undefined | 'late'>((resolve) => {
      waiting.set(id, resolve)
      clock.after(timeoutMs, () => resolve('late'))
    })
    const began = performance.now()
    write(ready[next++ % ready.length]!, envelope)
    const answer = await answered
    attempt.ms = performance.now() - began
    waiting.delete(id)
    if (answer === 'late') attempt.failure = 'http_timeout'
    else {
      attempt.status = 200
      attempt.body = answer === undefined ? '' : JSON.stringify(answer)
    }
  }

  return {
    transport,
    envelopes,
    get connections(): number {
      return open.length
    },
    /** An address for one connection. */
    url(): string {
      const ticket = randomUUID()
      tickets.add(ticket)
      return `${options.origin().replace('http', 'ws')}/link?ticket=${ticket}&app_id=${options.appId}`
    },
    /**
     * Tell a connection to go: `warning` some seconds ahead, `refresh_requested` when the connection is about to be
     * recycled, `link_disabled` when Socket Mode was switched off.
     */
    disconnect(reason: 'warning' | 'refresh_requested' | 'link_disabled', which = 0): void {
      const socket = open[which]
      if (!socket) throw new Error(`there is no connection ${which}`)
      write(socket, { type: 'disconnect', reason, debug_info: { host: 'applink-0' } })
      if (reason !== 'warning') socket.close()
    },
    /** Cut a connection without a word. */
    cut(which = 0): void {
      open[which]?.terminate()
    },
    /** Send anything, for messages that no one should have to expect. */
    raw(message: JsonObject, which = 0): void {
      write(open[which]!, message)
    },
    close(): void {
      for (const socket of [...open]) socket.terminate()
      sockets.close()
    },
  }
}

export type Sockets = ReturnType<typeof createSockets>
