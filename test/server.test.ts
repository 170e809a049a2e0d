import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import express, { type Router } from 'express'
import { afterEach, describe, expect, test } from 'vitest'
import { Fault } from '../src/errors.ts'
import { createServer, type Server, type ServerConfig } from '../src/server.ts'
import { quietLog } from './support/log.ts'

const open: Server[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close(100)))
})

interface Options {
  config?: Partial<ServerConfig>
  routes?: Router[]
  ready?: () => Promise<{ ok: boolean; reasons: string[] }>
  token?: string
}

async function start({ config, routes = [], ready, token }: Options = {}) {
  const log = quietLog()
  const server = createServer({
    config: { host: '127.0.0.1', port: 0, basePath: '', production: false, trustProxy: false, ...config },
    log,
    health: { ready: ready ?? (async () => ({ ok: true, reasons: [] })) },
    metrics: { text: async () => 'turns_total 1\n', contentType: 'text/plain; version=0.0.4', ...(token && { token }) },
    routes,
  })
  open.push(server)
  const { url, port } = await server.listen()
  return { server, url, port, lines: log.lines }
}

function routerOf(add: (router: Router) => void): Router {
  const router = express.Router()
  add(router)
  return router
}

/** Whatever the server says on a raw connection until it ends it. */
async function raw(port: number, ...pieces: string[]): Promise<{ socket: Socket; ended: Promise<string> }> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.on('error', () => {}) // A reset is an end as well.
  const ended = new Promise<string>((resolve) => socket.once('close', () => resolve(text)))
  await once(socket, 'connect')
  for (const piece of pieces) socket.write(piece)
  return { socket, ended }
}

describe('for operators', () => {
  test('is alive as long as it answers, and ready as long as it can work', async () => {
    let reasons: string[] = []
    const { url } = await start({ ready: async () => ({ ok: reasons.length === 0, reasons }) })
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: 'ok' })
    expect((await fetch(`${url}/readyz`)).status).toBe(200)

    reasons = ['store: cannot be reached']
    const response = await fetch(`${url}/readyz`)
    expect(response.status).toBe(503)
    expect(await response.json()).toEqual({ status: 'not ready', reasons })
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })

  test('is not ready when the look itself fails', async () => {
    const { url } = await start({ ready: () => Promise.reject(new Error('no route to host')) })
    expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: 'not ready', reasons: ['no route to host'] })
  })

  test('keeps its own addresses at the root when the rest is in a sub-path', async () => {
    const page = routerOf((router) => router.get('/', (_request, response) => void response.send('page')))
    const { url } = await start({ config: { basePath: '/bot' }, routes: [page] })
    const root = new URL(url).origin
    expect(url).toBe(`${root}/bot`)
    expect((await fetch(`${root}/healthz`)).status).toBe(200)
    expect(await (await fetch(`${url}/`)).text()).toBe('page')
    const response = await fetch(`${root}/`, { redirect: 'manual' })
    expect(response.headers.get('location')).toBe('/bot/')
  })

  test('gives metrics to whoever has the token', async () => {
    const { url } = await start({ token: 'scraper' })
    expect((await fetch(`${url}/metrics`)).status).toBe(401)
    expect((await fetch(`${url}/metrics`, { headers: { authorization: 'Bearer scraped' } })).status).toBe(401)
    const response = await fetch(`${url}/metrics`, { headers: { authorization: 'Bearer scraper' } })
    expect(response.headers.get('content-type')).toContain('version=0.0.4')
    expect(await response.text()).toBe('turns_total 1\n')
  })

  test('takes nothing but GET there', async () => {
    const { url } = await start()
    const response = await fetch(`${url}/healthz`, { method: 'POST' })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('GET, HEAD')
    expect((await fetch(`${url}/healthz`, { method: 'HEAD' })).status).toBe(200)
  })
})

