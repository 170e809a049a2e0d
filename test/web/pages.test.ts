import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createMemoryChat } from '../support/chat.ts'
import { type Browser, eventually, type Site, type SiteOptions, startSite } from '../support/web.ts'

const sites: Site[] = []
let site: Site
let ada: Browser
beforeEach(async () => {
  site = await start({ chat: createMemoryChat({ answer: (text) => `You said: ${text}` }) })
  ada = await site.person('ada')
})
afterEach(async () => {
  await Promise.all(sites.splice(0).map((one) => one.close()))
})

async function start(options?: SiteOptions): Promise<Site> {
  const started = await startSite(options)
  sites.push(started)
  return started
}

/** Send the form of a page as a browser without scripts does: with what its hidden fields say. */
async function send(browser: Browser, path: string, message: string): Promise<Response> {
  const html = await browser.page(path)
  const form = /<form[^>]*id="composer"[\s\S]*?<\/form>/.exec(html)![0]
  const hidden = [...form.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g)].map(([, name, value]) => [
    name,
    value,
  ])
  return browser.form('/chat', { ...Object.fromEntries(hidden), message })
}

const where = (response: Response): string => response.headers.get('location') ?? ''

describe('without scripts', () => {
  test('a message is sent, waits for its answer and leads to its conversation', async () => {
    const response = await send(ada, '/', 'Hello\r\nyou')
    expect(response.status).toBe(303)
    expect(where(response)).toMatch(/^\/c\/[\w-]{28}$/)
    const html = await ada.page(where(response))
    expect(html).toContain('You said: Hello')
    const again = await send(ada, where(response), 'And then?')
    expect(where(again)).toBe(where(response))
    expect(await ada.page(where(again))).toContain('You said: And then?')
  })

  test('a form of nothing but a message will do', async () => {
    await ada.page('/')
    const sent = await ada.form('/chat', { message: 'Question' })
    expect([sent.status, sent.headers.get('location')]).toEqual([303, expect.stringMatching(/^\/c\//)])
  })

  test('a form that is sent twice is one message', async () => {
    await ada.page('/')
    const fields = { id: randomUUID(), message: 'once' }
    const [first, second] = await Promise.all([ada.form('/chat', fields), ada.form('/chat', fields)])
    expect(where(first)).toBe(where(second))
    expect(site.chat.accepted).toHaveLength(1)
  })

  test('an answer that takes too long is no failure: the conversation shows that it is on its way', async () => {
    const slow = await start({ web: { limits: { answerMs: 10 } } })
    const browser = await slow.person()
    const response = await send(browser, '/', 'Slow one')
    expect(response.status).toBe(303)
    expect(await browser.page(where(response))).toContain('Slow one')
    expect(slow.chat.watchers()).toBe(0)
  })

  test('whoever waits when the service ends is let go', async () => {
    const slow = await start()
    const browser = await slow.person()
    const waiting = send(browser, '/', 'Slow one')
    await eventually(() => slow.chat.watchers()).toBe(1)
    slow.web.close()
    expect((await waiting).status).toBe(303)
  })

  test('conversations are renamed, rated, stopped and deleted', async () => {
    const conversation = where(await send(ada, '/', 'Question'))
    const { turn } = (await ada.json<{ messages: { turn: string }[] }>(`/conversations/${conversation.slice(3)}`))
      .messages[0]!
    const answers = [
      await ada.form(`${conversation}/rename`, { title: 'A better name' }),
      await ada.form(`${conversation}/turns/${turn}/feedback`, { value: 'up', comment: '' }),
      await ada.form(`${conversation}/stop`, { turn: '' }),
    ]
    expect(answers.map((response) => [response.status, where(response)])).toEqual(
      answers.map(() => [303, conversation]),
    )
    expect(await ada.json(`/conversations/${conversation.slice(3)}`)).toMatchObject({
      conversation: { title: 'A better name' },
      messages: [{}, { rating: { value: 'up' } }],
    })
    await ada.form(`${conversation}/turns/${turn}/feedback`, { value: '' })
    expect(JSON.stringify(await ada.json(`/conversations/${conversation.slice(3)}`))).not.toContain('rating')
    const deleted = await ada.form(`${conversation}/delete`, {})
    expect([deleted.status, where(deleted)]).toEqual([303, '/'])
    expect((await ada.get(conversation)).status).toBe(404)
  })

  test('the list is searched, and long ones and long conversations are paged', async () => {
    for (let at = 0; at < 32; at++) await ada.send(`Topic number ${at}`)
    const first = await ada.page('/')
    expect(first).toContain('Topic number 31')
    expect(first).not.toContain('Topic number 0<')
    const more = /href="([^"]*list=[^"]*)"/.exec(first)![1]!.replaceAll('&amp;', '&')
    expect(await ada.page(more)).toContain('Topic number 0')
    const found = await ada.page('/?q=NUMBER+7')
    expect(found).toContain('Topic number 7')
    expect(found).not.toContain('Topic number 8')

    const { conversation } = await ada.send('Message 0')
    for (let at = 1; at < 30; at++) await ada.send(`Message ${at}`, { conversation })
    const newest = await ada.page(`/c/${conversation}`)
    expect(newest).toContain('You said: Message 29')
    expect(newest).not.toContain('You said: Message 4<')
    const older = new RegExp(`href="(/c/${conversation}\\?before=\\d+)"`).exec(newest)![1]!
    expect(await ada.page(older)).toContain('You said: Message 4')
  })

  test.each(['limit', 'before=x', 'before=-1', 'q=a&q=b', 'list=a&list=b', `q=${'x'.repeat(500)}`])(
    'nonsense in an address is left aside: ?%s',
    async (query) => {
      expect((await ada.get(`/?${query}`)).status).toBe(200)
    },
  )
})

describe('what cannot be sent', () => {
  test.each([
    ['empty', '  \r\n ', 400, 'The message is empty'],
    ['too long', 'x'.repeat(1_001), 413, 'too long'],
  ])('is told on the page: %s', async (_, message, status, words) => {
    const conversation = where(await send(ada, '/', 'Before'))
    const response = await send(ada, conversation, message)
    expect(response.status).toBe(status)
    const html = await response.text()
    expect(html).toContain(words)
    expect(html).toContain('You said: Before')
  })

  test('is told on the page: too many wait', async () => {
    const full = await start({ chat: createMemoryChat({ maxWaiting: 1 }) })
    const browser = await full.person()
    const { conversation } = await browser.send('Waits')
    const response = await send(browser, `/c/${conversation}`, 'One too many')
    expect(response.status).toBe(429)
    expect(await response.text()).toContain('many messages waiting')
  })

  test.each([
    ['a strange id', { message: 'x', id: '1' }, 400],
    ['a missing message', { id: randomUUID() }, 400],
    ['a strange conversation', { message: 'x', id: randomUUID(), conversation: 'x' }, 400],
    ['a foreign conversation', { message: 'x', id: randomUUID(), conversation: 'A'.repeat(28) }, 404],
    ['too much', { message: 'x'.repeat(1_100_000), id: randomUUID() }, 413],
    ['too many fields', Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`field${at}`, 'x'])), 413],
  ])('gets an error page: %s', async (_, fields, status) => {
    await ada.page('/')
    const response = await ada.form('/chat', fields as Record<string, string>)
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toContain('text/html')
    expect(await response.text()).toContain(`Error ${status}`)
  })

  test('gets an error page: a form of another kind', async () => {
    await ada.page('/')
    const headers = { accept: 'text/html', 'content-type': 'multipart/form-data; boundary=x' }
    const response = await ada.ask('/chat', { method: 'POST', headers, body: '--x--' })
    expect(response.status).toBe(415)
  })
})

