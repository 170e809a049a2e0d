import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Redis } from 'ioredis'
import { Agent, request } from 'undici'
import { defaults } from '../../adapters/slack/config.ts'
import { createPace } from '../../adapters/slack/pace.ts'

/**
 * The least that answers in Slack: check the signature, remember the event, acknowledge, ask the model, stream its words
 * at the same pace as the app, keep the turn. Two calls of Redis. No limits, no retries, no order, nothing that survives a
 * crash. `GET /usage` tells what the process used. Prints its port.
 */
const [modelUrl = '', slackUrl = '', redisUrl = '', secret = ''] = process.argv.slice(2)
const redis = new Redis(redisUrl)
const model = new Agent({ connections: 1024 })
const slack = new Agent({ connections: 256 })
const pace = createPace(Date.now, defaults.updateMs)

interface Question {
  team: string
  channel: string
  ts: string
  text: string
}

function isSigned(incoming: IncomingMessage, body: string): boolean {
  const at = String(incoming.headers['x-slack-request-timestamp'])
  if (Math.abs(Date.now() / 1000 - Number(at)) > 300) return false
  const expected = `v0=${createHmac('sha256', secret).update(`v0:${at}:${body}`).digest('hex')}`
  const given = String(incoming.headers['x-slack-signature'])
  return given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected))
}

async function take(incoming: IncomingMessage, outgoing: ServerResponse, body: string): Promise<void> {
  if (!isSigned(incoming, body)) {
    outgoing.writeHead(401).end()
    return
  }
  const { team_id: team, event_id: id, event } = JSON.parse(body)
  const fresh = await redis.set(`event:${id}`, '1', 'EX', 3600, 'NX')
  outgoing.writeHead(200).end()
  if (fresh) await answer({ team, channel: event.channel, ts: event.thread_ts ?? event.ts, text: event.text })
}

async function answer(question: Question): Promise<void> {
  const { team, channel, ts: thread } = question
  let text = ''
  let shown = 0
  let message: string | undefined
  let nextAt = 0
  let timer: NodeJS.Timeout | undefined
  let calling: Promise<void> | undefined
  let open = true

  function show(): void {
    if (!open || calling || timer || shown === text.length) return
    const wait = nextAt - performance.now()
    if (wait > 0) timer = setTimeout(send, wait)
    else send()
  }

  function send(): void {
    timer = undefined
    const more = text.slice(shown)
    shown = text.length
    nextAt = performance.now() + pace.ms(team)
    pace.beat(team, thread)
    calling = deliver(more).then(() => {
      calling = undefined
      show()
    })
  }

  async function deliver(more: string): Promise<void> {
    const chunks = JSON.stringify([{ type: 'markdown_text', text: more }])
    if (message) await call('chat.appendStream', team, { channel, ts: message, chunks })
    else message = (await call('chat.startStream', team, { channel, thread_ts: thread, chunks })).ts
  }

  for await (const piece of ask(question.text)) {
    text += piece
    show()
  }
  open = false
  clearTimeout(timer)
  await calling
  const rest = JSON.stringify([{ type: 'markdown_text', text: text.slice(shown) }])
  await redis.rpush(`turns:${channel}:${thread}`, JSON.stringify({ question: question.text, answer: text }))
  await call('chat.stopStream', team, { channel, ts: message ?? '', ...(shown < text.length && { chunks: rest }) })
}

async function* ask(text: string): AsyncGenerator<string> {
  const body = JSON.stringify({ messages: [{ role: 'user', content: [{ text }] }] })
  const headers = { 'content-type': 'application/json' }
  const reply = await request(`${modelUrl}/model/m/converse-stream`, {
    method: 'POST',
    headers,
    body,
    dispatcher: model,
  })
  let rest = Buffer.alloc(0)
  for await (const chunk of reply.body) {
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    while (rest.length >= 12 && rest.length >= rest.readUInt32BE(0)) {
      const length = rest.readUInt32BE(0)
      const payload = JSON.parse(rest.toString('utf8', 12 + rest.readUInt32BE(4), length - 4))
      rest = rest.subarray(length)
      if (payload.delta?.text !== undefined) yield payload.delta.text
    }
  }
}

async function call(method: string, team: string, args: Record<string, string>): Promise<{ ts: string }> {
  const body = Object.entries(args)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&')
  const headers = { authorization: `Bearer xoxb-${team}`, 'content-type': 'application/x-www-form-urlencoded' }
  const reply = await request(`${slackUrl}/api/${method}`, { method: 'POST', headers, body, dispatcher: slack })
  const result = JSON.parse(await reply.body.text())
  if (!result.ok) throw new Error(result.error)
  return result
}

const server = createServer((incoming, outgoing) => {
  if (incoming.url === '/usage') {
    const { user, system } = process.cpuUsage()
    outgoing.end(JSON.stringify({ cpuSeconds: (user + system) / 1e6, memory: process.memoryUsage.rss() }))
    return
  }
  const chunks: Buffer[] = []
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
  incoming.on('end', () => take(incoming, outgoing, Buffer.concat(chunks).toString()))
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`))
process.on('disconnect', () => process.exit())
