import { randomUUID } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { createMemoryChat } from '../support/chat.ts'
import { commonPassword, type Site, type SiteOptions, startSite } from '../support/web.ts'

const sites: Site[] = []
afterEach(async () => {
  await Promise.all(sites.splice(0).map((site) => site.close()))
})

async function start(options: SiteOptions = {}): Promise<Site> {
  const site = await startSite({ chat: createMemoryChat({ answer: () => 'Answer' }), ...options })
  sites.push(site)
  return site
}

const inSubPath = { web: { basePath: '/bot' }, server: { basePath: '/bot' } }

describe('in a sub-path', () => {
  test('every link, form, redirect and cookie stays in it', async () => {
    const site = await start(inSubPath)
    expect(site.url).toMatch(/\/bot$/)
    await site.addUser('ada')
    const browser = site.visitor()
    const turnedAway = await browser.get('/')
    expect(turnedAway.headers.get('location')).toBe('/bot/login?next=%2Fbot%2F')
    const signedIn = await browser.signIn('ada', commonPassword, { next: '/bot/c/aconversation' })
    expect(signedIn.headers.get('location')).toBe('/bot/c/aconversation')
    for (const { attributes } of browser.cookies.values()) expect(attributes).toMatch(/Path=\/bot(;|$)/)

    await browser.page('/')
    const sent = await browser.form('/chat', { id: randomUUID(), message: 'Question' })
    const conversation = sent.headers.get('location')!
    expect(conversation).toMatch(/^\/bot\/c\//)
    const path = conversation.slice('/bot'.length)
    for (const response of [
      await browser.form(`${path}/rename`, { title: 'Other' }),
      await browser.form(`${path}/stop`, {}),
      await browser.form(`${path}/delete`, {}),
      await browser.form('/logout', {}),
      await browser.get('/c/aconversation'),
    ])
      expect(response.headers.get('location')).toMatch(/^\/bot\//)
    expect(browser.cookies.has('chat_session')).toBe(false)
  })

  test('every address on every page is in it, and is there', async () => {
    const site = await start(inSubPath)
    const browser = await site.person()
    const { conversation } = await browser.send('Question')
    const seen = new Set<string>()
    for (const path of ['/', `/c/${conversation}`, '/docs', '/nothing']) {
      const html = await browser.page(path)
      for (const [, address] of html.matchAll(/\s(?:href|src|action)="([^"#]+)[^"]*"/g)) seen.add(address!)
    }
    expect(seen.size).toBeGreaterThan(15)
    for (const address of seen) {
      expect(address).toMatch(/^\/bot\//)
      const { status } = await browser.get(address.slice('/bot'.length).replaceAll('&amp;', '&'))
      expect([address, status]).toEqual([
        address,
        /\/(chat|logout|rename|delete|stop|feedback|copy)$/.test(address) ? 405 : 200,
      ])
    }
    const document = (await (await browser.get('/openapi.json')).json()) as { servers: unknown }
    expect(document.servers).toEqual([{ url: '/bot' }])
  })

  test('nothing of it is outside', async () => {
    const site = await start(inSubPath)
    const root = new URL(site.url).origin
    for (const path of ['/login', '/api/me', '/botany', '/c/aconversation'])
      expect((await fetch(root + path, { redirect: 'manual' })).status).toBe(404)
    expect((await fetch(`${root}/bot`, { redirect: 'manual' })).headers.get('location')).toMatch(/^\/bot\/login/)
  })

  test('the cookie is secure and goes to that path alone, where the host is shared', async () => {
    const site = await start({
      web: { basePath: '/bot', production: true },
      server: { basePath: '/bot', trustProxy: 1 },
    })
    await site.addUser('ada')
    const browser = site.visitor()
    browser.headers = { 'x-forwarded-proto': 'https' }
    expect((await browser.signIn('ada')).status).toBe(303)
    // `__Host-` would need the path `/`.
    expect([...browser.cookies.keys()].sort()).toEqual(['__Secure-chat_form', '__Secure-chat_session'])
    for (const { attributes } of browser.cookies.values()) {
      expect(attributes).toMatch(/Secure/)
      expect(attributes).toMatch(/Path=\/bot(;|$)/)
    }
    expect((await browser.get('/')).status).toBe(200)
  })
})

describe('behind a proxy', () => {
  const forwarded = {
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'chat.example.com',
    'x-forwarded-for': '203.0.113.9',
  }
  const origin = { origin: 'https://chat.example.com' }

  test('that is trusted, TLS and the name it is known by are believed', async () => {
    const site = await start({ server: { trustProxy: 1 } })
    await site.addUser('ada')
    const browser = site.visitor()
    browser.headers = { ...forwarded, ...origin }
    expect((await browser.signIn('ada')).status).toBe(303)
    expect(browser.cookies.get('chat_session')?.attributes).toMatch(/Secure/)
  })

  test('that is not trusted, they are not', async () => {
    const site = await start()
    await site.addUser('ada')
    const browser = site.visitor()
    browser.headers = forwarded
    expect((await browser.signIn('ada')).status).toBe(303)
    expect(browser.cookies.get('chat_session')?.attributes).not.toMatch(/Secure/)
    const foreign = site.visitor()
    foreign.headers = { ...forwarded, ...origin }
    expect((await foreign.signIn('ada')).status).toBe(403)
  })

  test('only the proxies that are named are believed', async () => {
    const trusting = await start({ server: { trustProxy: ['loopback'] } })
    const other = await start({ server: { trustProxy: ['192.0.2.0/24'] } })
    for (const [site, secure] of [
      [trusting, true],
      [other, false],
    ] as const) {
      await site.addUser('ada')
      const browser = site.visitor()
      browser.headers = forwarded
      await browser.signIn('ada')
      expect(/Secure/.test(browser.cookies.get('chat_session')!.attributes)).toBe(secure)
    }
  })

  test('a host of the attacker’s choosing turns up in no link', async () => {
    const site = await start({ server: { trustProxy: 1 } })
    const browser = site.visitor()
    browser.headers = { 'x-forwarded-host': 'evil.example' }
    expect(await browser.page('/login')).not.toContain('evil.example')
    expect((await browser.get('/')).headers.get('location')).toBe('/login?next=%2F')
  })
})
