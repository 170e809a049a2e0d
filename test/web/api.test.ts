import { randomUUID } from 'node:crypto'
import { request } from 'undici'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { newId } from '../../src/ids.ts'
import { type Browser, type Site, startSite } from '../support/web.ts'

let site: Site
let ada: Browser
beforeEach(async () => {
  site = await startSite()
  ada = await site.person('ada')
})
afterEach(() => site.close())

const uuid = () => randomUUID()
const nobodys = 'AAAAAAAAAAAAAAAAbbbbbbbbbbbb'

async function answered(text = 'What is up?', more: object = {}) {
  const sent = await ada.send(text, more)
  site.chat.finish(sent.turn, { text: `You said: ${text}` })
  return sent
}

describe('conversations', () => {
  test('begin with a message, and show what was said and what waits', async () => {
    const { conversation, turn } = await ada.send('Hello\r\nthere')
    site.chat.finish(turn, { text: 'Hi' })
    const second = await ada.send('And now?', { conversation })
    site.chat.say(second.turn, 'Well')
    const open = await ada.json(`/conversations/${conversation}`)
    expect(open).toEqual({
      conversation: {
        ...{ id: conversation, title: 'Hello\nthere', titledBy: 'text', surface: 'web', direct: true, count: 2 },
        ...{ createdAt: expect.any(Number), updatedAt: expect.any(Number) },
        usage: { input: 10, output: 5, cacheRead: 0, cacheWrite: 0 },
      },
      messages: [
        { ...common(0, turn, 'user'), text: 'Hello\nthere', author: { name: 'ada', self: true } },
        {
          ...common(1, turn, 'assistant'),
          text: 'Hi',
          answer: { stop: 'end', model: 'memory', usage: { input: 10, output: 5, cacheRead: 0, cacheWrite: 0 } },
        },
      ],
      pending: [
        {
          ...{ turn: second.turn, conversation, text: 'And now?', at: expect.any(Number), surface: 'web' },
          ...{ self: true, running: true },
        },
      ],
    })
  })

  const common = (seq: number, turn: string, role: string) => ({
    seq,
    turn,
    role,
    at: expect.any(Number),
    surface: 'web',
  })

  test('are listed a page at a time, and found by their words', async () => {
    for (const word of ['alpha', 'beta', 'gamma']) await answered(`About ${word}`)
    const first = await ada.json<{ items: { title: string }[]; next: string }>('/conversations?limit=2')
    expect(first.items.map(({ title }) => title)).toEqual(['About gamma', 'About beta'])
    const rest = await ada.json<typeof first>(`/conversations?limit=2&before=${first.next}`)
    expect(rest.items.map(({ title }) => title)).toEqual(['About alpha'])
    expect(rest).not.toHaveProperty('next')
    const found = await ada.json<{ items: { snippet: string }[] }>('/conversations?q=BETA')
    expect(found.items).toHaveLength(1)
    expect(found.items[0]?.snippet).toContain('beta')
    expect((await ada.json<typeof first>('/conversations?q=%20')).items).toHaveLength(3)
  })

  test('page back to their beginning', async () => {
    const { conversation } = await answered('one')
    await answered('two', { conversation })
    await answered('three', { conversation })
    const open = await ada.json<{ messages: { seq: number }[]; before: number }>(
      `/conversations/${conversation}?limit=2`,
    )
    expect(open.messages.map(({ seq }) => seq)).toEqual([4, 5])
    expect(open.before).toBe(4)
    const older = await ada.json<typeof open>(`/conversations/${conversation}/messages?before=${open.before}&limit=3`)
    expect(older.messages.map(({ seq }) => seq)).toEqual([1, 2, 3])
    const oldest = await ada.json<typeof open>(`/conversations/${conversation}/messages?before=${older.before}`)
    expect(oldest.messages.map(({ seq }) => seq)).toEqual([0])
    expect(oldest).not.toHaveProperty('before')
  })

  test('are renamed to one clean line', async () => {
    const { conversation } = await answered()
    const response = await ada.api('PATCH', `/conversations/${conversation}`, { title: ' <b>New</b>\n\u0000name ' })
    expect(response.status).toBe(204)
    expect(await ada.json(`/conversations/${conversation}`)).toMatchObject({
      conversation: { title: '<b>New</b> name', titledBy: 'user' },
    })
    const blank = await ada.api('PATCH', `/conversations/${conversation}`, { title: ' \n ' })
    expect(blank.status).toBe(400)
  })

  test('are deleted', async () => {
    const { conversation } = await answered()
    expect((await ada.api('DELETE', `/conversations/${conversation}`)).status).toBe(204)
    expect((await ada.api('GET', `/conversations/${conversation}`)).status).toBe(404)
    expect((await ada.api('DELETE', `/conversations/${conversation}`)).status).toBe(404)
  })

  test.each([
    ['markdown', 'text/markdown; charset=utf-8', 'md'],
    ['json', 'application/json; charset=utf-8', 'json'],
  ])('are downloaded as %s, under a name that is safe anywhere', async (format, type, ending) => {
    const { conversation } = await answered('question')
    await ada.api('PATCH', `/conversations/${conversation}`, { title: '../../etc/“pass”: ünï\u202egpj.exe' })
    const response = await ada.api('GET', `/conversations/${conversation}/export?format=${format}`)
    expect(response.headers.get('content-type')).toBe(type)
    const disposition = response.headers.get('content-disposition') ?? ''
    expect(disposition).toMatch(/^attachment; filename=/)
    expect(decodeURIComponent(disposition)).toContain(`.. .. etc “pass” ünï gpj.exe.${ending}`)
    expect(await response.text()).toContain('You said: question')
  })

  test('answer 304 to whoever has them already', async () => {
    const { conversation } = await answered()
    const first = await ada.api('GET', `/conversations/${conversation}`)
    expect(first.headers.get('cache-control')).toBe('private, no-cache')
    const etag = first.headers.get('etag')!
    // `fetch` would ask for an answer past all caches.
    const again = await request(`${site.url}/api/conversations/${conversation}`, {
      headers: { 'if-none-match': etag, cookie: `chat_session=${ada.cookies.get('chat_session')?.value}` },
    })
    expect(again.statusCode).toBe(304)
    await again.body.dump()
  })

  test('show another person’s rating to nobody', async () => {
    const { conversation, turn } = await answered()
    const path = `/conversations/${conversation}/turns/${turn}/feedback`
    expect((await ada.api('PUT', path, { value: 'down', comment: ' wrong\u0000 ' })).status).toBe(204)
    const open = () => ada.json<{ messages: { rating?: object }[] }>(`/conversations/${conversation}`)
    expect((await open()).messages[1]?.rating).toEqual({ value: 'down', comment: 'wrong' })
    const { messages } = await site.chat.conversations.open((await me()).id, conversation, { limit: 2 })
    messages[1]!.rating!.user = 'somebody else'
    expect((await open()).messages[1]).not.toHaveProperty('rating')
    expect((await ada.api('PUT', path, { value: null })).status).toBe(204)
    expect(
      (await ada.api('PUT', `/conversations/${conversation}/turns/${newId()}/feedback`, { value: 'up' })).status,
    ).toBe(404)
  })

  const me = async () => (await ada.json<{ user: { id: string } }>('/me')).user
})