describe('forms', () => {
  const paths = (id: string) => [
    '/chat',
    `/c/${id}/rename`,
    `/c/${id}/delete`,
    `/c/${id}/stop`,
    `/c/${id}/turns/turnturnturn/feedback`,
  ]
  const fields = { id: randomUUID(), message: 'forged', title: 'forged', value: 'up' }

  test('need the token of this session, and come from our own page', async () => {
    const { conversation } = await ada.send('Mine')
    const eve = await site.person('eve')
    for (const path of paths(conversation)) {
      for (const token of ['', 'nonsense', eve.csrf]) {
        const response = await ada.form(path, { ...fields, _csrf: token })
        expect([path, response.status]).toEqual([path, 403])
        expect(await response.text()).toContain('out of date')
      }
      expect((await ada.form(path, fields, { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
      const twice = await ada.ask(path, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: `_csrf=${ada.csrf}&_csrf=${ada.csrf}&message=x`,
      })
      expect(twice.status).toBe(403)
    }
    expect(site.chat.accepted).toHaveLength(1)
  })

  test('of somebody else’s conversation lead nowhere', async () => {
    const { conversation } = await ada.send('Mine')
    const eve = await site.person('eve')
    for (const path of paths(conversation).slice(1)) {
      const response = await eve.form(path, fields)
      expect([path, response.status]).toEqual([path, 404])
    }
    expect((await eve.get(`/c/${conversation}`)).status).toBe(404)
    expect((await ada.get(`/c/${conversation}`)).status).toBe(200)
  })

  test('lead whoever is not signed in to the login page', async () => {
    for (const path of paths('A'.repeat(28))) {
      const response = await site.visitor().form(path, fields)
      expect([response.status, where(response)]).toEqual([303, '/login'])
    }
    expect((await site.visitor().form('/logout', {})).status).toBe(303)
  })
})

describe('whatever people and models write', () => {
  const hostile = '<script>alert(1)</script><img src=x onerror=alert(2)>"\'></textarea></title>&lt;'

  test('comes out as text: messages, titles, names, searches', async () => {
    await site.addUser('mallory', undefined, { name: hostile })
    const mallory = site.visitor()
    await mallory.signIn('mallory')
    const { conversation } = await mallory.send(hostile)
    await mallory.api('PATCH', `/conversations/${conversation}`, { title: hostile })
    const pages = [
      await mallory.page(`/c/${conversation}`),
      await mallory.page(`/?q=${encodeURIComponent(hostile)}`),
      await mallory.page('/'),
      await (await mallory.get(`/c/${encodeURIComponent(hostile)}`)).text(),
    ]
    for (const html of pages) {
      expect(html).not.toContain('<script>alert')
      expect(html).not.toContain('<img')
      expect(html.match(/<\/title>/g)).toHaveLength(1)
      // Data for the scripts cannot end its own element.
      const boot = /<script type="application\/json" id="boot">([\s\S]*?)<\/script>/.exec(html)
      if (boot) expect(() => JSON.parse(boot[1]!)).not.toThrow()
    }
    expect(pages[0]).toContain('&lt;script&gt;alert(1)')
  })

  test('has links to the web alone', async () => {
    const { conversation } = await ada.send('[a](javascript:alert(1)) [b](https://example.com) [c](data:text/html,x)')
    const html = await ada.page(`/c/${conversation}`)
    expect(html).toContain('href="https://example.com"')
    expect(html).not.toMatch(/href="(javascript|data):/i)
    expect(html).toMatch(/rel="[^"]*noopener/)
  })
})

describe('addresses', () => {
  test('that lead nowhere have a page that says so', async () => {
    for (const path of ['/nothing', '/c/', '/c/x', '/api', '/assets/']) {
      const response = await ada.get(path)
      expect([path, response.status]).toEqual([path, 404])
      const html = await response.text()
      expect(html).toContain('There is nothing here')
      expect(html).toContain('stylesheet')
    }
  })

  test('take the methods they are made for', async () => {
    const response = await ada.get('/chat')
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('POST, OPTIONS')
    expect(await response.text()).toContain('does not take GET')
    expect((await ada.ask('/login', { method: 'DELETE' })).headers.get('allow')).toBe('GET, POST, HEAD, OPTIONS')
    const head = await ada.ask('/', { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
    const options = await ada.ask('/login', { method: 'OPTIONS' })
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, POST, HEAD, OPTIONS'])
  })

  test('of pages are not kept by browsers, so that the way back after the sign-out shows none', async () => {
    for (const path of ['/', '/login']) expect((await ada.get(path)).headers.get('cache-control')).toBe('no-store')
  })
})
