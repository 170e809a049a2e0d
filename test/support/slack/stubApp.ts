import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonObject } from '../../../src/types.ts'

/** One request as an app got it. */
export interface Heard {
  body: string
  headers: IncomingHttpHeaders
  /** The event, the interaction or the command's fields. */
  payload: JsonObject
}

/** What the app does with a request: a status and body, `silence` (no answer) or `cut`. */
export type Behaviour = { status?: number; body?: string; headers?: Record<string, string> } | 'silence' | 'cut'

/** An app that only listens, for tests of what Slack sends. */
export async function startStubApp(behave: (heard: Heard, nth: number) => Behaviour = () => ({})) {
  const heard: Heard[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8')
      const one: Heard = { body, headers: request.headers, payload: read(body, request.headers['content-type'] ?? '') }
      heard.push(one)
      const behaviour = behave(one, heard.length)
      if (behaviour === 'silence') return
      if (behaviour === 'cut') request.socket.destroy()
      else response.writeHead(behaviour.status ?? 200, behaviour.headers).end(behaviour.body ?? '')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/slack/events`,
    heard,
    /** The inner events, in the order they came. */
    events: (): JsonObject[] => heard.map((one) => one.payload.event as JsonObject).filter(Boolean),
    async close(): Promise<void> {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function read(body: string, type: string): JsonObject {
  if (type === 'application/json') return JSON.parse(body) as JsonObject
  const form = Object.fromEntries(new URLSearchParams(body))
  return form.payload === undefined ? form : (JSON.parse(form.payload) as JsonObject)
}
