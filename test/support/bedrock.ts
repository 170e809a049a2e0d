import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { errorFrame, eventFrame, exceptionFrame } from './bedrock/frames.ts'
import { type ConverseBody, violationOf } from './bedrock/rules.ts'

/**
 * A stand-in for Bedrock over real HTTP: takes ConverseStream requests as strictly as Bedrock does, answers with the
 * real event stream, and fails in every way a script tells it to. Also a program:
 * `node test/support/bedrock.ts --port 8787 --pace 20 --deltas 40`, whose answers tell what they were asked.
 */

/** One thing to do in answer to a request. A call's script is a list of them; at its end the response ends. */
export type Act =
  | { event: string; payload: object }
  | { exception: string; message?: string }
  | { error: string; message: string }
  /** Bytes, base64. */
  | { raw: string }
  /** A text frame with a wrong checksum. */
  | { damaged: 'prelude' | 'message' }
  /** The first bytes of a text frame. */
  | { partial: number }
  /** Send the headers now; otherwise they go with the first frame. */
  | { headers: true }
  | { waitMs: number }
  /** Waits until `open` is called with this name. */
  | { gate: string }
  /** Nothing more, and the connection stays open. */
  | { hang: true }
  | { cut: 'fin' | 'rst' }
  /** An answer that is no stream. `body` instead of the usual error document. */
  | { refuse: number; type?: string; message?: string; headers?: Record<string, string>; body?: string }

export interface RecordedRequest {
  modelId: string
  body: ConverseBody
  headers: IncomingMessage['headers']
  /** What was answered with 400 for a broken rule. */
  violation: string | null
  /** Which of the server's connections it came on, counted from 1. */
  connection: number
  /** Resolves when the response is over: `ended` by us, or `dropped` by the client. */
  over: Promise<'ended' | 'dropped'>
}

export interface StandIn {
  url: string
  requests: RecordedRequest[]
  /** Sockets that are open now, and all there ever were. */
  connections(): { open: number; total: number }
  /** What to do with the next requests, one list a request; without a script it answers sensibly. */
  script(...calls: Act[][]): void
  /** The same for one model only; goes before the general one. */
  scriptFor(modelId: string, ...calls: Act[][]): void
  /** Lets the scripts on that wait at this gate, now and from now on. */
  open(gate: string): void
  reset(): void
  close(): Promise<void>
}

export interface StandInOptions {
  port?: number
  /** Between two pieces of text of an unscripted answer. */
  paceMs?: number
  /** How many pieces an unscripted answer has at least. */
  deltas?: number
}

// --- scripts -------------------------------------------------------------------------------------------------------

export const start: Act = { event: 'messageStart', payload: { role: 'assistant' } }
export const say = (...texts: string[]): Act[] =>
  texts.map((text) => ({ event: 'contentBlockDelta', payload: { contentBlockIndex: 0, delta: { text } } }))
export const reason = (text: string): Act => ({
  event: 'contentBlockDelta',
  payload: { contentBlockIndex: 0, delta: { reasoningContent: { text } } },
})
export const stop = (stopReason = 'end_turn'): Act[] => [
  { event: 'contentBlockStop', payload: { contentBlockIndex: 0 } },
  { event: 'messageStop', payload: { stopReason } },
]
export const usage = (
  tokens: object = { inputTokens: 10, outputTokens: 5, totalTokens: 15, serverToolUsage: {} },
): Act => ({ event: 'metadata', payload: { usage: tokens, metrics: { latencyMs: 12 } } })
/** A whole answer. */
export const whole = (...texts: string[]): Act[] => [start, ...say(...texts), ...stop(), usage()]
export const refuse = (refused: number, type?: string, message?: string, headers?: Record<string, string>): Act[] => [
  { refuse: refused, ...(type && { type }), ...(message && { message }), ...(headers && { headers }) },
]

// --- the answer to an unscripted request ---------------------------------------------------------------------------

function textOf(content: Record<string, unknown>[] = []): string {
  return content
    .map((block) => block.text ?? (block.guardContent as { text: { text: string } } | undefined)?.text.text ?? '')
    .join('')
}

/** Tells what it was asked and how much came before, so that tests can prove memory and order. */
export function answerTo(body: ConverseBody): string {
  const messages = body.messages ?? []
  // A title is asked for with a small limit.
  if ((body.inferenceConfig?.maxTokens ?? 0) < 100) return 'A short answer'
  const question = textOf(messages.at(-1)?.content)
  const first = messages.length > 1 ? ` The first message was: “${textOf(messages[0]?.content).slice(0, 200)}”.` : ''
  return `You said: “${question.slice(0, 2_000)}”. Earlier messages: ${messages.length - 1}.${first}`
}

