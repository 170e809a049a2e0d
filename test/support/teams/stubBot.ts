import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonObject } from '../../../src/types.ts'

/** One activity as a bot got it. */
export interface Heard {
  activity: JsonObject
  headers: IncomingHttpHeaders
}

/** What the bot does with a request: a status and body, `silence` (no answer) or `cut`. */
export type Behaviour = { status?: number; body?: string } | 'silence' | 'cut'

/** A bot that only listens, for tests of what Teams sends. */
export async function startStubBot(behave: (heard: Heard, nth: number) => Behaviour = () => ({})) {
  const heard: Heard[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const one: Heard = { activity: JSON.parse(Buffer.concat(chunks).toString('utf8')), headers: request.headers }
      heard.push(one)
      const behaviour = behave(one, heard.length)
      if (behaviour === 'silence') return
      if (behaviour === 'cut') request.socket.destroy()
      else response.writeHead(behaviour.status ?? 202).end(behaviour.body ?? '')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/messages`,
    heard,
    async close(): Promise<void> {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
