import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Fault } from '../../src/errors.ts'
import {
  type Browser,
  breakable,
  eventually,
  type Site,
  type SiteOptions,
  type StreamEvent,
  startSite,
} from '../support/web.ts'

const sites: Site[] = []
afterEach(async () => {
  await Promise.all(sites.splice(0).map((site) => site.close()))
})

async function start(limits: NonNullable<SiteOptions['web']>['limits'] = {}, options: SiteOptions = {}): Promise<Site> {
  const site = await startSite({ web: { limits: { checkMs: 20, ...limits } }, ...options })
  sites.push(site)
  return site
}

/** Collects events in the background; `over` resolves when the stream ends, however it ends. */
function follow(browser: Browser, { conversation, turn }: { conversation: string; turn: string }, from?: string) {
  const events: StreamEvent[] = []
  const controller = new AbortController()
  const stream = browser.stream(conversation, turn, { from, signal: controller.signal })
  const over = (async () => {
    for await (const event of stream) events.push(event)
  })()
  over.catch(() => {})
  const text = (): string =>
    events.reduce((whole, { event, data }) => {
      const { text = '', offset = 0 } = data as { text?: string; offset?: number }
      return event === 'text' ? whole.slice(0, offset) + text : event === 'reset' ? text : whole
    }, '')
  return { events, over, text, leave: () => controller.abort() }
}

