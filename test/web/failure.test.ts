import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Fault } from '../../src/errors.ts'
import { type Browser, breakable, commonPassword, eventually, type Site, startSite } from '../support/web.ts'

let store: Site
let site: Site
let ada: Browser
let broken: { now: boolean }
beforeEach(async () => {
  store = await startSite()
  const guarded = breakable(store.ports)
  broken = guarded.broken
  site = await startSite({ ports: guarded.ports })
  ada = await site.person('ada')
})
afterEach(async () => {
  await site.close()
  await store.close()
})

describe('while the store is gone', () => {
  test('everybody is told so in words and stays signed in', async () => {
    const { conversation } = await ada.send('Before')
    broken.now = true
    for (const path of ['/', `/c/${conversation}`, '/login']) {
      const response = await ada.get(path)
      expect([path, response.status]).toEqual([path, 503])
      expect(response.headers.get('retry-after')).toBe('5')
      expect(response.headers.getSetCookie()).toEqual([])
      const html = await response.text()
      expect(html).toContain('cannot reach its storage')
      expect(html).toContain('stylesheet')
    }
    const calls: [string, string, unknown?][] = [
      ['GET', '/me'],
      ['GET', '/conversations'],
      ['GET', `/conversations/${conversation}/turns/turnturnturn/stream`],
      ['POST', '/messages', { id: randomUUID(), text: 'x' }],
    ]
    for (const [method, path, body] of calls) {
      const response = await ada.api(method, path, body)
      expect([path, response.status]).toEqual([path, 503])
      expect(await response.json()).toEqual({
        error: { code: 'store_unavailable', text: expect.stringContaining('storage'), retry: true },
      })
    }
    expect(site.chat.accepted).toHaveLength(1)

    broken.now = false
    expect((await ada.get('/')).status).toBe(200)
  })

  test('nobody is signed in or out by mistake', async () => {
    const visitor = site.visitor()
    await visitor.page('/login')
    broken.now = true
    const signIn = await visitor.form('/login', { username: 'ada', password: commonPassword })
    expect(signIn.status).toBe(503)
    expect(visitor.cookies.has('chat_session')).toBe(false)
    expect((await ada.form('/logout', {})).status).toBe(503)
    broken.now = false
    expect((await ada.api('GET', '/me')).status).toBe(200)
    expect((await visitor.form('/login', { username: 'ada', password: commonPassword })).status).toBe(303)
  })

  test('what needs no store is there', async () => {
    broken.now = true
    for (const path of ['/docs', '/openapi.json', '/healthz']) expect((await site.visitor().get(path)).status).toBe(200)
  })
})

describe('when the store fails in the middle of a request', () => {
  test('a message that was not stored is not acknowledged, and can be sent again as it is', async () => {
    const message = { id: randomUUID(), text: 'Important' }
    site.chat.fault = new Fault('store_unavailable')
    expect((await ada.api('POST', '/messages', message)).status).toBe(503)
    site.chat.fault = null
    const again = await ada.api('POST', '/messages', message)
    expect(await again.json()).toMatchObject({ status: 'accepted' })
    expect(site.chat.accepted).toHaveLength(1)
  })

  test('the page of a form says so', async () => {
    await ada.page('/')
    site.chat.fault = new Fault('store_unavailable')
    const response = await ada.form('/chat', { id: randomUUID(), message: 'Important' })
    expect(response.status).toBe(503)
    expect(await response.text()).toContain('cannot reach its storage')
  })

  test('a session that cannot be prolonged costs nobody their answer', async () => {
    let now = Date.now()
    const guarded = breakable(store.ports)
    const other = await startSite({ ports: guarded.ports, now: () => now })
    const browser = await other.person('grace')
    now += 3_600_000 / 2
    const { list } = other.chat.conversations
    other.chat.conversations.list = (...query) => {
      guarded.broken.now = true
      return list(...query)
    }
    expect((await browser.api('GET', '/conversations')).status).toBe(200)
    await eventually(() => other.lines.map(({ text }) => text)).toContain('a session could not be prolonged')
    guarded.broken.now = false
    expect((await browser.api('GET', '/me')).status).toBe(200)
    await other.close()
  })

  test('a defect is ours: no word of it gets out, all of it is logged', async () => {
    site.chat.conversations.list = () => {
      throw new TypeError('cannot read properties of hunter2')
    }
    const response = await ada.api('GET', '/conversations')
    expect(response.status).toBe(500)
    const text = await response.text()
    expect(text).not.toContain('hunter2')
    expect(JSON.parse(text)).toMatchObject({ error: { code: 'internal', retry: true } })
    expect(site.lines.find(({ level }) => level === 'error')?.fields).toMatchObject({
      err: { message: expect.stringContaining('hunter2') },
      request: expect.any(String),
    })
  })

  test('a download that breaks does not look whole', async () => {
    const { conversation } = await ada.send('Question')
    const { export: exported } = site.chat.conversations
    site.chat.conversations.export = async () =>
      (async function* () {
        yield 'the first part'
        throw new Fault('store_unavailable')
      })()
    const path = `/conversations/${conversation}/export`
    await expect(ada.api('GET', path).then((response) => response.text())).rejects.toThrow()
    site.chat.conversations.export = async () =>
      (async function* (): AsyncIterable<string> {
        yield* []
        throw new Fault('store_unavailable')
      })()
    const response = await ada.api('GET', path)
    expect([response.status, await response.json()]).toMatchObject([503, { error: { code: 'store_unavailable' } }])
    site.chat.conversations.export = exported
  })
})
