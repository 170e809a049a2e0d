import { isValidSlackRequest } from '@slack/bolt'
import express, {
  type ErrorRequestHandler,
  type Request,
  type RequestHandler,
  type Response,
  type Router,
} from 'express'
import type { Log } from '../../src/types.ts'
import type { Intake, Reaction } from './receiver.ts'

/**
 * `POST /slack/events`: events, commands and interactions. Must be mounted where no body was read before: the signature is
 * over the body as it came.
 */
export function eventRoutes(options: {
  signingSecret: string
  intake: Intake
  limits: { bodyBytes: number; skewMs: number }
  now(): number
  log: Log
}): Router {
  const { signingSecret, intake, limits, now, log } = options

  function isSigned(request: Request, body: string): boolean {
    const signature = request.get('x-slack-signature')
    const timestamp = Number(request.get('x-slack-request-timestamp') ?? Number.NaN)
    // Bolt looks for old ones alone; one from the future would stay good for as long as it is ahead.
    if (!signature || Number.isNaN(timestamp) || timestamp * 1000 > now() + limits.skewMs) return false
    const headers = { 'x-slack-signature': signature, 'x-slack-request-timestamp': timestamp }
    return isValidSlackRequest({ signingSecret, body, headers, nowMilliseconds: now() })
  }

  const take: RequestHandler = async (request, response) => {
    const raw = Buffer.isBuffer(request.body) ? request.body.toString('utf8') : ''
    const signed = isSigned(request, raw)
    // Slack checks its connection without a signature; nothing of such a request is used.
    if (!signed && isSslCheck(request, raw)) return send(response, { status: 200 })
    if (!signed) {
      log.warn(
        { ip: request.ip },
        'a request to Slack’s address was not signed by Slack (is SLACK_SIGNING_SECRET right?)',
      )
      return send(response, { status: 401 })
    }
    const body = parse(request, raw)
    if (!body) return send(response, { status: 400 })
    const num = Number(request.get('x-slack-retry-num') ?? 0)
    const reason = request.get('x-slack-retry-reason')
    send(response, await intake.take(body, { ...(num > 0 && { num }), ...(reason && { reason }) }))
  }

  const failed: ErrorRequestHandler = (error: { status?: number }, _request, response, next) => {
    if (response.headersSent) return next(error)
    // Too large, cut off, or of an encoding that Slack does not use.
    send(response, { status: error.status ?? 500 })
  }

  const router = express.Router()
  router.post('/slack/events', express.raw({ type: () => true, limit: limits.bodyBytes, inflate: false }), take, failed)
  return router
}

function send(response: Response, { status, body }: Reaction): void {
  response.status(status)
  if (body === undefined) response.end()
  else if (typeof body === 'string') response.type('text/plain').end(body)
  else response.json(body)
}

/** JSON, or a form with fields or with JSON in one; a proxy may have added a charset to either type. */
function parse(request: Request, raw: string): Record<string, unknown> | null {
  try {
    const form = isForm(request) ? Object.fromEntries(new URLSearchParams(raw)) : undefined
    const parsed: unknown = form && form.payload === undefined ? form : JSON.parse(form?.payload ?? raw)
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}

function isForm(request: Request): boolean {
  return /^application\/x-www-form-urlencoded\b/i.test(request.get('content-type') ?? '')
}

function isSslCheck(request: Request, raw: string): boolean {
  return isForm(request) && new URLSearchParams(raw).get('ssl_check') === '1'
}
