import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One call as it went over the wire. */
export interface WireCall {
  method: string
  path: string
  body: string
}

/** What happens to one call: it never gets there, or its reply never comes back. */
export interface Harm {
  /** Which call it hits, the next one being 0. */
  nth: number
  work: 'not done' | 'done'
  /** The caller waits for ever, its connection is reset, or it is told that a gateway failed. */
  reply: 'never' | 'reset' | 'bad gateway'
}

/** The line between one process of ours and a platform; everything that process says goes over it, and can be lost on it. */
export interface Wire {
  readonly url: string
  /** All calls since the line was there, or since `forget`. */
  readonly calls: WireCall[]
  forget(): void
  /** Resolves with the call that was hit. */
  harm(harm: Harm): Promise<WireCall>
  /** As `kill -9` of the process: nothing of it gets there any more, nothing comes back. */
  cut(): void
  /** Nothing is on its way to the platform. */
  idle(): Promise<void>
  close(): Promise<void>
}

/** A wire to a server on this machine. */
export async function startWire(port: number): Promise<Wire> {
  const calls: WireCall[] = []
  // Connections of its own for each call: one that the server closes in the meantime would be a fault nobody asked for.
  const agent = new Agent({ keepAlive: false })
  const under = new Set<Promise<void>>()
  let harms: (Harm & { left: number; hit(call: WireCall): void })[] = []
  let cut = false

  async function take(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const bytes = await bodyOf(incoming)
    if (cut) return
    const call = { method: incoming.method ?? 'GET', path: incoming.url ?? '/', body: bytes.toString() }
    calls.push(call)
    const harm = harms.find((one) => one.left-- === 0)
    if (harm?.work !== 'not done') {
      const answer = await forward(incoming, call, bytes)
      if (cut) return
      if (!harm) return void outgoing.writeHead(answer.status, answer.headers).end(answer.bytes)
    }
    harms = harms.filter((one) => one !== harm)
    harm?.hit(call)
    if (harm?.reply === 'reset') incoming.socket.destroy()
    if (harm?.reply === 'bad gateway') outgoing.writeHead(502, { 'content-type': 'text/html' }).end('<html>Bad gateway')
  }

  function forward({ headers }: IncomingMessage, { method, path }: WireCall, bytes: Buffer): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const onward = request({ host: '127.0.0.1', port, method, path, headers, agent }, (answer) => {
      bodyOf(answer).then(
        (read) => resolve({ status: answer.statusCode ?? 500, headers: headersOf(answer), bytes: read }),
        reject,
      )
    })
    onward.on('error', reject)
    onward.end(bytes)
    return promise
  }

  const server = createServer((incoming, outgoing) => {
    const work = take(incoming, outgoing)
      // The platform itself cut it off.
      .catch(() => void incoming.socket.destroy())
      .finally(() => under.delete(work))
    under.add(work)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    forget() {
      calls.length = 0
    },
    harm(harm) {
      const { promise, resolve } = Promise.withResolvers<WireCall>()
      harms.push({ ...harm, left: harm.nth, hit: resolve })
      return promise
    },
    cut() {
      cut = true
    },
    async idle() {
      while (under.size > 0) await Promise.all(under)
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Answer {
  status: number
  headers: Record<string, string>
  bytes: Buffer
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => !['connection', 'transfer-encoding'].includes(name))
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]))
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk)
  return Buffer.concat(chunks)
}
