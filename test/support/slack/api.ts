import type { IncomingMessage, ServerResponse } from 'node:http'
import type { JsonObject } from '../../../src/types.ts'
import { readArgs } from './args.ts'
import type { Fault, Faults } from './faults.ts'
import { type Limit, type Limiter, perMinute } from './limits.ts'
import { methods } from './methods/index.ts'
import { type Context, type Method, requireScope } from './methods/method.ts'
import { type Parsed, parseRequest, readBody, SlackRefusal } from './request.ts'
import type { Install, State } from './state.ts'

/** One call of the Web API, or of a `response_url`. Times are the stand-in's clock. */
export interface Call {
  method: string
  args: JsonObject
  at: number
  endedAt?: number
  /** The workspace or organisation of the token. */
  team?: string
  token?: string
  /** What was answered; absent while it runs and when the connection was cut. */
  status?: number
  reply?: JsonObject
  /** The injected fault that hit it. */
  fault?: Fault['kind']
  /** The work was done, whatever the caller was told. */
  done: boolean
  /** The caller was told something, but the work is still to come. */
  pending?: boolean
}

export interface ApiOptions {
  state: State
  faults: Faults
  limiter: Limiter
  journal: Call[]
  /** `conversations.history` and `.replies` of distributed apps. */
  limitFor(method: string, limit: Limit | undefined): Limit | undefined
  context(): Omit<Context, 'install' | 'args' | 'files' | 'basic'>
}

export interface Answer {
  status: number
  body: JsonObject
  headers: Record<string, string>
}