describe('requests', () => {
  test('are one line each, with their id and without their query', async () => {
    const { url, lines } = await start()
    const response = await fetch(`${url}/nowhere?q=what+I+look+for`)
    const id = response.headers.get('x-request-id')
    expect(id).toMatch(/^[\w-]{20,}$/)
    await expect.poll(() => lines.filter(({ text }) => text === 'request'), { timeout: 20_000 }).toHaveLength(1)
    expect(lines[0]).toMatchObject({
      level: 'info',
      fields: { request: id, method: 'GET', path: '/nowhere', status: 404 },
    })
    expect(JSON.stringify(lines)).not.toContain('look')
  })

  test('keep the id of a proxy that is trusted, and of nobody else', async () => {
    const headers = { 'x-request-id': 'from-the-proxy' }
    const { url: trusting } = await start({ config: { trustProxy: 1 } })
    const { url: careful } = await start()
    expect((await fetch(`${trusting}/x`, { headers })).headers.get('x-request-id')).toBe('from-the-proxy')
    expect((await fetch(`${careful}/x`, { headers })).headers.get('x-request-id')).not.toBe('from-the-proxy')
    const odd = { 'x-request-id': 'with spaces and "quotes"' }
    expect((await fetch(`${trusting}/x`, { headers: odd })).headers.get('x-request-id')).not.toContain(' ')
  })

  test('reach routers with their bodies untouched', async () => {
    const raws: string[] = []
    const signed = routerOf((router) =>
      router.post('/events', express.raw({ type: '*/*' }), (request, response) => {
        raws.push(String(request.body))
        response.sendStatus(200)
      }),
    )
    const { url } = await start({ routes: [routerOf(() => {}), signed] })
    const body = '{ "spaces" :  "matter to a signature" }'
    await fetch(`${url}/events`, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
    expect(raws).toEqual([body])
  })
})

describe('failures', () => {
  const failing = routerOf((router) => {
    router.get('/defect', () => {
      throw new Error('secret detail of postgres://user:hunter2@db')
    })
    router.get('/fault', () => {
      throw new Fault('store_unavailable', { cause: new Error('ECONNREFUSED 10.0.0.7') })
    })
    router.get('/late', (_request, response) => {
      response.write('half an answer')
      throw new Error('too late')
    })
    router.get('/own', () => {
      throw Object.assign(new Fault('bad_request'), { status: 405, headers: { Allow: 'PUT' } })
    })
    router.post('/json', express.json({ limit: 100 }), (request, response) => void response.json(request.body))
  })

  test('of ours are told without what they are', async () => {
    const { url, lines } = await start({ routes: [failing] })
    const response = await fetch(`${url}/defect`, { headers: { accept: 'text/html' } })
    expect(response.status).toBe(500)
    const html = await response.text()
    expect(html).toContain('Something went wrong on our side')
    expect(html).not.toContain('hunter2')
    expect(lines.find(({ level }) => level === 'error')?.fields).toHaveProperty('err')
  })

  test('are JSON for whoever asks for it', async () => {
    const { url } = await start({ routes: [failing] })
    const response = await fetch(`${url}/fault`, { headers: { accept: 'application/json' } })
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('5')
    expect(await response.json()).toEqual({
      error: { code: 'store_unavailable', text: expect.stringContaining('storage'), retry: true },
    })
  })

  test('may bring a status and headers of their own', async () => {
    const { url } = await start({ routes: [failing] })
    const response = await fetch(`${url}/own`)
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('PUT')
  })

  test('in the middle of an answer break it off, so that it does not look whole', async () => {
    const { url } = await start({ routes: [failing] })
    await expect(fetch(`${url}/late`).then((response) => response.text())).rejects.toThrow()
  })

  test.each([
    ['malformed', '{"a":', 400, 'bad_request'],
    ['too large', JSON.stringify('a'.repeat(200)), 413, 'too_large'],
  ])('of the client are told as such: %s JSON', async (_, body, status, code) => {
    const { url } = await start({ routes: [failing] })
    const headers = { 'content-type': 'application/json', accept: 'application/json' }
    const response = await fetch(`${url}/json`, { method: 'POST', body, headers })
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ error: { code } })
  })

  test('of addresses are pages as well', async () => {
    const { url } = await start()
    expect((await fetch(`${url}/%E0%A4%A`)).status).toBe(404)
    const response = await fetch(`${url}/<script>alert(1)</script>`)
    expect(response.status).toBe(404)
    expect(await response.text()).not.toContain('<script>')
  })
})