describe('messages', () => {
  test('are handed over as they are meant', async () => {
    const { user } = await ada.json<{ user: { id: string } }>('/me')
    const id = uuid()
    const response = await ada.api('POST', '/messages', { id, text: ' Hi\u0000 \ud83d ' })
    expect(response.status).toBe(202)
    expect(site.chat.accepted).toEqual([
      {
        ids: [`web:${user.id}:${id}`],
        sender: { surface: 'web', workspace: 'local', id: 'ada' },
        place: { surface: 'web', workspace: 'local', channel: `${user.id}:${id}`, direct: true },
        text: 'Hi \ufffd',
        sentAt: expect.any(Number),
        address: {},
        user: user.id,
      },
    ])
  })

  test('that come twice are the same message, in whichever case the id is written', async () => {
    const id = uuid()
    const [first, second] = await Promise.all([
      ada.api('POST', '/messages', { id, text: 'once' }),
      ada.api('POST', '/messages', { id: id.toUpperCase(), text: 'once' }),
    ])
    const answers = (await Promise.all([first.json(), second.json()])) as { status: string; turn: string }[]
    expect(answers.map(({ status }) => status).sort()).toEqual(['accepted', 'duplicate'])
    expect(answers[0]?.turn).toBe(answers[1]?.turn)
    expect(site.chat.accepted).toHaveLength(1)
  })

  test('that come again after their conversation is known are the same message still', async () => {
    const message = { id: uuid(), text: 'once' }
    const { conversation, turn } = await ada.send(message.text, message)
    expect(await ada.send(message.text, { ...message, conversation })).toMatchObject({ conversation, turn })
  })

  test('with the id of somebody else’s message stay one’s own', async () => {
    const id = uuid()
    const { conversation } = (await (await ada.api('POST', '/messages', { id, text: 'mine' })).json()) as {
      conversation: string
    }
    const eve = await site.person('eve')
    const theirs = (await (await eve.api('POST', '/messages', { id, text: 'theirs' })).json()) as typeof other
    const other = { status: 'accepted', conversation: expect.any(String), turn: expect.any(String) }
    expect(theirs).toEqual(other)
    expect(theirs.conversation).not.toBe(conversation)
  })

  test('ask a turn anew, with other words or the same', async () => {
    const { conversation, turn } = await answered('before')
    await ada.send('after', { conversation, replaces: turn })
    await ada.send('', { conversation, replaces: turn })
    expect(site.chat.accepted.slice(1)).toMatchObject([
      { conversation, replaces: turn, text: 'after', place: { channel: conversation } },
      { conversation, replaces: turn, text: '' },
    ])
    const nowhere = await ada.api('POST', '/messages', { id: uuid(), text: 'x', replaces: turn })
    expect(nowhere.status).toBe(400)
  })

  test('are stopped, one or all', async () => {
    const { conversation, turn } = await ada.send('one')
    await ada.send('two', { conversation })
    await ada.send('three', { conversation })
    const pending = async () =>
      (await ada.json<{ pending: unknown[] }>(`/conversations/${conversation}`)).pending.length
    expect((await ada.api('POST', `/conversations/${conversation}/stop`, { turn })).status).toBe(204)
    expect(await pending()).toBe(2)
    expect((await ada.api('POST', `/conversations/${conversation}/stop`)).status).toBe(204)
    expect(await pending()).toBe(0)
  })

  test.each([
    ['empty', '', 400, 'empty_message'],
    ['blank', ' \n\t\u0000 ', 400, 'empty_message'],
    ['too long', 'x'.repeat(1_001), 413, 'too_long'],
    ['of a megabyte', 'x'.repeat(1_000_000), 413, 'too_long'],
    ['larger than any request may be', 'x'.repeat(1_100_000), 413, 'too_large'],
  ])('are refused when they are %s', async (_, text, status, code) => {
    const response = await ada.api('POST', '/messages', { id: uuid(), text })
    expect(response.status).toBe(status)
    expect(await response.json()).toEqual({ error: { code, text: expect.any(String), retry: expect.any(Boolean) } })
    expect(site.chat.accepted).toEqual([])
  })

  test('as long as they may be are taken, whatever they are made of', async () => {
    for (const text of ['漢'.repeat(1_000), '\u202eשלום\u202c'.repeat(100), '<script>alert(1)</script>'])
      await ada.send(text)
    expect(site.chat.accepted.map(({ text }) => text.length)).toEqual([1_000, 600, 25])
  })

  test('are refused when too many wait', async () => {
    const { conversation } = await ada.send('first')
    for (let at = 1; at < 20; at++) await ada.send('next', { conversation })
    const response = await ada.api('POST', '/messages', { id: uuid(), text: 'too many', conversation })
    expect(response.status).toBe(429)
    expect(await response.json()).toMatchObject({ error: { code: 'inbox_full' } })
  })
})

