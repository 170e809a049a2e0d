import { createHash, timingSafeEqual } from 'node:crypto'
import express, { type Request, type RequestHandler, type Response, type Router } from 'express'
import { messageOf } from '../errors.ts'

export interface Health {
  /** Whether it can do its work; the reasons are for operators and have no secret in them. */
  ready(): Promise<{ ok: boolean; reasons: string[] }>
}

export interface MetricsText {
  text(): string | Promise<string>
  contentType: string
  /** What a scraper must send as `Authorization: Bearer ...`, if anything. */
  token?: string
}

/** A store that does not answer must not make the probe hang as well. */
const readyMs = 3_000

/** For load balancers and scrapers, at the root whatever the base path: they come past the proxy. */
export function operatorRoutes(options: { health: Health; metrics?: MetricsText; draining(): boolean }): Router {
  const { health, metrics } = options
  const router = express.Router()
  const get = (path: string, handle: (request: Request, response: Response) => unknown) =>
    router
      .route(path)
      .all(quiet)
      .get(async (request, response) => void (await handle(request, response)))
      .all((request, response) => {
        response.set('Allow', 'GET, HEAD').sendStatus(request.method === 'OPTIONS' ? 204 : 405)
      })

  get('/healthz', (_request, response) => response.json({ status: 'ok' }))
  get('/readyz', async (_request, response) => {
    const { ok, reasons } = options.draining() ? { ok: false, reasons: ['shutting down'] } : await ready(health)
    response.status(ok ? 200 : 503).json(ok ? { status: 'ok' } : { status: 'not ready', reasons })
  })
  if (metrics) {
    get('/metrics', async (request, response) => {
      if (metrics.token && !bears(request, metrics.token)) {
        response.set('WWW-Authenticate', 'Bearer').sendStatus(401)
        return
      }
      response.type(metrics.contentType).send(await metrics.text())
    })
  }
  return router
}

const quiet: RequestHandler = (_request, response, next) => {
  response.locals.quiet = true
  response.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' })
  next()
}

async function ready(health: Health): Promise<{ ok: boolean; reasons: string[] }> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<{ ok: boolean; reasons: string[] }>((resolve) => {
    timer = setTimeout(resolve, readyMs, { ok: false, reasons: [`no answer within ${readyMs / 1000} s`] })
  })
  try {
    return await Promise.race([health.ready(), late])
  } catch (thrown) {
    return { ok: false, reasons: [messageOf(thrown)] }
  } finally {
    clearTimeout(timer)
  }
}

function bears(request: Request, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(request.get('authorization') ?? ''), digest(`Bearer ${token}`))
}
