import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import compression from 'compression'
import express, { type Express, type Request, type Response, type Router } from 'express'
import helmet from 'helmet'
import { createErrorPages } from './server/errors.ts'
import { type Health, type MetricsText, operatorRoutes } from './server/operator.ts'
import { requestLog } from './server/requests.ts'
import type { Log } from './types.ts'

export interface ServerConfig {
  host: string
  /** 0 takes any free one. */
  port: number
  /** '' or '/bot'. */
  basePath: string
  production: boolean
  /** In Express' terms: whose `X-Forwarded-*` headers to believe. Never "everyone's". */
  trustProxy: false | number | readonly string[]
  /** A folder of EJS views, `views/` of this project by default. */
  views?: string
  /** For tests; see `usualLimits` for what holds otherwise. */
  limits?: Partial<typeof usualLimits>
}

export interface Server {
  app: Express
  /** Resolves when it listens; rejects in plain words, with the system's own error as the cause. */
  listen(): Promise<{ port: number; url: string }>
  /**
   * Accept nothing new and let running requests finish; after `graceMs` cut what is left. Event streams never finish by
   * themselves: close the surfaces first.
   */
  close(graceMs: number): Promise<void>
}

/** Against slow clients and floods. Answers may take as long as they like: only requests are timed. */
const usualLimits = {
  /** Until all headers have come; from the first byte of the connection. */
  headersMs: 10_000,
  /** Until all of the body has come: 1 MB over a poor mobile line takes about 20 s. */
  requestMs: 60_000,
  /** Longer than the idle time of common load balancers (60 s), so that they never write into a closing socket. */
  keepAliveMs: 65_000,
  /** A socket on which nothing moves in either direction; event streams send a comment far more often. */
  silentMs: 180_000,
  /** How often the first two are looked at. */
  checkMs: 2_000,
  /** All headers together; past it: 431. */
  headerBytes: 16 * 1024,
}

/**
 * The HTTP server all surfaces share. Routers are mounted under the base path and get requests untouched: no body is
 * read before them, because Slack and Teams sign raw bodies. A router that sets `res.locals.base` and
 * `res.locals.assets` gets the designed error page for whatever fails after it.
 */
export function createServer(options: {
  config: ServerConfig
  log: Log
  health: Health
  metrics?: MetricsText
  routes: Router[]
}): Server {
  const { config, log } = options
  const state = { draining: false }
  const app = express()
  configure(app, config)
  app.use(requestLog({ log, trusted: config.trustProxy !== false, draining: () => state.draining }))
  app.use(operatorRoutes({ health: options.health, metrics: options.metrics, draining: () => state.draining }))
  app.use(securityHeaders(config.production))
  app.use(compression({ filter: compressible }))
  for (const router of options.routes) app.use(config.basePath || '/', router)
  if (config.basePath) app.get('/', (_request, response) => response.redirect(302, `${config.basePath}/`))
  const pages = createErrorPages({ basePath: config.basePath, log })
  app.use(pages.notFound)
  app.use(pages.failed)
  return { app, ...connections(app, config, state) }
}

function configure(app: Express, config: ServerConfig): void {
  app.disable('x-powered-by')
  app.set('trust proxy', typeof config.trustProxy === 'object' ? [...config.trustProxy] : config.trustProxy)
  // Nested objects in a query are nothing we use and much that can go wrong.
  app.set('query parser', 'simple')
  app.set('views', config.views ?? fileURLToPath(new URL('../views', import.meta.url)))
  app.set('view engine', 'ejs')
  app.set('view cache', config.production)
}

function securityHeaders(production: boolean) {
  const self = ["'self'"]
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: self,
        styleSrc: self,
        fontSrc: self,
        connectSrc: self,
        manifestSrc: self,
        formAction: self,
        // No pictures from elsewhere: a model that was talked into it could send a conversation away in their address.
        imgSrc: ["'self'", 'data:'],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // Browsers heed it over TLS alone.
    strictTransportSecurity: production && { maxAge: 15_552_000, includeSubDomains: false },
    // With `no-referrer` browsers send `Origin: null` with our own forms, and we look at that header.
    referrerPolicy: { policy: 'same-origin' },
    xFrameOptions: { action: 'deny' },
  })
}

/** A compressed event stream would sit in the compressor's buffer. */
function compressible(request: Request, response: Response): boolean {
  const type = String(response.getHeader('content-type') ?? '')
  return !type.startsWith('text/event-stream') && compression.filter(request, response)
}

function connections(app: Express, config: ServerConfig, state: { draining: boolean }): Omit<Server, 'app'> {
  const limit = { ...usualLimits, ...config.limits }
  const server = createHttpServer(
    {
      headersTimeout: limit.headersMs,
      requestTimeout: limit.requestMs,
      keepAliveTimeout: limit.keepAliveMs,
      connectionsCheckingInterval: limit.checkMs,
      maxHeaderSize: limit.headerBytes,
    },
    app,
  )
  server.timeout = limit.silentMs

  return {
    listen: () =>
      new Promise((resolve, reject) => {
        const refused = (cause: Error) => reject(listenFailure(cause, config))
        server.once('error', refused)
        server.listen(config.port, config.host, () => {
          server.off('error', refused)
          const { port } = server.address() as AddressInfo
          resolve({ port, url: `http://${hostInUrl(config.host)}:${port}${config.basePath}` })
        })
      }),
    close: (graceMs) =>
      new Promise((resolve) => {
        state.draining = true
        // A connection that becomes idle after `close` would be kept for as long as its keep-alive lasts.
        const idle = setInterval(() => server.closeIdleConnections(), 100)
        const grace = setTimeout(() => server.closeAllConnections(), graceMs)
        server.close(() => {
          clearInterval(idle)
          clearTimeout(grace)
          resolve()
        })
      }),
  }
}

/** For whoever starts it: what is in the way, and what to set. */
function listenFailure(cause: NodeJS.ErrnoException, { port, host }: ServerConfig): Error {
  const reasons: Record<string, string> = {
    EADDRINUSE: `Port ${port} is taken already: stop what listens there, or set PORT to another one.`,
    EACCES: `This user may not listen on port ${port}: set PORT to one above 1023.`,
    EADDRNOTAVAIL: `This machine has no address ${host}: set HOST to one of its own.`,
    ENOTFOUND: `No address is known for ${host}: set HOST to an address of this machine.`,
  }
  return new Error(reasons[cause.code ?? ''] ?? `Cannot listen on ${host}:${port}: ${cause.message}`, { cause })
}

/** An address that a person can click: one that means "all of them" is nowhere to go. */
function hostInUrl(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}
