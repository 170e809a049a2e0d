import { EnvHttpProxyAgent, request } from 'undici'
import { SlackError } from './errors.ts'

/** One call of the Web API over HTTP, and nothing more: no queue, no retry. */
export type Send = (method: string, token: string, args: Record<string, unknown>, timeoutMs: number) => Promise<Result>

export type Result = { ok: true; scopes?: string } & Record<string, unknown>

/**
 * Slack's own client prints every request into log lines that nobody reads and queues what need not wait, which costs
 * more than all the rest of a turn; so the calls are made here. Form-encoded with JSON in the fields, as it does it.
 */
export interface Http {
  send: Send
  /** Answer through the address that came with a command or a button. */
  respond(url: string, body: Record<string, unknown>): Promise<void>
  /** What is on its way is cut off. */
  close(): Promise<void>
}

export function createHttp(apiUrl: string, timeoutMs: number): Http {
  const base = apiUrl.endsWith('/') ? apiUrl : `${apiUrl}/`
  const apiHost = new URL(base).hostname
  // Heeds HTTPS_PROXY and NO_PROXY.
  const dispatcher = new EnvHttpProxyAgent({ connections: 256 })

  const send: Send = async (method, token, args, timeoutMs) => {
    let response: Awaited<ReturnType<typeof request>>
    let text: string
    const patience = patienceOf(timeoutMs)
    try {
      response = await request(base + method, {
        method: 'POST',
        dispatcher,
        signal: patience.signal,
        headers: {
          ...(token && { authorization: `Bearer ${token}` }),
          'content-type': 'application/x-www-form-urlencoded',
          accept: 'application/json',
        },
        body: encode(args),
      })
      text = await response.body.text()
    } catch (thrown) {
      throw new SlackError(method, 'unreachable', {
        outcome: neverSent(thrown) ? 'not done' : 'unknown',
        cause: thrown,
      })
    } finally {
      patience.end()
    }
    const { statusCode, headers } = response
    if (statusCode === 429) {
      const seconds = Number(headers['retry-after'])
      // Without a number, a second is the least that Slack ever asks for.
      throw new SlackError(method, 'ratelimited', { retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : 1000 })
    }
    // A server that fails may have done its work before.
    if (statusCode !== 200) throw new SlackError(method, `http_${statusCode}`, { outcome: 'unknown' })
    const result = parse(method, text)
    if (result.ok !== true) throw new SlackError(method, String(result.error ?? 'unknown_error'))
    const scopes = headers['x-oauth-scopes']
    return { ...result, ok: true, ...(typeof scopes === 'string' && { scopes }) }
  }
  async function respond(url: string, body: Record<string, unknown>): Promise<void> {
    if (!isSlacks(url, apiHost)) throw new SlackError('response_url', 'refused')
    let status: number
    const patience = patienceOf(timeoutMs)
    try {
      const response = await request(url, {
        method: 'POST',
        dispatcher,
        signal: patience.signal,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      status = response.statusCode
      await response.body.dump()
    } catch (thrown) {
      throw new SlackError('response_url', 'unreachable', {
        outcome: neverSent(thrown) ? 'not done' : 'unknown',
        cause: thrown,
      })
    } finally {
      patience.end()
    }
    if (status >= 500) throw new SlackError('response_url', `http_${status}`, { outcome: 'unknown' })
    // Its half hour or its five uses are over, or it does not like what it got.
    if (status !== 200) throw new SlackError('response_url', 'refused')
  }

  return { send, respond, close: () => dispatcher.destroy() }
}

/** `AbortSignal.timeout` would go off for every call, long after it is over, and make an error that nobody sees. */
function patienceOf(ms: number): { signal: AbortSignal; end(): void } {
  const aborter = new AbortController()
  const timer = setTimeout(() => aborter.abort(), ms).unref()
  return { signal: aborter.signal, end: () => clearTimeout(timer) }
}

const slackDomain = /(?:^|\.)slack(?:-gov)?\.com$/

/** Where to answer comes with a request: to Slack (or what stands in for it), and to nowhere else. */
function isSlacks(url: string, apiHost: string): boolean {
  const parsed = URL.parse(url)
  if (!slackDomain.test(apiHost)) return parsed?.hostname === apiHost
  return parsed?.protocol === 'https:' && slackDomain.test(parsed.hostname)
}

function parse(method: string, text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null) return parsed as Record<string, unknown>
  } catch {
    // Told below.
  }
  throw new SlackError(method, 'no_json', { outcome: 'unknown' })
}

function encode(args: Record<string, unknown>): string {
  const parts: string[] = []
  for (const [key, value] of Object.entries(args)) {
    if (value === undefined || value === null) continue
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
    parts.push(`${key}=${encodeURIComponent(text.toWellFormed())}`)
  }
  return parts.join('&')
}

const beforeSending = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** The connection was never made, so nothing can have been done. */
function neverSent(thrown: unknown): boolean {
  const code = (thrown as { code?: unknown } | null)?.code
  return typeof code === 'string' && beforeSending.has(code)
}