/** Answers `/api/<method>`. */
export function createApi(options: ApiOptions) {
  const { state, faults, journal } = options

  async function handle(request: IncomingMessage, response: ServerResponse, name: string, query: URLSearchParams) {
    const call: Call = { method: name, args: {}, at: state.clock.now(), done: false }
    journal.push(call)
    let parsed: Parsed
    try {
      parsed = await parseRequest(request, await readBody(request), query)
    } catch (thrown) {
      if (!(thrown instanceof SlackRefusal)) return void request.socket.destroy()
      return send(response, call, answerTo(thrown))
    }
    call.args = readable(parsed.args)
    if (parsed.token) call.token = parsed.token
    const fault = faults.pick(call)
    if (fault) call.fault = fault.kind
    await carryOut(request, response, call, fault, () => work(request, name, parsed, call))
  }

  async function work(request: IncomingMessage, name: string, parsed: Parsed, call: Call): Promise<Answer> {
    try {
      const method = methods[name]
      if (!method) throw new SlackRefusal('unknown_method', { req_method: name })
      const { install, basic } = authenticate(request, method, parsed)
      if (install) call.team = install.team ?? install.enterprise ?? ''
      takeLimit(name, method, parsed, call)
      if (install && method.scope) requireScope({ install }, method.scope)
      const context: Context = {
        ...options.context(),
        install: install!,
        args: readArgs(parsed, method.args),
        files: parsed.files,
        ...(basic && { basic }),
      }
      const result = await method.run(context)
      call.done = true
      const headers: Record<string, string> = install ? { 'x-oauth-scopes': [...install.scopes].join(',') } : {}
      if (method.scope) headers['x-accepted-oauth-scopes'] = method.scope
      return { status: 200, body: { ok: true, ...result }, headers }
    } catch (thrown) {
      if (thrown instanceof SlackRefusal) return answerTo(thrown)
      throw thrown
    }
  }

  function takeLimit(name: string, method: Method, parsed: Parsed, call: Call): void {
    if (!options.context().limits) return
    const limit = options.limitFor(name, method.limit) ?? perMinute(600)
    const channel = parsed.args.channel ?? parsed.args.channel_id ?? ''
    const wait = options.limiter.take(`${name}:${call.team ?? ''}:${limit.perChannel ? String(channel) : ''}`, limit)
    if (wait > 0) throw rateLimited(wait)
  }

  function authenticate(request: IncomingMessage, method: Method, parsed: Parsed) {
    const authorization = request.headers.authorization ?? ''
    if (method.token === 'none') {
      const [user = '', password = ''] = authorization.startsWith('Basic ')
        ? Buffer.from(authorization.slice(6), 'base64').toString('utf8').split(':')
        : []
      return user ? { basic: { user, password } } : {}
    }
    if (!parsed.token) throw new SlackRefusal('not_authed')
    const { app } = options.context()
    if (method.token === 'app') {
      if (parsed.token === app.appToken) return {}
      throw new SlackRefusal(parsed.token.startsWith('xapp-') ? 'invalid_auth' : 'not_allowed_token_type')
    }
    return { install: installOf(parsed.token) }
  }

  function installOf(token: string): Install {
    const install = state.installs.find((other) => other.token === token)
    if (!install) throw new SlackRefusal(token.startsWith('xapp-') ? 'not_allowed_token_type' : 'invalid_auth')
    if (install.state === 'revoked') throw new SlackRefusal('token_revoked')
    if (install.state === 'inactive') throw new SlackRefusal('account_inactive')
    if (install.expiresAt !== undefined && state.clock.now() >= install.expiresAt)
      throw new SlackRefusal('token_expired')
    return install
  }

  /** Do the work and answer, with whatever the fault makes of both. */
  async function carryOut(
    request: IncomingMessage,
    response: ServerResponse,
    call: Call,
    fault: Fault | undefined,
    run: () => Promise<Answer>,
  ): Promise<void> {
    if (!fault) return send(response, call, await run())
    if (fault.kind === 'error') return send(response, call, answerTo(new SlackRefusal(fault.error, fault.more)))
    if (fault.kind === 'ratelimited') return send(response, call, answerTo(rateLimited(fault.retryAfter)))
    if (fault.kind === 'slow') {
      const waited = waitFor(state, fault.wait)
      const early = fault.work === 'first' ? await run() : undefined
      await waited
      return send(response, call, early ?? (await run()))
    }
    if (fault.done === true) await run()
    else if (fault.done) void later(call, fault.done, run)
    if (fault.kind === 'cut') {
      call.endedAt = state.clock.now()
      return void request.socket.destroy()
    }
    if (fault.kind === 'status')
      return send(response, call, { status: fault.status, body: {}, headers: {} }, 'upstream error')
    send(response, call, { status: 200, body: {}, headers: { 'content-type': 'text/html' } }, '<html>proxy</html>')
  }

  async function later(call: Call, wait: number | Promise<unknown>, run: () => Promise<Answer>): Promise<void> {
    call.pending = true
    await waitFor(state, wait)
    await run()
    call.pending = false
    state.changed()
  }

  function send(response: ServerResponse, call: Call, answer: Answer, raw?: string): void {
    call.endedAt = state.clock.now()
    call.status = answer.status
    if (raw === undefined) call.reply = answer.body
    response.writeHead(answer.status, {
      'content-type': 'application/json; charset=utf-8',
      'x-slack-req-id': `req-${journal.length}`,
      ...answer.headers,
    })
    response.end(raw ?? JSON.stringify(answer.body))
  }

  return { handle, carryOut }
}

export function rateLimited(seconds: number): SlackRefusal {
  return new SlackRefusal('ratelimited', {}, 429, { 'retry-after': String(seconds) })
}

function answerTo(refusal: SlackRefusal): Answer {
  return {
    status: refusal.status,
    body: { ok: false, error: refusal.error, ...refusal.more },
    headers: refusal.headers,
  }
}

async function waitFor(state: State, wait: number | Promise<unknown>): Promise<void> {
  if (typeof wait === 'number') await new Promise<void>((resolve) => void state.clock.after(wait, resolve))
  else await wait
}

/** Arguments as a test wants to look at them: JSON fields as values. */
function readable(args: JsonObject): JsonObject {
  const read: JsonObject = {}
  for (const [name, value] of Object.entries(args)) {
    read[name] = value
    if (typeof value !== 'string' || !/^[[{]/.test(value) || name === 'markdown_text' || name === 'text') continue
    try {
      read[name] = JSON.parse(value)
    } catch {
      // It stays the text it came as; the method says what is wrong with it.
    }
  }
  return read
}