describe('the stream of an answer', () => {
  test('brings it piece by piece, and at the end what is stored', async () => {
    const site = await start()
    const ada = await site.person()
    const sent = await ada.send('Question')
    const { events, over, text } = follow(ada, sent)
    await eventually(() => site.chat.watchers()).toBe(1)
    site.chat.say(sent.turn, 'Some ')
    site.chat.say(sent.turn, 'words\nand 漢\ud83d')
    site.chat.say(sent.turn, '\ude00')
    await eventually(text).toBe('Some words\nand 漢😀')
    site.chat.finish(sent.turn)
    await over
    expect(events.map(({ event }) => event)).toEqual(['started', 'text', 'text', 'text', 'end'])
    expect(events.slice(1, 4).every(({ id }) => id)).toBe(true)
    expect(events.at(-1)?.data).toMatchObject({
      messages: [
        { role: 'user', text: 'Question', author: { self: true } },
        { role: 'assistant', text: 'Some words\nand 漢😀', answer: { stop: 'end' } },
      ],
    })
    expect(site.chat.watchers()).toBe(0)
  })

  test('is not held back on its way', async () => {
    const site = await start()
    const ada = await site.person()
    const { conversation, turn } = await ada.send('Question')
    const controller = new AbortController()
    const response = await ada.ask(`/api/conversations/${conversation}/turns/${turn}/stream`, {
      headers: { 'accept-encoding': 'br, gzip' },
      signal: controller.signal,
    })
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(response.headers.get('cache-control')).toBe('no-store, no-transform')
    expect(response.headers.get('x-accel-buffering')).toBe('no')
    expect(response.headers.has('content-encoding')).toBe(false)
    controller.abort()
    await eventually(() => site.chat.watchers()).toBe(0)
  })

  test('resumes after the last event that was seen', async () => {
    const site = await start()
    const ada = await site.person()
    const sent = await ada.send('Question')
    const first = follow(ada, sent)
    await eventually(() => site.chat.watchers()).toBe(1)
    site.chat.say(sent.turn, 'seen ')
    await eventually(first.text).toBe('seen ')
    first.leave()
    await eventually(() => site.chat.watchers()).toBe(0)
    site.chat.say(sent.turn, 'missed ')
    const second = follow(ada, sent, first.events.at(-1)!.id)
    await eventually(() => second.events.length).toBe(1)
    site.chat.say(sent.turn, 'new')
    await expect
      .poll(() => second.events.map(({ data }) => data))
      .toEqual([
        { offset: 5, text: 'missed ' },
        { offset: 12, text: 'new' },
      ])
    const query = await ada.ask(
      `/api/conversations/${sent.conversation}/turns/${sent.turn}/stream?from=${second.events[0]!.id}`,
    )
    const reader = query.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    while (!text.includes('data: ')) text += (await reader.read()).value
    expect(text).toContain('data: {"offset":12,"text":"new"}')
    await reader.cancel()
  })

  test('begins anew where the answer did', async () => {
    const site = await start()
    const ada = await site.person()
    const sent = await ada.send('Question')
    const { events, text } = follow(ada, sent)
    await eventually(() => site.chat.watchers()).toBe(1)
    site.chat.say(sent.turn, 'of an instance that died')
    await eventually(text).toContain('died')
    site.chat.restart(sent.turn, 'of another')
    await eventually(text).toBe('of another')
    expect(events.at(-1)).toMatchObject({ event: 'reset', id: expect.any(String) })
    const stranger = follow(ada, sent, 'nonsense.999999')
    await eventually(() => stranger.events[0]).toMatchObject({ event: 'reset', data: { text: 'of another' } })
  })

  test('is the same for two who watch', async () => {
    const site = await start()
    const ada = await site.person()
    const sent = await ada.send('Question')
    const tabs = [follow(ada, sent), follow(ada, sent)]
    await eventually(() => site.chat.watchers()).toBe(2)
    for (const word of ['One ', 'two ', 'three']) site.chat.say(sent.turn, word)
    const late = follow(ada, sent)
    for (const tab of [...tabs, late]) await eventually(tab.text).toBe('One two three')
    site.chat.finish(sent.turn)
    await Promise.all([...tabs, late].map(({ over }) => over))
    for (const tab of tabs) expect(tab.events.at(-1)).toEqual(late.events.at(-1))
  })

  test('of a turn that is over, or never was, ends at once', async () => {
    const site = await start()
    const ada = await site.person()
    const sent = await ada.send('Question')
    site.chat.finish(sent.turn, { text: 'Answer' })
    const { events, over } = follow(ada, sent)
    await over
    expect(events).toMatchObject([{ event: 'end', data: { messages: [{ text: 'Question' }, { text: 'Answer' }] } }])
    const unknown = follow(ada, { ...sent, turn: 'nosuchturn12345' })
    await unknown.over
    expect(unknown.events).toEqual([{ event: 'end', data: { messages: [] } }])
  })

  test('of a turn that is long over ends with what is stored of it, however much came since', async () => {
    const site = await start()
    const ada = await site.person()
    const sent = await ada.send('First')
    site.chat.finish(sent.turn, { text: 'Its answer' })
    const incoming = site.chat.accepted[0]!
    for (let n = 0; n < 150; n++) {
      const more = { ...incoming, ids: [`web:${n}`], text: `More ${n}`, conversation: sent.conversation }
      const accepted = await site.chat.accept(more)
      if ('turn' in accepted) site.chat.finish(accepted.turn, { text: 'Yes' })
    }
    const open = vi.spyOn(site.chat.conversations, 'open')
    const { events, over } = follow(ada, sent)
    await over
    expect(events).toMatchObject([{ event: 'end', data: { messages: [{ text: 'First' }, { text: 'Its answer' }] } }])
    // One look to let them in, and one for each hundred messages.
    expect(open).toHaveBeenCalledTimes(5)
    // What was never a turn is not looked for any further than the newest.
    const never = follow(ada, { ...sent, turn: '----------' })
    await never.over
    expect(never.events).toEqual([{ event: 'end', data: { messages: [] } }])
    expect(open).toHaveBeenCalledTimes(7)
  })

  test('is not begun by a HEAD', async () => {
    const site = await start()
    const ada = await site.person()
    const { conversation, turn } = await ada.send('Question')
    const response = await ada.ask(`/api/conversations/${conversation}/turns/${turn}/stream`, { method: 'HEAD' })
    expect(response.status).toBe(200)
    expect(site.chat.watchers()).toBe(0)
  })

  test('closes without an end when the answer cannot be read, so that the browser asks again', async () => {
    const site = await start()
    const ada = await site.person()
    const sent = await ada.send('Question')
    const { events, over } = follow(ada, sent)
    await eventually(() => site.chat.watchers()).toBe(1)
    site.chat.fault = new Fault('store_unavailable')
    site.chat.finish(sent.turn, { text: 'Answer' })
    await over
    expect(events).toEqual([])
    site.chat.fault = null
    const again = follow(ada, sent)
    await again.over
    expect(again.events).toMatchObject([{ event: 'end', data: { messages: [{}, { text: 'Answer' }] } }])
  })
})