function piecesOf(body: ConverseBody, deltas: number): string[] {
  const pieces = answerTo(body).match(/\S+\s*/g) ?? ['.']
  if ((body.inferenceConfig?.maxTokens ?? 0) >= 100)
    for (let word = pieces.length; word < deltas; word++) pieces.push(` word${word}`)
  return pieces
}

// --- the server ----------------------------------------------------------------------------------------------------

const titles: Record<number, string> = {
  400: 'ValidationException',
  403: 'AccessDeniedException',
  404: 'ResourceNotFoundException',
  408: 'ModelTimeoutException',
  424: 'ModelErrorException',
  429: 'ThrottlingException',
  500: 'InternalServerException',
  503: 'ServiceUnavailableException',
}

export async function startBedrock(options: StandInOptions = {}): Promise<StandIn> {
  const { paceMs = 0, deltas = 0 } = options
  const requests: RecordedRequest[] = []
  const scripts: Act[][] = []
  const byModel = new Map<string, Act[][]>()
  const sockets = new Map<Socket, number>()
  const caches = new Set<string>()
  const gates = new Map<string, PromiseWithResolvers<void>>()
  let total = 0

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy())
  })
  server.keepAliveTimeout = 60_000
  server.on('connection', (socket) => {
    sockets.set(socket, ++total)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
  })

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await bodyOf(request)
    if (request.url?.startsWith('/_')) return control(request.url, text, response)
    const modelId = decodeURIComponent(/^\/model\/([^/]+)\/converse-stream$/.exec(request.url ?? '')?.[1] ?? '')
    if (modelId === '' || request.method !== 'POST')
      return refuseWith(response, { refuse: 404, type: 'UnknownOperationException', message: '' })
    const auth = authFault(request)
    if (auth) return refuseWith(response, { refuse: 403, type: 'MissingAuthenticationTokenException', message: auth })
    const body = parse(text)
    const violation = body ? violationOf(modelId, body) : 'Malformed input request: not JSON'
    requests.push({
      modelId,
      body: body ?? {},
      headers: request.headers,
      violation,
      connection: sockets.get(request.socket) ?? 0,
      over: new Promise((resolve) => {
        response.on('close', () => resolve(response.writableFinished ? 'ended' : 'dropped'))
      }),
    })
    if (violation) return refuseWith(response, { refuse: 400, message: violation })
    const script = (byModel.get(modelId) ?? []).shift() ?? scripts.shift()
    if (script) await perform(script, response, (name) => gateOf(name).promise)
    else await converse(modelId, body!, response)
  }

  /** An answer in the order that was recorded: start, text, stop, then the counts. */
  async function converse(modelId: string, body: ConverseBody, response: ServerResponse): Promise<void> {
    openStream(response)
    response.write(eventFrame('messageStart', { role: 'assistant' }))
    const pieces = piecesOf(body, deltas)
    for (const text of pieces) {
      if (response.destroyed) return
      response.write(eventFrame('contentBlockDelta', { contentBlockIndex: 0, delta: { text } }))
      if (paceMs > 0) await sleep(paceMs)
    }
    const tokens = count(modelId, body, caches)
    const totalTokens = tokens.inputTokens + tokens.cacheReadInputTokens + tokens.cacheWriteInputTokens + pieces.length
    response.write(eventFrame('contentBlockStop', { contentBlockIndex: 0 }))
    response.write(eventFrame('messageStop', { stopReason: 'end_turn' }))
    response.end(
      eventFrame('metadata', {
        usage: { ...tokens, outputTokens: pieces.length, totalTokens },
        metrics: { latencyMs: 1 },
      }),
    )
  }

  function control(path: string, text: string, response: ServerResponse): void {
    if (path === '/_script') {
      const { model, calls } = JSON.parse(text) as { model?: string; calls: Act[][] }
      if (model) standIn.scriptFor(model, ...calls)
      else standIn.script(...calls)
    } else if (path === '/_reset') standIn.reset()
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(requests.map(({ over: _over, ...request }) => request)))
  }

  function gateOf(name: string): PromiseWithResolvers<void> {
    const gate = gates.get(name) ?? Promise.withResolvers<void>()
    gates.set(name, gate)
    return gate
  }

  const standIn: StandIn = {
    url: '',
    requests,
    connections: () => ({ open: sockets.size, total }),
    script: (...calls) => void scripts.push(...calls),
    scriptFor: (modelId, ...calls) => void byModel.set(modelId, [...(byModel.get(modelId) ?? []), ...calls]),
    open: (gate) => gateOf(gate).resolve(),
    reset() {
      gates.clear()
      requests.length = scripts.length = 0
      byModel.clear()
      caches.clear()
    },
    close() {
      for (const socket of sockets.keys()) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  standIn.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return standIn
}

/** Does one script; what a real server may do at any point, it does at any point. */
async function perform(
  acts: readonly Act[],
  response: ServerResponse,
  opened: (gate: string) => Promise<void>,
): Promise<void> {
  const sample = eventFrame('contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'damaged' } })
  for (const act of acts) {
    if (response.destroyed) return
    if ('hang' in act) return
    if ('refuse' in act) return refuseWith(response, act)
    if ('gate' in act) await opened(act.gate)
    else if ('waitMs' in act) await sleep(act.waitMs)
    else if ('cut' in act) return cut(response, act.cut)
    else {
      openStream(response)
      if ('event' in act) response.write(eventFrame(act.event, act.payload))
      else if ('exception' in act) response.write(exceptionFrame(act.exception, act.message ?? `${act.exception} text`))
      else if ('error' in act) response.write(errorFrame(act.error, act.message))
      else if ('raw' in act) response.write(Buffer.from(act.raw, 'base64'))
      else if ('partial' in act) response.write(sample.subarray(0, act.partial))
      else if ('damaged' in act) response.write(flipped(sample, act.damaged === 'prelude' ? 9 : sample.length - 10))
      else response.flushHeaders()
    }
  }
  openStream(response)
  response.end()
}

function flipped(frame: Buffer, at: number): Buffer {
  const copy = Buffer.from(frame)
  copy[at] = copy[at]! ^ 0xff
  return copy
}

/** Ends the connection, not the response: after what was written has left. */
function cut(response: ServerResponse, how: 'fin' | 'rst'): void {
  const { socket } = response
  if (how === 'fin') socket?.end()
  // Written text must have left before, or the reset overtakes it.
  else setImmediate(() => socket?.resetAndDestroy())
}

function openStream(response: ServerResponse): void {
  if (response.headersSent) return
  response.writeHead(200, {
    'content-type': 'application/vnd.amazon.eventstream',
    'x-amzn-requestid': 'd3adb33f-0000-4000-8000-000000000000',
  })
}

function refuseWith(response: ServerResponse, act: Extract<Act, { refuse: number }>): void {
  const type = act.type ?? titles[act.refuse]
  response.writeHead(act.refuse, {
    'content-type': act.body === undefined ? 'application/json' : 'text/html',
    ...(type && { 'x-amzn-errortype': `${type}:http://internal.amazon.com/coral/com.amazon.bedrock/` }),
    'x-amzn-requestid': 'd3adb33f-0000-4000-8000-000000000001',
    ...act.headers,
  })
  response.end(act.body ?? JSON.stringify({ message: act.message ?? `${type} text` }))
}

function authFault({ headers }: IncomingMessage): string | null {
  const { authorization = '' } = headers
  if (/^Bearer \S+$/.test(authorization)) return null
  const signed =
    /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/[\w-]+\/bedrock\/aws4_request, SignedHeaders=\S+, Signature=[\da-f]{64}$/
  return signed.test(authorization) && headers['x-amz-date'] ? null : 'Missing Authentication Token'
}

/** Tokens of the request, and how many of them an earlier request left in the cache up to one of its cache points. */
function count(modelId: string, { system = [], messages = [] }: ConverseBody, caches: Set<string>) {
  let prefix = modelId
  let read = 0
  let written = 0
  for (const block of [...system, ...messages.flatMap(({ role, content }) => [{ role }, ...(content ?? [])])]) {
    if (!('cachePoint' in block)) {
      prefix += textOf([block]) || JSON.stringify(block)
      continue
    }
    written = Math.ceil(prefix.length / 4)
    if (caches.has(prefix)) read = written
    caches.add(prefix)
  }
  return {
    inputTokens: Math.ceil(prefix.length / 4) - written,
    cacheReadInputTokens: read,
    cacheWriteInputTokens: written - read,
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

function parse(text: string): ConverseBody | null {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      pace: { type: 'string', default: '0' },
      deltas: { type: 'string', default: '0' },
    },
  })
  const { url } = await startBedrock({
    port: Number(values.port),
    paceMs: Number(values.pace),
    deltas: Number(values.deltas),
  })
  console.log(JSON.stringify({ url }))
}