describe('what is somebody else’s', () => {
  test('is not there, as what nobody has', async () => {
    const { conversation, turn } = await answered('secret')
    const eve = await site.person('eve')
    const all = (id: string): [string, string, unknown?][] => [
      ['GET', `/conversations/${id}`],
      ['GET', `/conversations/${id}/messages?before=9`],
      ['GET', `/conversations/${id}/export`],
      ['GET', `/conversations/${id}/turns/${turn}/stream`],
      ['PATCH', `/conversations/${id}`, { title: 'mine now' }],
      ['DELETE', `/conversations/${id}`],
      ['POST', `/conversations/${id}/stop`, {}],
      ['PUT', `/conversations/${id}/turns/${turn}/feedback`, { value: 'up' }],
      ['POST', '/messages', { id: uuid(), text: 'let me in', conversation: id }],
    ]
    for (const id of [conversation, nobodys]) {
      for (const [method, path, body] of all(id)) {
        const response = await eve.api(method, path, body)
        expect([method, path, response.status]).toEqual([method, path, 404])
        expect(await response.json()).toMatchObject({ error: { code: 'not_found' } })
      }
    }
    expect(await ada.json(`/conversations/${conversation}`)).toMatchObject({ conversation: { title: 'secret' } })
    expect(await eve.json('/conversations')).toEqual({ items: [] })
    expect(await eve.json('/conversations?q=secret')).toEqual({ items: [] })
  })

  test.each(['x', '..%2F..%2Fetc', 'a'.repeat(65), '%00%00%00%00%00%00%00%00%00%00%00%00', "' OR 1=1 --aaaa"])(
    'includes what cannot be an id: %s',
    async (id) => {
      expect((await ada.api('GET', `/conversations/${id}`)).status).toBe(404)
    },
  )
})

