import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { beforeAll, describe, expect, it } from 'vitest'
import type { RunningApp } from '../support/app.ts'
import { service } from '../support/service.ts'
import { Browser } from '../support/web.ts'

describe('to those who mean no good, the real app', () => {
  const own = service({ shared: true })
  let app: RunningApp
  let owner: Browser
  let other: Browser
  let theirs: { conversation: string; turn: string }
  beforeAll(async () => {
    app = await own.run()
    owner = await own.signedIn(app, 'admin')
    other = await own.signedIn(app, 'user')
    theirs = await owner.send('What nobody else may read')
    await own.answered(owner, theirs.conversation, 2)
  })

  /** Sends bytes as they are; all that comes back until the server closes. */
  function raw(...pieces: string[]): Promise<string> {
    return new Promise((resolve) => {
      let text = ''
      const socket = connect(app.port, '127.0.0.1', () => {
        for (const piece of pieces) socket.write(piece)
      })
      socket.on('data', (data) => {
        text += data
      })
      socket.on('error', () => {})
      socket.on('close', () => resolve(text))
    })
  }

  it('says of another person’s conversation exactly what it says of none', async () => {
    const { conversation, turn } = theirs
    const none = `${conversation.slice(0, -4)}AAAA`
    const calls: [string, (id: string) => string, unknown?][] = [
      ['GET', (id) => `/conversations/${id}`],
      ['GET', (id) => `/conversations/${id}/messages?before=10`],
      ['GET', (id) => `/conversations/${id}/export?format=json`],
      ['GET', (id) => `/conversations/${id}/turns/${turn}/stream`],
      ['PATCH', (id) => `/conversations/${id}`, { title: 'Mine now' }],
      ['DELETE', (id) => `/conversations/${id}`],
      ['POST', (id) => `/conversations/${id}/stop`, {}],
      ['PUT', (id) => `/conversations/${id}/turns/${turn}/feedback`, { value: 'down' }],
    ]
    for (const [method, path, body] of calls) {
      const answers = await Promise.all(
        [conversation, none].map(async (id) => {
          const response = await other.api(method, path(id), body)
          return [response.status, await response.text()]
        }),
      )
      expect(answers[0], `${method} ${path('…')}`).toEqual(answers[1])
      expect(answers[0]?.[0]).toBe(404)
    }
    for (const message of [{}, { replaces: turn }]) {
      const into = { id: randomUUID(), text: 'Let me in', conversation, ...message }
      expect((await other.api('POST', '/messages', into)).status).toBe(404)
    }
    expect((await other.get(`/c/${conversation}`)).status).toBe(404)
    const forms: Record<string, Record<string, string>> = {
      rename: { title: 'Mine' },
      delete: {},
      stop: {},
      [`turns/${turn}/feedback`]: { value: 'down' },
    }
    for (const [form, fields] of Object.entries(forms))
      expect((await other.form(`/c/${conversation}/${form}`, fields)).status).toBe(404)
    const found = await other.json<{ items: unknown[] }>('/conversations?q=nobody')
    expect(found.items).toEqual([])
    const { messages, conversation: after } = await own.opened(owner, conversation)
    expect(messages).toHaveLength(2)
    expect(after.title).not.toContain('Mine')
  })

  it('takes no write without the token of the very session', async () => {
    const message = () => ({ id: randomUUID(), text: 'Not sent by me' })
    const before = own.bedrock.requests.length
    for (const token of ['', 'x', other.csrf.slice(0, -1), owner.csrf]) {
      expect((await other.api('POST', '/messages', message(), { 'x-csrf-token': token })).status).toBe(403)
      expect((await other.form('/chat', { ...message(), message: 'x', _csrf: token })).status).toBe(403)
      expect((await other.form('/logout', { _csrf: token })).status).toBe(403)
    }
    const foreign: Record<string, string>[] = [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }]
    for (const from of foreign) expect((await other.api('POST', '/messages', message(), from)).status).toBe(403)
    expect(own.bedrock.requests).toHaveLength(before)
    expect((await other.api('GET', '/me')).status).toBe(200)
  })

  it('knows a cookie no more after its sign-out, and one that was tampered with never', async () => {
    const browser = await own.signedIn(app)
    const { value } = browser.cookies.get('chat_session')!
    const { csrf } = browser
    expect((await browser.form('/logout', {})).status).toBe(303)
    const thief = new Browser(app.url)
    thief.csrf = csrf
    const another = owner.cookies.get('chat_session')!.value
    const [id = '', signature = ''] = [value.split('.')[0], another.split('.')[1]]
    for (const cookie of [
      value,
      `${id}.${signature}`,
      id,
      another.slice(0, -2),
      's%3A',
      '%',
      'j%3A%7B%7D',
      'x'.repeat(5_000),
    ]) {
      thief.cookies.set('chat_session', { value: cookie, attributes: '' })
      expect((await thief.api('GET', '/me')).status).toBe(401)
      expect((await thief.api('POST', '/messages', { id: randomUUID(), text: 'x' })).status).toBe(401)
    }
    expect((await owner.api('GET', '/me')).status).toBe(200)
  })

  it('says what is wrong with a request, and does not fall over it', async () => {
    const send = (body: string, type = 'application/json') =>
      other.ask('/api/messages', {
        method: 'POST',
        headers: { 'content-type': type, 'x-csrf-token': other.csrf },
        body,
      })
    const id = randomUUID()
    const faulty: [number, string, string?][] = [
      [400, ''],
      [400, '{'],
      [400, 'null'],
      [400, '"text"'],
      [400, '[]'],
      [400, '{}'],
      [400, JSON.stringify({ id, text: null })],
      [400, JSON.stringify({ id, text: ['a'] })],
      [400, JSON.stringify({ id, text: { toString: 'a' } })],
      [400, JSON.stringify({ id: 1, text: 'a' })],
      [400, JSON.stringify({ id, text: 'a', conversation: '../../etc/passwd' })],
      [400, JSON.stringify({ id, text: 'a', replaces: { $gt: '' } })],
      [400, JSON.stringify({ id, text: ' \n\u0000' })],
      [400, `{"id":"${id}","__proto__":{"text":"a"}}`],
      [400, '['.repeat(500_000)],
      [400, `{"a":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`],
      [413, JSON.stringify({ id, text: 'a'.repeat(32_001) })],
      [413, JSON.stringify({ id, text: 'a'.repeat(1024 * 1024) })],
      [413, JSON.stringify({ id, text: 'a'.repeat(20 * 1024 * 1024) })],
      [415, JSON.stringify({ id, text: 'a' }), 'text/plain'],
      [415, 'id=1&text=a', 'application/x-www-form-urlencoded'],
      [415, JSON.stringify({ id, text: 'a' }), 'application/json; charset=iso-8859-1'],
    ]
    for (const [status, body, type] of faulty) {
      const response = await send(body, type)
      expect([response.status, body.slice(0, 80)]).toEqual([status, body.slice(0, 80)])
      expect(await response.json()).toMatchObject({ error: { text: expect.stringMatching(/^[A-Z].+\.$/) } })
    }
    for (const path of ['?limit=0', '?limit=x', '?limit=1e9', `?q=${'a'.repeat(201)}`, '?before=%00nonsense'])
      expect([path, (await other.api('GET', `/conversations${path}`)).status]).toEqual([path, 400])
    for (const path of ['/c/%ff', '/c/..%2f..', '/%00', '/assets/x/..%2f..%2fpackage.json', '/c/__proto__'])
      expect([400, 404]).toContain((await other.get(path)).status)
  })

  it('reads no body that goes on for ever', async () => {
    const cookie = `chat_session=${other.cookies.get('chat_session')?.value}`
    const head = `POST /api/messages HTTP/1.1\r\nHost: a\r\nCookie: ${cookie}\r\nX-CSRF-Token: ${other.csrf}\r\nContent-Type: application/json\r\n`
    const chunk = `10000\r\n${'a'.repeat(0x10000)}\r\n`
    const answer = await raw(
      `${head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n`,
      ...Array(20).fill(chunk),
      '0\r\n\r\n',
    )
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(await raw(`${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 400 /,
    )
  })

  it('cuts off those who flood it with headers or never finish them, and serves others meanwhile', async () => {
    const slow = raw('GET / HTTP/1.1\r\nHost: a\r\n')
    expect(await raw('GET / HTTP/1.1\r\nHost: a\r\n', 'X-Flood: a\r\n'.repeat(5_000))).toMatch(/^HTTP\/1\.1 431 /)
    expect((await fetch(`${app.url}/healthz`)).status).toBe(200)
    expect(await slow).toMatch(/^HTTP\/1\.1 408 /)
  })

  it('has nothing to complain of afterwards', async () => {
    expect(app.process.exitCode).toBeNull()
    expect(app.lines.filter(({ level }) => level === 'error')).toEqual([])
    expect(app.output).toEqual([])
  })
})
