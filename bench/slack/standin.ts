import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { now } from '../clock.ts'
import type { SeenAnswer } from './seen.ts'

/**
 * Slack's Web API for benchmarks, in a process of its own: it says yes to everything and notes when an answer was begun,
 * continued and ended, and how many of the model's pieces it holds. `GET /answers` gives those that were ended since it
 * was asked last; `POST /hold?channel=D1&seconds=3` refuses that channel with 429 for a while. Prints its port.
 */

/** Answers by the thread they are in, and the messages that each is made of. */
const answers = new Map<string, SeenAnswer>()
const messages = new Map<string, { answer: SeenAnswer; pieces: number }>()
const ended = new Set<SeenAnswer>()
const held = new Map<string, number>()
let count = 0

/** A field of a form. */
function field(body: string, name: string): string {
  const from = body.startsWith(`${name}=`) ? 0 : body.indexOf(`&${name}=`) + 1
  if (from === 0 && !body.startsWith(`${name}=`)) return ''
  const end = body.indexOf('&', from)
  return body.slice(from + name.length + 1, end < 0 ? undefined : end)
}

/** Each of the model's pieces has this word once. */
const piecesIn = (content: string): number => content.split('few').length - 1

/** When the model sent the last piece of it. */
const lastSentIn = (content: string): number => Number.parseFloat(content.slice(content.lastIndexOf('%40') + 3))

function answerIn(thread: string): SeenAnswer {
  const known = answers.get(thread)
  if (known) return known
  const fresh: SeenAnswer = { thread, starts: 0, appends: 0, stops: 0, posts: 0, pieces: 0 }
  answers.set(thread, fresh)
  return fresh
}

function begin(body: string, call: 'starts' | 'posts', content: string): { ts: string; answer: SeenAnswer } {
  const answer = answerIn(`${field(body, 'channel')}:${field(body, 'thread_ts')}`)
  const ts = `1.${String(++count).padStart(6, '0')}`
  const pieces = piecesIn(content)
  messages.set(ts, { answer, pieces })
  answer[call]++
  answer.pieces += pieces
  return { ts, answer }
}

type Reply = Record<string, unknown>

const methods: Record<string, (body: string, at: number) => Reply> = {
  'chat.startStream'(body, at) {
    const content = field(body, 'chunks')
    const { ts, answer } = begin(body, 'starts', content)
    // The next answer in a thread; how often there was one is still counted.
    if (answer.endedAt !== undefined) Object.assign(answer, { startedAt: undefined, endedAt: undefined })
    answer.startedAt ??= at
    const first = /took%3D([\d.]+)%20%40([\d.]+)/.exec(content)
    if (first) Object.assign(answer, { took: Number(first[1]), firstSent: Number(first[2]) })
    return { ts }
  },
  'chat.appendStream'(body) {
    const message = messages.get(field(body, 'ts'))
    if (message) add(message, field(body, 'chunks'), 'appends')
    return {}
  },
  'chat.stopStream'(body, at) {
    const message = messages.get(field(body, 'ts'))
    if (!message) return {}
    const content = field(body, 'chunks')
    add(message, content, 'stops')
    end(message.answer, content, at)
    return {}
  },
  'chat.postMessage'(body, at) {
    const content = field(body, 'blocks')
    const { ts, answer } = begin(body, 'posts', content)
    end(answer, content, at)
    return { ts }
  },
  'chat.update'(body, at) {
    const message = messages.get(field(body, 'ts'))
    if (!message) return {}
    const content = field(body, 'blocks')
    message.answer.pieces += piecesIn(content) - message.pieces
    message.pieces = piecesIn(content)
    end(message.answer, content, at)
    return {}
  },
  'users.info': (body) => ({ user: { id: field(body, 'user'), real_name: 'Ada Lovelace', tz: 'Europe/London' } }),
}

function add(message: { answer: SeenAnswer; pieces: number }, content: string, call: 'appends' | 'stops'): void {
  const pieces = piecesIn(content)
  message.pieces += pieces
  message.answer.pieces += pieces
  message.answer[call]++
}

function end(answer: SeenAnswer, content: string, at: number): void {
  answer.endedAt = at
  if (content !== '') answer.lastSent = lastSentIn(content)
  ended.add(answer)
}

const server = createServer((request, response) => {
  const url = request.url ?? ''
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const at = now()
    if (url === '/answers') {
      response.end(JSON.stringify([...ended]))
      ended.clear()
      return
    }
    if (url.startsWith('/hold?')) {
      const query = new URLSearchParams(url.slice(6))
      held.set(query.get('channel') ?? '', at + Number(query.get('seconds')) * 1000)
      response.end()
      return
    }
    const body = chunks.length === 1 ? chunks[0]!.toString('latin1') : Buffer.concat(chunks).toString('latin1')
    const name = url.slice('/api/'.length)
    const free = name.startsWith('chat.') && held.size > 0 ? (held.get(field(body, 'channel')) ?? 0) : 0
    if (free > at) {
      response.writeHead(429, { 'retry-after': String(Math.ceil((free - at) / 1000)) })
      response.end('{"ok":false,"error":"ratelimited"}')
      return
    }
    const reply = JSON.stringify({ ok: true, ...methods[name]?.(body, at) })
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': reply.length })
    response.end(reply)
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`))
process.on('disconnect', () => process.exit())
