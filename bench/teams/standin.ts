import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SeenAnswer } from './seen.ts'

/**
 * Teams' connector for benchmarks, in a process of its own: it says yes to everything and notes what each answer is made
 * of. `GET /answers` gives those that were ended, or touched after that, since it was asked last. Prints its port.
 */

interface Activity {
  text?: string
  entities?: { type: string; streamType?: string; streamId?: string }[]
}

/** The newest answer in each conversation. */
const newest = new Map<string, SeenAnswer>()
const changed = new Set<SeenAnswer>()
let count = 0

function answerIn(conversation: string, fresh: boolean): SeenAnswer {
  const known = newest.get(conversation)
  if (known && !(fresh && known.finals > 0)) return known
  const id = String(++count)
  const answer: SeenAnswer = { id, conversation, informative: 0, streaming: 0, finals: 0, others: 0, pieces: 0 }
  newest.set(conversation, answer)
  return answer
}

function post(conversation: string, activity: Activity): { status: number; reply: object } {
  const { streamType, streamId } = activity.entities?.find(({ type }) => type === 'streaminfo') ?? {}
  const answer = answerIn(conversation, streamType === 'informative')
  if (answer.finals > 0) changed.add(answer)
  if (streamType === 'informative') answer.informative++
  else if (streamType === 'streaming') answer.streaming++
  else if (streamType === 'final') end(answer, activity.text ?? '')
  else answer.others++
  if (streamId && streamType === 'streaming') return { status: 202, reply: {} }
  return { status: 201, reply: { id: streamId ?? `m${answer.id}-${++count}` } }
}

function end(answer: SeenAnswer, text: string): void {
  answer.finals++
  // Each of the model's pieces has this word once.
  answer.pieces = text.split('few').length - 1
  const took = /took=([\d.]+)/.exec(text)
  if (took) answer.took = Number(took[1])
  changed.add(answer)
}

function send(response: ServerResponse, status: number, reply: object): void {
  const body = JSON.stringify(reply)
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

const server = createServer((request, response) => {
  const { method, url = '' } = request
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    if (url === '/answers') {
      send(response, 200, [...changed])
      changed.clear()
      return
    }
    const [, conversation = '', what, id] = /^\/v3\/conversations\/([^/]+)\/(\w+)(?:\/([^/]+))?/.exec(url) ?? []
    if (what === 'members') return send(response, 200, { id, name: 'Ada Lovelace', userRole: 'user' })
    if (method === 'POST') {
      const { status, reply } = post(decodeURIComponent(conversation), JSON.parse(Buffer.concat(chunks).toString()))
      return send(response, status, reply)
    }
    answerIn(decodeURIComponent(conversation), false).others++
    send(response, 200, { id })
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`))
process.on('disconnect', () => process.exit())
