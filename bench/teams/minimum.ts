import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { Agent, request } from 'undici'
import { defaults } from '../../adapters/teams/config.ts'

/**
 * The least that answers in a personal chat of Teams: remember the activity, acknowledge, ask the model, stream its words
 * by the same calls at the same pace as the app (`adapters/teams/streaming.ts`), keep the turn. Two calls of Redis. No
 * limits, no retries, no order, no Markdown, nothing that survives a crash. `GET /usage` tells what the process used.
 * Prints its port.
 */
const [modelUrl = '', redisUrl = ''] = process.argv.slice(2)
const redis = new Redis(redisUrl)
const model = new Agent({ connections: 1024 })
const teams = new Agent({ connections: 256 })
const json = { 'content-type': 'application/json' }
const aiLabel = {
  type: 'https://schema.org/Message',
  '@type': 'Message',
  '@context': 'https://schema.org',
  '@id': '',
  additionalType: ['AIGeneratedContent'],
}

interface Activity {
  id: string
  serviceUrl: string
  text: string
  conversation: { id: string }
  recipient: { id: string }
}

async function take(outgoing: ServerResponse, body: string): Promise<void> {
  const activity: Activity = JSON.parse(body)
  const fresh = await redis.set(`activity:${activity.conversation.id}:${activity.id}`, '1', 'EX', 3600, 'NX')
  outgoing.writeHead(202).end()
  if (fresh) await answer(activity)
}

async function answer({ id: question, serviceUrl, text: asked, conversation, recipient }: Activity): Promise<void> {
  const url = `${serviceUrl}v3/conversations/${encodeURIComponent(conversation.id)}/activities`
  const envelope = { from: { id: recipient.id }, conversation: { id: conversation.id } }
  let streamId: string | undefined
  let streamSequence = 1
  let text = ''
  let shown = 0
  let freeAt = 0
  let nextAt = 0
  let timer: NodeJS.Timeout | undefined
  let calling: Promise<void> | undefined
  let open = true

  async function call(activity: object): Promise<{ id?: string }> {
    const wait = freeAt - performance.now()
    if (wait > 0) await sleep(wait)
    const body = JSON.stringify({ ...activity, ...envelope })
    const reply = await request(url, { method: 'POST', headers: json, body, dispatcher: teams })
    const result = JSON.parse(await reply.body.text())
    if (reply.statusCode >= 300) throw new Error(`the connector answered ${reply.statusCode}`)
    freeAt = performance.now() + defaults.streamGapMs
    return result
  }

  const piece = (streamType: string, words: string): object => ({
    type: 'typing',
    text: words,
    textFormat: 'markdown',
    entities: [{ type: 'streaminfo', streamType, streamSequence: streamSequence++, ...(streamId && { streamId }) }],
  })

  function show(): void {
    if (!open || calling || timer || shown === text.length) return
    const wait = nextAt - performance.now()
    if (wait > 0) timer = setTimeout(send, wait)
    else send()
  }

  function send(): void {
    timer = undefined
    shown = text.length
    nextAt = performance.now() + defaults.streamPaceMs
    calling = deliver(text).then(() => {
      calling = undefined
      show()
    })
  }

  async function deliver(words: string): Promise<void> {
    await informed
    await call(piece('streaming', words))
  }

  const informed = call(piece('informative', 'Thinking…')).then(({ id }) => {
    streamId = id
  })
  for await (const words of ask(asked)) {
    text += words
    show()
  }
  open = false
  clearTimeout(timer)
  await informed
  await calling
  await redis.rpush(`turns:${conversation.id}`, JSON.stringify({ id: question, question: asked, answer: text }))
  await call({
    type: 'message',
    text,
    textFormat: 'markdown',
    entities: [{ type: 'streaminfo', streamType: 'final', streamId }, aiLabel],
    channelData: { feedbackLoop: { type: 'default' } },
  })
}

async function* ask(text: string): AsyncGenerator<string> {
  const body = JSON.stringify({ messages: [{ role: 'user', content: [{ text }] }] })
  const path = `${modelUrl}/model/m/converse-stream`
  const reply = await request(path, { method: 'POST', headers: json, body, dispatcher: model })
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

const server = createServer((incoming: IncomingMessage, outgoing) => {
  if (incoming.url === '/usage') {
    const { user, system } = process.cpuUsage()
    outgoing.end(JSON.stringify({ cpuSeconds: (user + system) / 1e6, memory: process.memoryUsage.rss() }))
    return
  }
  const chunks: Buffer[] = []
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
  incoming.on('end', () => take(outgoing, Buffer.concat(chunks).toString()))
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`))
process.on('disconnect', () => process.exit())
