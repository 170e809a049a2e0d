import type { IncomingMessage, ServerResponse } from 'node:http'
import type { JsonObject } from '../../../../src/types.ts'
import type { Fault, Faults } from '../faults.ts'
import { isObject } from '../json.ts'
import type { Budget, Limiter } from '../limits.ts'
import { splitId } from '../state.ts'
import { attachment } from './attachments.ts'
import { type Answer, badSyntax, type Call, type Operation, Refusal, refuse } from './call.ts'
import { create, member, members, pagedMembers } from './conversations.ts'
import { post, put, type Room, remove } from './messages.ts'

export interface ApiOptions extends Room {
  faults: Faults
  limiter: Limiter
  journal: Call[]
  /** What `Authorization: Bearer` must carry; without one nothing is asked. */
  token: () => string | undefined
  serviceUrl: () => string
  /** What a 429 says about when to come again. */
  retryAfter: boolean
}

interface Route {
  operation: Operation
  method: string
  path: RegExp
  budget?: Budget
}

const id = '([^/]+)'
const routes: Route[] = [
  { operation: 'create', method: 'POST', path: /^v3\/conversations\/?$/, budget: 'create' },
  { operation: 'post', method: 'POST', path: at(`conversations/${id}/activities(?:/${id})?`), budget: 'send' },
  { operation: 'put', method: 'PUT', path: at(`conversations/${id}/activities/${id}`), budget: 'send' },
  { operation: 'delete', method: 'DELETE', path: at(`conversations/${id}/activities/${id}`), budget: 'send' },
  { operation: 'members', method: 'GET', path: at(`conversations/${id}/members`), budget: 'roster' },
  { operation: 'pagedmembers', method: 'GET', path: at(`conversations/${id}/pagedmembers`), budget: 'members' },
  { operation: 'member', method: 'GET', path: at(`conversations/${id}/members/${id}`), budget: 'members' },
  { operation: 'attachment', method: 'GET', path: at(`attachments/${id}(?:/views/${id})?`) },
]

function at(rest: string): RegExp {
  return new RegExp(`^v3/${rest}$`)
}

