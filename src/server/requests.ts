import type { RequestHandler } from 'express'
import { newId } from '../ids.ts'
import type { Log } from '../types.ts'

const idShape = /^[\w-]{8,64}$/

/**
 * Gives each request an id (the proxy's, where proxies are trusted), puts it and a log with it into `res.locals`, and
 * writes one line when it is over. Paths are logged without their query, which may hold what somebody searches for.
 */
export function requestLog(options: { log: Log; trusted: boolean; draining(): boolean }): RequestHandler {
  return (request, response, next) => {
    const began = performance.now()
    const given = options.trusted ? request.get('x-request-id') : undefined
    const id = given && idShape.test(given) ? given : newId()
    const log = options.log.child({ request: id })
    response.locals.log = log
    response.locals.request = id
    response.setHeader('X-Request-Id', id)
    if (options.draining()) response.setHeader('Connection', 'close')
    const { method, path } = request
    response.once('close', () => {
      const { user } = response.locals
      const line = {
        method,
        path: path.slice(0, 200),
        status: response.statusCode,
        ms: Math.round(performance.now() - began),
        ...(user && { user }),
        ...(!response.writableFinished && { aborted: true }),
      }
      if (response.statusCode >= 500) log.warn(line, 'request')
      else if (response.locals.quiet) log.debug(line, 'request')
      else log.info(line, 'request')
    })
    next()
  }
}
