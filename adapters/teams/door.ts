import express, { type ErrorRequestHandler, type RequestHandler, type Response, type Router } from 'express'
import { Fault, messageOf } from '../../src/errors.ts'
import type { Log } from '../../src/types.ts'
import { type Activity, activitySchema, tenantOf } from './activity.ts'
import { allowedTenantsOf, isLoopback, isTrusted, type Limits, type TeamsConfig } from './config.ts'
import { KeysUnavailable, type Tokens } from './tokens.ts'

/** What happens to what was let in. `status` goes out with an empty body: Teams takes any other answer as a fault. */
export interface Intake {
  /** Resolves when it is safe to acknowledge. */
  take(activity: Activity): Promise<void>
  /** Answered within the request. */
  invoke(activity: Activity): Promise<number>
  /** Somebody of an organisation that may not; authenticated all the same. */
  refused(activity: Activity): void
}

/**
 * `POST /api/messages`. The token is looked at before a byte of the body is read, and whoever has none learns nothing: not
 * even whether the rest was right.
 */
export function createDoor(options: {
  config: TeamsConfig
  limits: Limits
  /** Null in the anonymous mode. */
  tokens: Tokens | null
  intake: Intake
  log: Log
}): Router {
  const { config, limits, tokens, intake, log } = options
  const tenants = allowedTenantsOf(config)

  const authenticate: RequestHandler = async (request, response, next) => {
    // The web page writes to an address of the same name, with a header of its own that nobody else's page can send.
    if (request.get('x-csrf-token') !== undefined && request.get('authorization') === undefined) return next('router')
    try {
      if (tokens) response.locals.serviceUrl = (await tokens.verify(request.get('authorization'))).serviceUrl
      else if (!isLocal(request)) return refuse(response, 401, 'not from this machine')
    } catch (thrown) {
      // Nobody knows whether it is good: Teams shall bring it again.
      if (thrown instanceof KeysUnavailable) {
        log.error({ reason: thrown.message }, 'a request from Teams could not be checked')
        return end(response, 503)
      }
      return refuse(response, 401, messageOf(thrown))
    }
    next()
  }

  const admit: RequestHandler = async (request, response) => {
    const parsed = activitySchema.safeParse(request.body)
    const body = request.body as { channelId?: unknown; serviceUrl?: unknown } | undefined
    if (tokens) {
      // The token is for Teams and for one service URL; a body that says otherwise does not belong to it.
      if (body?.channelId !== 'msteams') {
        const known = typeof body?.channelId === 'string'
        return refuse(response, known ? 401 : 400, 'another channel')
      }
      if (body.serviceUrl !== response.locals.serviceUrl) return refuse(response, 401, 'another service URL')
    }
    if (!parsed.success) return refuse(response, 400, 'no activity')
    const activity = parsed.data
    if (activity.channelId !== 'msteams') return refuse(response, 403, 'another channel')
    if (!isTrusted(activity.serviceUrl ?? '', config)) return refuse(response, 403, 'a foreign service URL')
    const tenant = tenantOf(activity)
    if (tokens && !(tenant && tenants.includes(tenant))) {
      intake.refused(activity)
      return refuse(response, 403, 'a tenant that may not')
    }
    if (activity.type === 'invoke') return end(response, await intake.invoke(activity))
    if (!activity.id && activity.type.startsWith('message')) return refuse(response, 400, 'no id')
    await intake.take(activity)
    end(response, 202)
  }

  const failed: ErrorRequestHandler = (thrown: unknown, _request, response, next) => {
    if (response.headersSent) return next(thrown)
    const { status } = thrown as { status?: unknown }
    // The body: too large, cut off, no JSON, or of an unknown encoding.
    if (typeof status === 'number' && status >= 400 && status < 500) return refuse(response, status, 'the body')
    if (thrown instanceof Fault && (thrown.code === 'store_unavailable' || thrown.code === 'draining')) {
      log.warn({ code: thrown.code }, 'not acknowledged, so that Teams brings it again')
      return end(response, 503)
    }
    log.error({ err: thrown }, 'an activity could not be handled')
    end(response, 500)
  }

  function refuse(response: Response, status: number, reason: string): void {
    log.warn({ ip: response.req.ip, status, reason }, 'a request to the bot’s address was refused')
    end(response, status)
  }

  const json = express.json({ limit: limits.bodyBytes, type: () => true, inflate: false })
  const router = express.Router()
  router.post('/api/messages', authenticate, json, admit, failed)
  return router
}

function end(response: Response, status: number): void {
  response.status(status).end()
}

/** A browser that was led here by a strange page says where it comes from, or under which name it knows us. */
function isLocal(request: Parameters<RequestHandler>[0]): boolean {
  if (!isLoopback(request.socket.remoteAddress ?? '') || request.get('origin') || request.get('x-forwarded-for'))
    return false
  const host = request.get('host') ?? ''
  return isLoopback(host.replace(/:\d+$/, ''))
}
