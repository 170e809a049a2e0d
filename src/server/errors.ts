import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express'
import { asFault, Fault, type FaultCode, notice } from '../errors.ts'
import type { Log, Notice } from '../types.ts'

/** The status of each fault that may end a request. */
const statuses: Partial<Record<FaultCode, number>> = {
  inbox_full: 429,
  store_unavailable: 503,
  internal: 500,
  draining: 503,
  refused_guest: 403,
  refused_inactive: 403,
  refused_disabled: 403,
  refused_workspace: 403,
  sign_in_declined: 400,
  sign_in_over: 400,
  sign_in_failed: 400,
  not_found: 404,
  on_hold: 409,
  not_oneself: 409,
  last_admin: 409,
  last_identity: 409,
  own_link_code: 400,
  link_code: 400,
  shared: 409,
  bad_request: 400,
  bad_limit: 400,
  empty_message: 400,
  too_long: 413,
  too_large: 413,
  not_signed_in: 401,
  bad_csrf: 403,
  too_many_attempts: 429,
  bad_login: 401,
}

/**
 * What ends a request. A `Fault` has the status of its code unless it carries a `status` of its own; so do the errors of
 * Express and its parsers, whose texts are not for people. `headers` are sent along.
 */
interface Thrown {
  status?: number
  headers?: Record<string, string>
}

interface Failure {
  status: number
  notice: Notice
  headers: Record<string, string>
}

export function createErrorPages(options: { basePath: string; log: Log }): {
  notFound: RequestHandler
  failed: ErrorRequestHandler
} {
  const api = `${options.basePath}/api/`
  return {
    notFound: (_request, _response, next) => next(new Fault('not_found')),
    failed: (thrown: unknown, request, response, _next) => {
      const failure = failureOf(thrown)
      const log: Log = response.locals.log ?? options.log
      if (failure.status === 500) log.error({ err: thrown }, 'a request failed')
      else if (failure.status > 500) log.warn({ code: failure.notice.code, err: thrown }, 'a request failed')
      // Too late for words; what was sent must not look whole.
      if (response.headersSent) response.destroy()
      else answer(request, response, failure, api)
    },
  }
}

function failureOf(thrown: unknown): Failure {
  const { status, headers } = (thrown ?? {}) as Thrown
  const isClients = typeof status === 'number' && status >= 400 && status < 500
  if (!(thrown instanceof Fault) && isClients) {
    return {
      status,
      notice: notice(status === 413 ? 'too_large' : status === 404 ? 'not_found' : 'bad_request'),
      headers: {},
    }
  }
  const fault = asFault(thrown)
  return {
    status: (fault === thrown && status) || statuses[fault.code] || 503,
    notice: fault.notice,
    headers: (fault === thrown && headers) || {},
  }
}

function answer(request: Request, response: Response, failure: Failure, api: string): void {
  const { status, notice } = failure
  response.status(status).set(failure.headers).set('Cache-Control', 'no-store').vary('Accept')
  // Whatever was to be sent had its own type and length.
  for (const name of ['Content-Type', 'Content-Length', 'Content-Disposition', 'ETag']) response.removeHeader(name)
  if (status === 503) response.set('Retry-After', '5')
  if (request.originalUrl.startsWith(api) || request.accepts(['html', 'json']) === 'json') {
    response.json({ error: notice })
    return
  }
  if (!response.locals.assets) {
    response.send(plainPage(status, notice))
    return
  }
  response.render('error', { status, notice }, (cause: Error | null, html: string) => {
    if (cause) response.locals.log?.error({ err: cause }, 'the error page failed')
    response.send(cause ? plainPage(status, notice) : html)
  })
}

/** For what fails before a surface with pages of its own had a look. */
function plainPage(status: number, { text }: Notice): string {
  const escaped = text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${status}</title><h1>${status}</h1><p>${escaped}</p></html>\n`
}