/** The Bot Connector of Teams behind one service address. */
export function createApi(options: ApiOptions) {
  const { state, faults, limiter, journal } = options

  async function handle(request: IncomingMessage, response: ServerResponse, path: string, query: URLSearchParams) {
    const route = routes.find((each) => each.method === request.method && each.path.test(path))
    if (!route) return send(response, new Refusal(404, 'NotFound', `There is no ${request.method} ${path}`).answer())
    const [, first, second] = route.path.exec(path)!
    const call: Call = {
      operation: route.operation,
      method: route.method,
      path,
      headers: headersOf(request),
      at: state.clock.now(),
      done: false,
    }
    journal.push(call)
    const raw = await readBody(request)
    const answer = await answerTo(
      call,
      () => {
        authorize(call)
        name(call, first, second)
        if (route.method === 'POST' || route.method === 'PUT') call.body = bodyOf(request, raw)
        return route
      },
      query,
    )
    if (answer === 'cut') return void request.socket.destroy()
    call.status = answer.status
    if (answer.body !== undefined) call.answer = answer.body
    send(response, answer)
    state.changed()
  }

  async function answerTo(call: Call, read: () => Route, query: URLSearchParams): Promise<Answer | 'cut'> {
    let worked: Answer | undefined
    const work = (): Answer => {
      worked ??= attempt(() => run(call, query))
      call.done = worked.status < 300
      return worked
    }
    let route: Route | undefined
    const unread = attempt(() => {
      route = read()
      return { status: 0 }
    })
    if (!route) return unread
    const fault = faults.pick(call)
    if (fault) {
      call.fault = fault.kind
      const spoiled = await spoil(fault, work)
      if (spoiled) return spoiled
    }
    const wait = options.limits && route.budget ? limiter.take(route.budget, keyOf(call)) : 0
    return wait > 0 ? throttled(wait).answer() : work()
  }

  /** Lets a call go wrong; undefined when the work goes on after the wait. */
  async function spoil(fault: Fault, work: () => Answer): Promise<Answer | 'cut' | undefined> {
    if (fault.kind === 'slow') {
      if (fault.work === 'first') work()
      await (typeof fault.wait === 'number' ? pause(fault.wait) : fault.wait)
      return fault.work === 'first' ? work() : undefined
    }
    if (fault.done) work()
    if (fault.kind === 'cut') return 'cut'
    if (fault.kind === 'garbage')
      return { status: fault.status ?? 200, bytes: Buffer.from('<html>Bad gateway</html>'), type: 'text/html' }
    const headers: Record<string, string> =
      fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) }
    return new Refusal(fault.status, fault.code ?? 'ServiceError', fault.message ?? 'Service error.', {
      headers,
    }).answer()
  }

  const pause = (ms: number): Promise<void> => new Promise((resolve) => void state.clock.after(ms, resolve))

  function name(call: Call, first: string | undefined, second: string | undefined): void {
    if (first !== undefined && call.operation !== 'attachment') call.conversation = decode(first)
    if (call.operation === 'attachment') call.activity = decode(first!)
    else if (second !== undefined) call.activity = decode(second)
  }

  function authorize(call: Call): void {
    const token = options.token()
    if (token === undefined) return
    if (call.headers.authorization !== `Bearer ${token}`)
      throw new Refusal(401, 'Unauthorized', 'Authorization has been denied for this request.')
  }

  function keyOf(call: Call): string {
    return call.conversation === undefined ? 'new' : splitId(call.conversation).chat
  }

  function throttled(wait: number): Refusal {
    const seconds = String(Math.ceil(wait / 1000))
    return refuse('throttled', options.retryAfter ? { 'retry-after': seconds } : {})
  }

  function run(call: Call, query: URLSearchParams): Answer {
    const { conversation = '', activity = '', body = {} } = call
    switch (call.operation) {
      case 'post':
        return post(options, conversation, body)
      case 'put':
        return put(options, conversation, activity, body)
      case 'delete':
        return remove(options, conversation, activity)
      case 'create':
        return create(options, body, options.serviceUrl())
      case 'members':
        return members(state, conversation)
      case 'pagedmembers':
        return pagedMembers(state, conversation, query)
      case 'member':
        return member(state, conversation, activity)
      default:
        return attachment(state, activity, /\/views\/([^/]+)$/.exec(call.path)?.[1])
    }
  }

  return { handle }
}

function attempt(work: () => Answer): Answer {
  try {
    return work()
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown.answer()
    throw thrown
  }
}

/** Ids stand encoded in an address; `;messageid=` bare would be a parameter of the path. */
function decode(segment: string): string {
  if (segment.includes(';')) throw badSyntax('The id in the address is not encoded')
  try {
    return decodeURIComponent(segment)
  } catch {
    throw badSyntax('The id in the address is not encoded')
  }
}

function bodyOf(request: IncomingMessage, raw: Buffer): JsonObject {
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? ''))
    throw new Refusal(415, 'UnsupportedMediaType', 'The body must be application/json')
  try {
    const body: unknown = JSON.parse(raw.toString('utf8'))
    if (isObject(body)) return body
  } catch {
    // Told below.
  }
  throw badSyntax('The body is no JSON object')
}

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export function headersOf(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(request.headers).map(([key, value]) => [key, String(value)]))
}

export function send(response: ServerResponse, answer: Answer): void {
  const bytes = answer.bytes ?? (answer.body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(answer.body)))
  const type = answer.type ?? (answer.body === undefined ? undefined : 'application/json; charset=utf-8')
  response.writeHead(answer.status, { ...answer.headers, ...(type && { 'content-type': type }) }).end(bytes)
}