describe('requests that are not right', () => {
  test.each([
    ['malformed JSON', '{"id": ', 'application/json', 400],
    ['an array', '[]', 'application/json', 400],
    ['a bare string', '"text"', 'application/json', 400],
    ['nothing', '', 'application/json', 400],
    ['wrong types', '{"id": 7, "text": {"a": 1}}', 'application/json', 400],
    ['a wrong id', '{"id": "not-a-uuid", "text": "x"}', 'application/json', 400],
    ['a form', 'id=1&text=x', 'application/x-www-form-urlencoded', 415],
    ['plain text', '{}', 'text/plain', 415],
    ['a strange character set', '{}', 'application/json; charset=klingon', 415],
  ])('are refused with words: %s', async (_, body, type, status) => {
    const response = await ada.ask('/api/messages', {
      method: 'POST',
      headers: { 'content-type': type, 'x-csrf-token': ada.csrf },
      body,
    })
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ error: { code: 'bad_request', text: expect.stringMatching(/\.$/) } })
  })

  test('say which field is wrong, and do not repeat what was sent', async () => {
    const response = await ada.api('POST', '/messages', { id: uuid(), text: 42, conversation: '<script>' })
    const { error } = (await response.json()) as { error: { text: string } }
    expect(error.text).toContain('text: ')
    expect(error.text).toContain('conversation: ')
    expect(error.text).not.toContain('<script>')
  })

  test.each(['limit=0', 'limit=1000', 'limit=many', 'limit=5&limit=6', `q=${'x'.repeat(300)}`])(
    'are refused with words: ?%s',
    async (query) => {
      expect((await ada.api('GET', `/conversations?${query}`)).status).toBe(400)
    },
  )

  test('do not get far with a prototype', async () => {
    const body = `{"id":"${uuid()}","text":"x","__proto__":{"user":"eve"},"constructor":1}`
    const headers = { 'content-type': 'application/json', 'x-csrf-token': ada.csrf }
    expect((await ada.ask('/api/messages', { method: 'POST', headers, body })).status).toBe(202)
    expect(Object.prototype).not.toHaveProperty('user')
  })

  test('compressed bodies are refused, so that none is larger than it looks', async () => {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip', 'x-csrf-token': ada.csrf }
    expect((await ada.ask('/api/messages', { method: 'POST', headers, body: 'x' })).status).toBe(415)
  })

  test('other methods are told what there is', async () => {
    const response = await ada.api('PUT', '/me', {})
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('GET, HEAD, OPTIONS')
    const options = await ada.ask('/api/conversations/x', { method: 'OPTIONS' })
    expect(options.status).toBe(204)
    expect(options.headers.get('allow')).toBe('GET, PATCH, DELETE, HEAD, OPTIONS')
    expect(options.headers.has('access-control-allow-origin')).toBe(false)
    const head = await ada.ask('/api/me', { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
    const nowhere = await ada.api('GET', '/nothing/here')
    expect(nowhere.status).toBe(404)
    expect(await nowhere.json()).toMatchObject({ error: { code: 'not_found' } })
  })
})

