import { spawn } from 'node:child_process'
import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { crc32 } from 'node:zlib'
import { BedrockRuntimeClient, ConverseStreamCommand } from '@aws-sdk/client-bedrock-runtime'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { Agent, request } from 'undici'
import { createBedrock } from '../src/bedrock.ts'
import type { Log, Metrics } from '../src/types.ts'
import { median } from './clock.ts'
import { type Row, table } from './row.ts'

/**
 * What one model stream of 200 deltas costs in CPU: our Bedrock client against the least that can be done (undici, one
 * signature, a bare decode of the event stream) and against the plain SDK. Fresh processes take turns, the server has one
 * of its own; medians of the rounds.
 */

const deltas = 200
const rounds = 5
const cases = [
  { name: '10 ms apart', paceMs: 10, streams: 400, atOnce: 200, goal: 'at most 1.35x' },
  // Hardly any of a stream's cost and all of a request's own: the SDK's layers and its signature weigh most here.
  { name: 'as fast as they come', paceMs: 0, streams: 1_000, atOnce: 8, goal: '' },
]
const rivals = { bare: 'undici, a signature and a bare decode', sdk: 'the SDK as it comes' } as const
type Which = 'ours' | keyof typeof rivals

export async function run(): Promise<Row[]> {
  const rows: Row[] = []
  for (const { name, paceMs, streams, atOnce, goal } of cases) {
    const taken = await takeTurns(paceMs, (which, url) => measureInChild(which, url, streams, atOnce))
    for (const rival of ['bare', 'sdk'] as const) {
      const [ours, base] = [median(taken.ours), median(taken[rival])]
      const title = `Model stream of ${deltas} deltas ${name}, against ${rivals[rival]}`
      const aim = rival === 'bare' ? goal : 'below 1x'
      rows.push({ name: title, ours, base, ratio: ours / base, unit: 'ms CPU', goal: aim })
    }
  }
  return rows
}

/** Each round in another order: whoever comes later finds a warmer machine. */
async function takeTurns(
  paceMs: number,
  one: (which: Which, url: string) => Promise<number>,
): Promise<Record<Which, number[]>> {
  const taken: Record<Which, number[]> = { ours: [], bare: [], sdk: [] }
  const server = await startServer(paceMs)
  try {
    for (let round = 0; round < rounds; round++) {
      const order = (['ours', 'bare', 'sdk'] as const).map((_, index, all) => all[(index + round) % all.length]!)
      for (const which of order) taken[which].push(await one(which, server.url))
    }
  } finally {
    server.stop()
  }
  return taken
}

// --- processes -----------------------------------------------------------------------------------------------------

const standIn = fileURLToPath(new URL('../test/support/bedrock.ts', import.meta.url))

async function startServer(paceMs: number): Promise<{ url: string; stop(): void }> {
  const child = spawn(process.execPath, [standIn, '--pace', String(paceMs), '--deltas', String(deltas)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const { url } = JSON.parse(await firstLine(child.stdout)) as { url: string }
  return { url, stop: () => void child.kill() }
}

async function measureInChild(which: Which, url: string, streams: number, atOnce: number): Promise<number> {
  const args = [fileURLToPath(import.meta.url), '--which', which, '--url', url]
  const child = spawn(process.execPath, [...args, '--streams', String(streams), '--at-once', String(atOnce)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...credentials },
  })
  const exit = once(child, 'exit')
  const line = await firstLine(child.stdout)
  await exit
  return Number(line)
}

async function firstLine(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) return line
  throw new Error('a child process of the benchmark ended without a word')
}

const credentials = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret', AWS_REGION: 'us-east-1' }

/** Runs in the child: warm up, then the CPU of so many streams with so many of them at once. */
async function measure(one: () => Promise<number>, streams: number, atOnce: number): Promise<number> {
  const all = async (count: number) => {
    let left = count
    const worker = async () => {
      while (left-- > 0) if ((await one()) < 1_000) throw new Error('an answer is too short to be whole')
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
  }
  await all(atOnce)
  const before = process.cpuUsage()
  await all(streams)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000 / streams
}

// --- ours ----------------------------------------------------------------------------------------------------------

const modelId = 'global.anthropic.claude-sonnet-4-6'
const question = 'What does a stream cost?'

function ourStream(url: string): () => Promise<number> {
  const nothing = () => {}
  const log: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => log }
  const metrics = { modelCall: nothing, modelRetried: nothing, modelFellBack: nothing } as unknown as Metrics
  const model = createBedrock({
    region: 'us-east-1',
    endpoint: url,
    modelId,
    fallbackIds: [],
    titleModelId: modelId,
    firstTokenMs: 60_000,
    idleMs: 60_000,
    log,
    metrics,
  })
  return async () => {
    let text = ''
    const prompt = { purpose: 'answer' as const, system: '', messages: [{ role: 'user' as const, text: question }] }
    for await (const event of model.stream(prompt, new AbortController().signal))
      if (event.type === 'text') text += event.text
    return text.length
  }
}