describe('headers', () => {
  test('allow nothing but our own scripts and styles, no framing, no pictures from elsewhere', async () => {
    const { url } = await start()
    const { headers } = await fetch(`${url}/`)
    const policy = headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self'")
    expect(policy).toContain("style-src 'self'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toMatch(/unsafe|\*|https?:/)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('referrer-policy')).toBe('same-origin')
    expect(headers.has('x-powered-by')).toBe(false)
    expect(headers.has('strict-transport-security')).toBe(false)
  })

  test('keep to TLS in production', async () => {
    const { url } = await start({ config: { production: true } })
    expect((await fetch(`${url}/`)).headers.get('strict-transport-security')).toBe('max-age=15552000')
  })
})

describe('compression', () => {
  const texts = routerOf((router) => {
    router.get('/long', (_request, response) => void response.type('html').send('word '.repeat(1000)))
    router.get(
      '/events',
      (_request, response) => void response.type('text/event-stream').end('data: x\n\n'.repeat(500)),
    )
  })

  test('is for pages and not for event streams', async () => {
    const { url } = await start({ routes: [texts] })
    const headers = { 'accept-encoding': 'br, gzip' }
    expect((await fetch(`${url}/long`, { headers })).headers.get('content-encoding')).toBe('br')
    expect((await fetch(`${url}/events`, { headers })).headers.has('content-encoding')).toBe(false)
  })
})

describe('clients that mean no good', () => {
  const limits = { headersMs: 150, requestMs: 300, checkMs: 50, headerBytes: 4_096 }
  const reading = routerOf((router) =>
    router.post('/body', express.text(), (request, response) => void response.json(request.body)),
  )

  test('who send their headers byte by byte are cut off', async () => {
    const { port } = await start({ config: { limits } })
    const { socket, ended } = await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\n')
    const drip = setInterval(() => socket.write('X-A: b\r\n'), 20)
    expect(await ended).toContain('408')
    clearInterval(drip)
  })

  test('who send their body byte by byte are cut off', async () => {
    const { port } = await start({ config: { limits }, routes: [reading] })
    const head = 'POST /body HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\n'
    const { socket, ended } = await raw(port, head)
    const drip = setInterval(() => socket.write('x'), 20)
    expect(await ended).toContain('408')
    clearInterval(drip)
  })

  test('who flood with headers are refused, and others are served', async () => {
    const { port, url } = await start({ config: { limits } })
    const flood = Array.from({ length: 500 }, (_, at) => `X-Flood-${at}: ${'a'.repeat(50)}\r\n`)
    const { ended } = await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\n', ...flood, '\r\n')
    expect(await ended).toContain('431')
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })

  test('who speak no HTTP are told so', async () => {
    const { port } = await start()
    const { ended } = await raw(port, 'HELO mail.example.com\r\n\r\n')
    expect(await ended).toContain('400')
  })

  test('an answer that takes longer than a request may is not cut off', async () => {
    let finish = (): void => {}
    const slow = routerOf((router) =>
      router.get('/slow', (_request, response) => {
        response.write('begun, ')
        finish = () => response.end('done')
      }),
    )
    const { url } = await start({ config: { limits: { headersMs: 500, requestMs: 600, checkMs: 20 } }, routes: [slow] })
    const response = await fetch(`${url}/slow`)
    // The end of a request that is cut off is the sign that the limits have been looked at since.
    const { port } = new URL(url)
    const { ended } = await raw(Number(port), 'GET / HTTP/1.1\r\n')
    await ended
    finish()
    expect(await response.text()).toBe('begun, done')
  })
})

describe('the end', () => {
  test('lets running requests finish, takes nothing new, and says so to load balancers', async () => {
    let finish = (): void => {}
    const slow = routerOf((router) =>
      router.get('/slow', (_request, response) => {
        finish = () => response.end('done')
        response.flushHeaders()
      }),
    )
    const { server, url, port } = await start({ routes: [slow] })
    // A connection that stands already may still ask.
    const { socket, ended } = await raw(port, 'GET /healthz HTTP/1.1\r\nHost: a\r\n')
    const running = await fetch(`${url}/slow`)
    const closed = server.close(10_000)
    socket.write('\r\n')
    expect(await ended).toMatch(/connection: close/i)
    await expect(fetch(`${url}/healthz`)).rejects.toThrow()
    finish()
    expect(await running.text()).toBe('done')
    await closed
  })

  test('does not wait longer than the grace period', async () => {
    const stuck = routerOf((router) => router.get('/stuck', (_request, response) => response.flushHeaders()))
    const { server, url } = await start({ routes: [stuck] })
    const response = await fetch(`${url}/stuck`)
    await server.close(20)
    await expect(response.text()).rejects.toThrow()
  })
})

test('says plainly what keeps it from listening', async () => {
  const { port } = await start()
  await expect(start({ config: { port } })).rejects.toThrow(`Port ${port} is taken already`)
  await expect(start({ config: { host: '192.0.2.1' } })).rejects.toThrow('set HOST')
})