describe('whoever is not signed in', () => {
  test('is told so, before anything else is looked at', async () => {
    for (const [method, path] of [
      ['GET', '/me'],
      ['GET', '/conversations'],
      ['GET', `/conversations/${nobodys}`],
      ['POST', '/messages'],
      ['DELETE', `/conversations/${nobodys}`],
    ] as const) {
      const response = await site.visitor().api(method, path)
      expect([path, response.status]).toEqual([path, 401])
      expect(await response.json()).toMatchObject({ error: { code: 'not_signed_in' } })
    }
  })
})

describe('writes', () => {
  const writes = (conversation: string, turn: string): [string, string, unknown?][] => [
    ['POST', '/messages', { id: uuid(), text: 'forged' }],
    ['PATCH', `/conversations/${conversation}`, { title: 'forged' }],
    ['DELETE', `/conversations/${conversation}`],
    ['POST', `/conversations/${conversation}/stop`, {}],
    ['PUT', `/conversations/${conversation}/turns/${turn}/feedback`, { value: 'up' }],
  ]

  test('need the token of this very session', async () => {
    const { conversation, turn } = await answered()
    const eve = await site.person('eve')
    const before = ada.csrf
    await site.person('ada')
    const other = await site.person('ada')
    for (const token of ['', 'nonsense', eve.csrf, other.csrf, `x${before}`, before.slice(0, -4)]) {
      for (const [method, path, body] of writes(conversation, turn)) {
        const response = await ada.api(method, path, body, { 'x-csrf-token': token })
        expect([path, response.status]).toEqual([path, 403])
        expect(await response.json()).toMatchObject({ error: { code: 'bad_csrf', retry: true } })
      }
    }
    expect(site.chat.accepted).toHaveLength(1)
    expect((await ada.api('POST', '/messages', { id: uuid(), text: 'mine' })).status).toBe(202)
  })

  test('are not taken from other sites, even with the token', async () => {
    const { conversation, turn } = await answered()
    const foreign: Record<string, string>[] = [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }]
    for (const headers of foreign) {
      for (const [method, path, body] of writes(conversation, turn))
        expect((await ada.api(method, path, body, headers)).status).toBe(403)
    }
  })

  test('do not even have their body read without the token', async () => {
    const response = await ada.api('POST', '/messages', { text: 'x'.repeat(1_100_000) }, { 'x-csrf-token': '' })
    expect(response.status).toBe(403)
  })
})
