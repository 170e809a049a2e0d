import express, { type IRoute, type Request, type RequestHandler, type Response, type Router } from 'express'
import type { z } from 'zod'
import { Fault, type FaultCode } from '../../src/errors.ts'
import type { Accounts } from './accounts.ts'
import { isCsrfToken, refuseForeignOrigin } from './csrf.ts'
import { isApi, isWrite, type Person, type Route } from './route.ts'

/** A fault with a status of its own, where its code alone does not tell. The server reads `status` and `headers`. */
function refusal(status: number, code: FaultCode, text: string, headers: Record<string, string> = {}): Fault {
  return Object.assign(new Fault(code, { text }), { status, headers })
}

export interface RouterParts {
  basePath: string
  routes: Route[]
  /** Puts the session, if there is one, on the request. */
  session: RequestHandler
  accounts: Accounts
  bodyBytes: number
  /** For every view. */
  locals: object
}

/**
 * Every request takes the same way: session, who is it, where does it come from, body, token, is it well formed. Bodies
 * are read as late as that, and only here: other surfaces on the same server need theirs raw.
 */
export function createRouter(parts: RouterParts): Router {
  const router = express.Router()
  router.use((_request, response, next) => {
    Object.assign(response.locals, parts.locals)
    next()
  })
  const json = express.json({ limit: parts.bodyBytes, inflate: false, strict: true })
  const form = express.urlencoded({ limit: parts.bodyBytes, inflate: false, extended: false, parameterLimit: 20 })
  const people = new WeakMap<Request, Person>()

  const identify: RequestHandler = async (request, response, next) => {
    const { user: id, identity, csrf } = request.session
    if (!id || !identity || !csrf) return next()
    const user = await parts.accounts.current({ user: id, identity })
    if (user) {
      people.set(request, { user, identity, session: { id: request.sessionID, csrf } })
      response.locals.user = user.id
      return next()
    }
    // Switched off (or a demo user whose time is over): the session ends with them.
    request.session.destroy((error) => next(error))
  }

  const demandSignIn = (route: Route): RequestHandler => {
    return (request, response, next) => {
      if (people.has(request)) next()
      else if (isApi(route)) next(new Fault('not_signed_in'))
      else {
        const next = isWrite(route) ? '' : `?next=${encodeURIComponent(request.originalUrl)}`
        response.redirect(303, `${parts.basePath}/login${next}`)
      }
    }
  }

  const guarded = (guard: NonNullable<Route['guard']>): RequestHandler => {
    return async (request, _response, next) => {
      await guard(people.get(request)!)
      next()
    }
  }

  const demandToken = (route: Route): RequestHandler => {
    return (request, _response, next) => {
      const person = people.get(request)
      const token = isApi(route) ? request.get('x-csrf-token') : request.body?._csrf
      next(person && isCsrfToken(token, person.session.csrf) ? undefined : new Fault('bad_csrf'))
    }
  }

  const perform = (route: Route): RequestHandler => {
    return async (request, response) => {
      const call = {
        request,
        response,
        params: checked(route.params, request.params, () => new Fault('not_found')),
        query: checked(route.query, request.query, malformed),
        body: checked(route.body, request.body ?? {}, malformed),
      }
      await route.handle(call, people.get(request) ?? null)
    }
  }

  function steps(route: Route): RequestHandler[] {
    const readBody = isApi(route) ? [demandType('json'), json] : [demandType('urlencoded'), form]
    const token = isWrite(route) && route.access === 'people' ? [demandToken(route)] : []
    return [
      isApi(route) ? apiHeaders : pageHeaders,
      ...(route.access === 'anyone' ? [] : [parts.session, identify]),
      ...(route.access === 'people' ? [demandSignIn(route)] : []),
      ...(route.guard ? [guarded(route.guard)] : []),
      ...(isWrite(route) ? [sameSite] : []),
      // The token of the API is a header: without it, not a byte of the body is read.
      ...(isApi(route) ? token : []),
      ...(route.body ? readBody : []),
      ...(isApi(route) ? [] : token),
      perform(route),
    ]
  }

  for (const path of new Set(parts.routes.map((route) => route.path))) {
    const here = parts.routes.filter((route) => route.path === path)
    const mounted: IRoute = router.route(path)
    for (const route of here) mounted[route.method](...steps(route))
    mounted.all(otherMethod(here))
  }
  return router
}

/** Answers of the API may be kept by the browser but not used unasked; their ETag makes asking cheap. */
const apiHeaders: RequestHandler = (_request, response, next) => {
  response.set('Cache-Control', 'private, no-cache')
  next()
}

/** Pages are not kept: after a sign-out, the way back must not show them. */
const pageHeaders: RequestHandler = (_request, response, next) => {
  response.set('Cache-Control', 'no-store')
  next()
}

const sameSite: RequestHandler = (request, _response, next) => {
  refuseForeignOrigin(request)
  next()
}

const demandType = (type: 'json' | 'urlencoded'): RequestHandler => {
  const name = type === 'json' ? 'application/json' : 'application/x-www-form-urlencoded'
  return (request, _response, next) => {
    const matches = request.get('content-length') === '0' || request.is(type) !== false
    next(matches ? undefined : refusal(415, 'bad_request', `This request could not be understood: send ${name}.`))
  }
}

const otherMethod = (routes: Route[]): RequestHandler => {
  const methods = routes.map((route) => route.method.toUpperCase())
  const allow = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ')
  return (request: Request, response: Response, next) => {
    if (request.method === 'OPTIONS') response.set('Allow', allow).status(204).end()
    else next(refusal(405, 'bad_request', `This address does not take ${request.method}.`, { Allow: allow }))
  }
}

function checked(schema: z.ZodType | undefined, value: unknown, refuse: (error: z.ZodError) => Fault): unknown {
  if (!schema) return undefined
  const result = schema.safeParse(value)
  if (!result.success) throw refuse(result.error)
  return result.data
}

/** Says what is wrong where, without repeating what was sent. */
function malformed(error: z.ZodError): Fault {
  const faults = error.issues
    .slice(0, 3)
    .map(({ path, message }) => `${path.map(String).join('.') || 'body'}: ${message}`)
  return new Fault('bad_request', { text: `This request could not be understood. ${faults.join('; ')}.` })
}