// --- the SDK as it comes -------------------------------------------------------------------------------------------

function sdkStream(url: string): () => Promise<number> {
  const requestHandler = new NodeHttpHandler({ httpAgent: { keepAlive: true, maxSockets: 512 } })
  const client = new BedrockRuntimeClient({ region: 'us-east-1', endpoint: url, maxAttempts: 1, requestHandler })
  return async () => {
    const messages = [{ role: 'user' as const, content: [{ text: question }] }]
    const { stream } = await client.send(
      new ConverseStreamCommand({ modelId, messages, inferenceConfig: { maxTokens: 4096 } }),
    )
    let text = ''
    for await (const event of stream!) text += event.contentBlockDelta?.delta?.text ?? ''
    return text.length
  }
}

// --- the least that can be done ------------------------------------------------------------------------------------

function bareStream(url: string): () => Promise<number> {
  const dispatcher = new Agent({ connections: 512, pipelining: 1 })
  const path = `/model/${encodeURIComponent(modelId)}/converse-stream`
  return async () => {
    const body = JSON.stringify({
      messages: [{ role: 'user', content: [{ text: question }] }],
      inferenceConfig: { maxTokens: 4096 },
    })
    const response = await request(url + path, {
      method: 'POST',
      body,
      headers: signed(new URL(url).host, path, body),
      dispatcher,
    })
    let text = ''
    let rest: Buffer = Buffer.alloc(0)
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
      let at = 0
      while (bytes.length - at >= 12) {
        const length = bytes.readUInt32BE(at)
        if (bytes.length - at < length) break
        const end = at + length - 4
        if (crc32(bytes.subarray(at, end)) !== bytes.readUInt32BE(end)) throw new Error('wrong checksum')
        const payload = JSON.parse(bytes.toString('utf8', at + 12 + bytes.readUInt32BE(at + 4), end))
        if (payload.delta?.text) text += payload.delta.text
        at += length
      }
      rest = bytes.subarray(at)
    }
    return text.length
  }
}

function signed(host: string, path: string, body: string): Record<string, string> {
  const hash = (text: string) => createHash('sha256').update(text).digest('hex')
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()
  const date = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '')
  const day = date.slice(0, 8)
  const scope = `${day}/us-east-1/bedrock/aws4_request`
  const names = 'content-type;host;x-amz-date'
  const canonicalPath = path.split('/').map(encodeURIComponent).join('/')
  const headers = `content-type:application/json\nhost:${host}\nx-amz-date:${date}\n`
  const canonical = `POST\n${canonicalPath}\n\n${headers}\n${names}\n${hash(body)}`
  const key = hmac(
    hmac(hmac(hmac(`AWS4${credentials.AWS_SECRET_ACCESS_KEY}`, day), 'us-east-1'), 'bedrock'),
    'aws4_request',
  )
  const signature = hmac(key, `AWS4-HMAC-SHA256\n${date}\n${scope}\n${hash(canonical)}`).toString('hex')
  return {
    'content-type': 'application/json',
    'x-amz-date': date,
    authorization: `AWS4-HMAC-SHA256 Credential=${credentials.AWS_ACCESS_KEY_ID}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
  }
}

// --- alone, and as a child -----------------------------------------------------------------------------------------

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values } = parseArgs({
    options: {
      which: { type: 'string' },
      url: { type: 'string', default: '' },
      streams: { type: 'string', default: '0' },
      'at-once': { type: 'string', default: '1' },
    },
  })
  if (values.which) {
    const makers = { ours: ourStream, bare: bareStream, sdk: sdkStream }
    const one = makers[values.which as Which](values.url)
    console.log(await measure(one, Number(values.streams), Number(values['at-once'])))
    process.exit(0)
  }
  console.log(table(await run()))
}