describe('a stream stays open', () => {
  test('by comments while nothing is said', async () => {
    const site = await start({ heartbeatMs: 10 })
    const ada = await site.person()
    const { conversation, turn } = await ada.send('Question')
    const response = await ada.ask(`/api/conversations/${conversation}/turns/${turn}/stream`)
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    while (!/(: still here\n\n){2}/.test(text)) text += (await reader.read()).value
    expect(text).toMatch(/^retry: \d+\n\n/)
    await reader.cancel()
  })

  test('while the store is away for a moment', async () => {
    const site = await start()
    const { ports, broken } = breakable(site.ports)
    const other = await start({ checkMs: 10 }, { ports, chat: site.chat })
    const ada = await other.person()
    const sent = await ada.send('Question')
    const { text, over } = follow(ada, sent)
    await eventually(() => site.chat.watchers()).toBe(1)
    broken.now = true
    await expect
      .poll(() => other.lines.filter(({ text }) => text.includes('could not be checked')).length)
      .toBeGreaterThan(2)
    site.chat.say(sent.turn, 'still here')
    await eventually(text).toBe('still here')
    broken.now = false
    site.chat.finish(sent.turn)
    await over
  })
})

describe('a stream ends', () => {
  async function watching(site: Site, name = 'ada') {
    const browser = await site.person(name)
    const sent = await browser.send('Question')
    const followed = follow(browser, sent)
    await eventually(() => site.chat.watchers()).toBeGreaterThan(0)
    return { browser, sent, ...followed }
  }

  test('with the sign-out, and only that session’s', async () => {
    const site = await start({ checkMs: 60_000 })
    const { browser, sent, over, events } = await watching(site)
    const other = await site.person('ada')
    const stays = follow(other, sent)
    await eventually(() => site.chat.watchers()).toBe(2)
    await browser.form('/logout', {})
    await over
    expect(events).toEqual([])
    expect(site.chat.watchers()).toBe(1)
    site.chat.say(sent.turn, 'for the other')
    await eventually(stays.text).toBe('for the other')
  })

  test('with a sign-out on another instance', async () => {
    const site = await start()
    const other = await start({}, { ports: site.ports, chat: site.chat })
    const { browser, over } = await watching(site)
    const elsewhere = Object.assign(other.visitor(), { cookies: browser.cookies, csrf: browser.csrf })
    await elsewhere.form('/logout', {})
    await over
  })

  test('when its user is switched off', async () => {
    const site = await start()
    const user = await site.addUser('ada')
    const { over, events } = await watching(site)
    await site.ports.users.update(user.id, { state: 'disabled' })
    await over
    expect(events).toEqual([])
  })

  test('when all sessions of its user are ended', async () => {
    const site = await start()
    const user = await site.addUser('ada')
    const { over } = await watching(site)
    await site.ports.sessions.endAll(user.id)
    await over
  })

  test('when the service does, and no new one is opened', async () => {
    const site = await start()
    const { browser, sent, over, events } = await watching(site)
    site.web.close()
    await over
    expect(events).toEqual([])
    const response = await browser.api('GET', `/conversations/${sent.conversation}/turns/${sent.turn}/stream`)
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ error: { code: 'draining' } })
  })

  test('when its client does not read', async () => {
    const site = await start({ streamBytes: 64 * 1024 })
    const ada = await site.person()
    const { conversation, turn } = await ada.send('Question')
    const { hostname, port } = new URL(site.url)
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    const cookie = [...ada.cookies].map(([name, { value }]) => `${name}=${value}`).join('; ')
    socket.write(
      `GET /api/conversations/${conversation}/turns/${turn}/stream HTTP/1.1\r\nHost: a\r\nCookie: ${cookie}\r\n\r\n`,
    )
    await once(socket, 'data')
    socket.pause()
    await eventually(() => site.chat.watchers()).toBe(1)
    // The system takes some megabytes before ours fills.
    for (let at = 0; at < 400 && site.chat.watchers() > 0; at++) {
      site.chat.say(turn, 'x'.repeat(100_000))
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(site.chat.watchers()).toBe(0)
    expect(site.lines.some(({ text }) => text.includes('does not read'))).toBe(true)
    socket.destroy()
  })

  test('is not opened more often than anybody needs', async () => {
    const site = await start({ streamsPerUser: 2 })
    const { browser, sent } = await watching(site)
    follow(browser, sent)
    await eventually(() => site.chat.watchers()).toBe(2)
    const response = await browser.api('GET', `/conversations/${sent.conversation}/turns/${sent.turn}/stream`)
    expect(response.status).toBe(429)
    const { sent: other, text } = await watching(site, 'grace')
    site.chat.say(other.turn, 'another’s are not counted')
    await eventually(text).toContain('counted')
  })
})
