import { createHmac } from 'node:crypto'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { newId } from '../../src/ids.ts'
import { hashPassword } from '../../src/passwords.ts'
import { commonPassword, eventually, type Site, type SiteOptions, startSite, tokenIn } from '../support/web.ts'

const sites: Site[] = []
afterEach(async () => {
  await Promise.all(sites.splice(0).map((site) => site.close()))
})

async function start(options?: SiteOptions): Promise<Site> {
  const site = await startSite(options)
  sites.push(site)
  return site
}

const hmacOf = (text: string, secret: string): string =>
  createHmac('sha256', secret).update(text).digest('base64').replace(/=+$/, '')

/** As a proxy with TLS says it. */
const overTls = { server: { trustProxy: 1 }, web: { production: true } } as const
const https = { 'x-forwarded-proto': 'https' }

describe('signing in', () => {
  test('leads to the chat, and to where one wanted to go', async () => {
    const site = await start()
    await site.addUser('ada')
    const browser = site.visitor()
    const turnedAway = await browser.get('/c/someconversation1?before=4')
    expect(turnedAway.status).toBe(303)
    expect(turnedAway.headers.get('location')).toBe('/login?next=%2Fc%2Fsomeconversation1%3Fbefore%3D4')
    const html = await browser.page(turnedAway.headers.get('location')!)
    expect(html).toContain('name="next" value="/c/someconversation1?before=4"')
    const response = await browser.signIn('ada', commonPassword, { next: '/c/someconversation1?before=4' })
    expect(response.status).toBe(303)
    expect(response.headers.get('location')).toBe('/c/someconversation1?before=4')
    expect((await browser.get('/')).status).toBe(200)
    expect((await browser.get('/login')).headers.get('location')).toBe('/')
  })

  test.each(['//evil.example', 'https://evil.example', '/\\evil.example'])('never leads to %s', async (next) => {
    const site = await start()
    await site.addUser('ada')
    expect((await site.visitor().signIn('ada', commonPassword, { next })).headers.get('location')).toBe('/')
    const browser = await site.person('ada')
    const response = await browser.get(`/login?next=${encodeURIComponent(next)}`)
    expect(response.headers.get('location')).toBe('/')
  })

  test('takes the name however it is typed', async () => {
    const site = await start()
    await site.addUser('Zoë')
    expect((await site.visitor().signIn(' ZOE\u0308 ')).status).toBe(303)
  })

  test('shows the form again, with the name and without the password, when one of them is wrong', async () => {
    const site = await start()
    await site.addUser('ada')
    for (const [name, password] of [
      ['ada', 'wrong'],
      ['nobody"><script>', commonPassword],
      ['ada', ''],
      ['', ''],
      ['ada', 'x'.repeat(5_000)],
    ] as const) {
      const response = await site.visitor().signIn(name, password)
      const html = await response.text()
      expect(response.status).toBe(401)
      expect(html).toContain('The name or the password is not right.')
      expect(html).not.toContain('"><script>')
      if (password) expect(html).not.toContain(password)
    }
  })

  test('does as much work for a name that nobody has', async () => {
    const site = await start()
    await site.addUser('ada')
    await site.visitor().signIn('ada', 'wrong')
    await site.visitor().signIn('nobody', 'wrong')
    expect(site.verified).toEqual([
      ['wrong', expect.stringContaining('$argon2id$')],
      ['wrong', undefined],
    ])
  })

  test('with a password that is changed at that moment begins nothing', async () => {
    const site = await start()
    const user = await site.addUser('ada')
    const { set } = site.ports.sessions
    vi.spyOn(site.ports.sessions, 'set').mockImplementationOnce(async (...session) => {
      await site.ports.users.update(user.id, { password: await hashPassword('another password') })
      await site.ports.sessions.endAll(user.id)
      return set(...session)
    })
    const browser = site.visitor()
    expect((await browser.signIn('ada')).status).toBe(401)
    expect((await browser.api('GET', '/me')).status).toBe(401)
    expect((await browser.signIn('ada', 'another password')).status).toBe(303)
  })

  test('is refused to a disabled user, who is told so only with the right password', async () => {
    const site = await start()
    await site.addUser('ada', undefined, { state: 'disabled' })
    const right = await site.visitor().signIn('ada')
    expect(right.status).toBe(403)
    expect(await right.text()).toContain('switched off')
    expect((await site.visitor().signIn('ada', 'wrong')).status).toBe(401)
  })

  test('is logged, by id and without name, address or password', async () => {
    const site = await start()
    const user = await site.addUser('ada.lovelace')
    await site.visitor().signIn('ada.lovelace', 'mistyped')
    await site.person('ada.lovelace')
    const lines = site.lines.filter(({ text }) => /^sign(ed|-in)/.test(text))
    expect(lines.map(({ level, text }) => [level, text])).toEqual([
      ['warn', 'sign-in refused'],
      ['info', 'signed in'],
    ])
    expect(lines[0]?.fields).toMatchObject({ reason: 'bad_login', request: expect.any(String) })
    expect(lines[1]?.fields).toMatchObject({ user: user.id })
    expect(JSON.stringify(site.lines)).not.toMatch(/ada\.lovelace|mistyped|127\.0\.0\.1/)
  })
})

describe('the login form', () => {
  test('needs its token and the cookie it belongs to', async () => {
    const site = await start()
    await site.addUser('ada')
    const fields = { username: 'ada', password: commonPassword }
    const without = await site.visitor().form('/login', fields)
    expect(without.status).toBe(403)
    expect(await without.text()).toContain('out of date')

    const mine = site.visitor()
    const theirs = site.visitor()
    await mine.page('/login')
    await theirs.page('/login')
    mine.csrf = theirs.csrf
    expect((await mine.form('/login', fields)).status).toBe(403)

    await mine.page('/login')
    mine.cookies.clear()
    expect((await mine.form('/login', fields)).status).toBe(403)
  })

  test('gets a token that looks different each time and is good each time', async () => {
    const site = await start()
    await site.addUser('ada')
    const browser = site.visitor()
    const first = tokenIn(await browser.page('/login'))
    const second = tokenIn(await browser.page('/login'))
    expect(first).not.toBe(second)
    expect((await browser.form('/login', { username: 'ada', password: commonPassword, _csrf: first! })).status).toBe(
      303,
    )
  })

  test('stores nothing for visitors', async () => {
    const site = await start()
    const set = vi.spyOn(site.ports.sessions, 'set')
    const browser = site.visitor()
    for (const path of ['/login', '/', '/api/me', '/nowhere', '/docs']) await browser.get(path)
    await browser.signIn('nobody', 'wrong')
    expect(set).not.toHaveBeenCalled()
    expect([...browser.cookies.keys()]).toEqual(['chat_form'])
  })

  test.each([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['a neighbour under the same domain', { 'sec-fetch-site': 'same-site' }],
    ['another origin', { origin: 'https://evil.example' }],
    ['a hidden origin', { origin: 'null' }],
  ])('is not taken from %s, even with the token', async (_, headers) => {
    const site = await start()
    await site.addUser('ada')
    const browser = site.visitor()
    await browser.page('/login')
    const response = await browser.form('/login', { username: 'ada', password: commonPassword }, headers)
    expect(response.status).toBe(403)
    expect([...browser.cookies.keys()]).toEqual(['chat_form'])
  })

  test('is taken from our own page', async () => {
    const site = await start()
    await site.addUser('ada')
    const ours: Record<string, string>[] = [
      { 'sec-fetch-site': 'same-origin', origin: 'https://seen.otherwise' },
      { origin: site.url },
    ]
    for (const headers of ours) {
      const browser = site.visitor()
      await browser.page('/login')
      const response = await browser.form('/login', { username: 'ada', password: commonPassword }, headers)
      expect(response.status).toBe(303)
    }
  })
})

describe('attempts', () => {
  test('are counted for each name, over all instances, until one is right', async () => {
    const first = await start({ web: { limits: { loginPerName: 3 } } })
    const second = await start({ ports: first.ports, web: { limits: { loginPerName: 3 } } })
    await first.addUser('ada')
    await first.addUser('grace')
    for (const site of [first, second]) expect((await site.visitor().signIn('ada', 'wrong')).status).toBe(401)
    expect((await first.visitor().signIn('ada')).status).toBe(303)
    for (const site of [first, second, first]) expect((await site.visitor().signIn('ADA ', 'wrong')).status).toBe(401)

    const refused = await second.visitor().signIn('ada')
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await refused.text()).toContain('Too many attempts')
    expect((await second.visitor().signIn('grace')).status).toBe(303)
  })

  test('are counted for names that nobody has as well, so that the answers are the same', async () => {
    const site = await start({ web: { limits: { loginPerName: 2 } } })
    const statuses = []
    for (let at = 0; at < 3; at++) statuses.push((await site.visitor().signIn('nobody', 'wrong')).status)
    expect(statuses).toEqual([401, 401, 429])
  })

  test('at the same moment do not slip through', async () => {
    const site = await start({ web: { limits: { loginPerName: 3 } } })
    await site.addUser('ada')
    const tries = await Promise.all(Array.from({ length: 8 }, () => site.visitor().signIn('ada', 'wrong')))
    expect(tries.map(({ status }) => status).sort()).toEqual([401, 401, 401, 429, 429, 429, 429, 429])
  })

  test('are counted for each address, and a right one does not clear that', async () => {
    const site = await start({ server: { trustProxy: 1 }, web: { limits: { loginPerAddress: 3 } } })
    await site.addUser('ada')
    const from = (address: string) => {
      const browser = site.visitor()
      browser.headers = { 'x-forwarded-for': address }
      return browser
    }
    expect((await from('2001:db8:1:2::1').signIn('one', 'wrong')).status).toBe(401)
    expect((await from('2001:db8:1:2:ffff::9').signIn('ada')).status).toBe(303)
    expect((await from('2001:0db8:1:2::3').signIn('two', 'wrong')).status).toBe(401)
    // The same network of one customer, so the same address.
    expect((await from('2001:db8:1:2::4').signIn('ada')).status).toBe(429)
    expect((await from('2001:db8:1:3::4').signIn('ada')).status).toBe(303)
  })

  test('of an address that has had its share lock nobody out', async () => {
    const site = await start({ server: { trustProxy: 1 }, web: { limits: { loginPerAddress: 3, loginPerName: 4 } } })
    await site.addUser('ada')
    const from = (address: string) => {
      const browser = site.visitor()
      browser.headers = { 'x-forwarded-for': address }
      return browser
    }
    const statuses = []
    for (let at = 0; at < 6; at++) statuses.push((await from('198.51.100.1').signIn('ada', 'wrong')).status)
    expect(statuses).toEqual([401, 401, 401, 429, 429, 429])
    expect((await from('198.51.100.2').signIn('ada')).status).toBe(303)
  })

  test('cannot be spread over made-up addresses where no proxy is trusted', async () => {
    const site = await start({ web: { limits: { loginPerAddress: 2 } } })
    const statuses = []
    for (let at = 0; at < 3; at++) {
      const browser = site.visitor()
      browser.headers = { 'x-forwarded-for': `198.51.100.${at}` }
      statuses.push((await browser.signIn(`name${at}`, 'wrong')).status)
    }
    expect(statuses).toEqual([401, 401, 429])
  })
})

describe('a session', () => {
  test('has a cookie that scripts and other sites do not get', async () => {
    const site = await start()
    const { attributes } = (await site.person()).cookies.get('chat_session')!
    expect(attributes).toMatch(/HttpOnly/)
    expect(attributes).toMatch(/SameSite=Lax/)
    expect(attributes).toMatch(/Path=\//)
    expect(attributes).not.toMatch(/Secure|Domain/)
  })

  test('has a secure cookie bound to the host in production', async () => {
    const site = await start(overTls)
    await site.addUser('ada')
    const browser = site.visitor()
    browser.headers = https
    expect((await browser.signIn('ada')).status).toBe(303)
    expect([...browser.cookies.keys()].sort()).toEqual(['__Host-chat_form', '__Host-chat_session'])
    for (const { attributes } of browser.cookies.values()) {
      expect(attributes).toMatch(/; Secure|^Secure/)
      expect(attributes).toMatch(/Path=\/(;|$)/)
      expect(attributes).not.toMatch(/Domain/)
    }
    expect((await browser.get('/')).status).toBe(200)
  })

  test('is not begun in production without TLS, and says what to do', async () => {
    const site = await start(overTls)
    await site.addUser('ada')
    const response = await site.visitor().signIn('ada')
    expect(response.status).toBe(403)
    expect(await response.text()).toContain('TRUST_PROXY')
  })

  test('is not made secure by a header where no proxy is trusted', async () => {
    const site = await start({ web: { production: true } })
    await site.addUser('ada')
    const browser = site.visitor()
    browser.headers = https
    expect((await browser.signIn('ada')).status).toBe(403)
  })

  test('goes without TLS where the operator says so', async () => {
    const site = await start({ web: { production: true, plainHttp: true } })
    const browser = await site.person()
    expect([...browser.cookies.keys()]).toContain('chat_session')
  })

  test('gets a new id at each sign-in, and the one before ends', async () => {
    const site = await start()
    await site.addUser('eve')
    const attacker = await site.person('eve')
    const planted = attacker.cookies.get('chat_session')!
    const victim = site.visitor()
    victim.cookies.set('chat_session', planted)
    // Signed in as the attacker already: the login page is gone, so the form comes from elsewhere.
    const form = site.visitor()
    await form.page('/login')
    victim.cookies.set('chat_form', form.cookies.get('chat_form')!)
    victim.csrf = form.csrf
    await site.addUser('ada')
    const response = await victim.form('/login', { username: 'ada', password: commonPassword })
    expect(response.status).toBe(303)
    expect(victim.cookies.get('chat_session')?.value).not.toBe(planted.value)
    expect((await attacker.api('GET', '/me')).status).toBe(401)
    expect(await victim.json('/me')).toMatchObject({ user: { name: 'ada' } })
  })

  test('is over after the sign-out, also for whoever kept the cookie', async () => {
    const site = await start()
    const browser = await site.person()
    const kept = browser.cookies.get('chat_session')!
    const response = await browser.form('/logout', {})
    expect(response.status).toBe(303)
    expect(response.headers.get('location')).toBe('/login')
    expect(browser.cookies.has('chat_session')).toBe(false)
    browser.cookies.set('chat_session', kept)
    expect((await browser.api('GET', '/me')).status).toBe(401)
    expect((await browser.get('/')).headers.get('location')).toBe('/login?next=%2F')
  })

  test('cannot be ended from another site', async () => {
    const site = await start()
    const browser = await site.person()
    expect((await browser.form('/logout', { _csrf: '' })).status).toBe(403)
    expect((await browser.form('/logout', {}, { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    expect((await browser.api('GET', '/me')).status).toBe(200)
  })

  test.each([
    ['with another id', (value: string) => value.replace(/^s%3A./, (head) => (head.endsWith('A') ? 's%3AB' : 's%3AA'))],
    ['with another signature', (value: string) => value.replace(/\.[^.]+$/, '.AAAA')],
    ['without a signature', (value: string) => value.replace(/\.[^.]+$/, '').replace('s%3A', '')],
    ['signed by somebody else', () => encodeURIComponent(`s:guessed.${hmacOf('guessed', 'another secret')}`)],
    ['made of nonsense', () => '%00%ff%'],
  ])('does not come of a cookie %s', async (_, tamper) => {
    const site = await start()
    const browser = await site.person()
    const { value, attributes } = browser.cookies.get('chat_session')!
    browser.cookies.set('chat_session', { value: tamper(value), attributes })
    expect((await browser.api('GET', '/me')).status).toBe(401)
  })

  test('survives a change of the secret as long as the old one is listed', async () => {
    const [old, fresh] = ['o'.repeat(32), 'n'.repeat(32)]
    const before = await start({ secrets: [old] })
    const browser = await before.person()
    const rotated = await start({ ports: before.ports, secrets: [fresh, old] })
    const over = await start({ ports: before.ports, secrets: [fresh] })
    const at = (site: Site) => Object.assign(site.visitor(), { cookies: browser.cookies })
    expect((await at(rotated).api('GET', '/me')).status).toBe(200)
    expect((await at(over).api('GET', '/me')).status).toBe(401)
  })

  test('ends after the idle time, and each request begins that anew', async () => {
    let now = Date.now()
    const site = await start({ now: () => now })
    const browser = await site.person()
    const idle = 3_600_000
    for (let step = 0; step < 6; step++) {
      now += idle * 0.6
      expect((await browser.api('GET', '/me')).status).toBe(200)
    }
    now += idle + 1
    expect((await browser.api('GET', '/me')).status).toBe(401)
  })

  test('ends after its longest time in any case', async () => {
    let now = Date.now()
    const site = await start({ now: () => now })
    const browser = await site.person()
    const statuses = new Set<number>()
    for (let hour = 0; hour < 23.5; hour += 0.5) {
      now += 1_800_000
      statuses.add((await browser.api('GET', '/me')).status)
    }
    expect([...statuses]).toEqual([200])
    now += 1_800_000
    expect((await browser.api('GET', '/me')).status).toBe(401)
  })

  test('is written now and then, not at each request', async () => {
    let now = Date.now()
    const site = await start({ now: () => now })
    const browser = await site.person()
    const touch = vi.spyOn(site.ports.sessions, 'touch')
    const set = vi.spyOn(site.ports.sessions, 'set')
    for (let at = 0; at < 10; at++) await browser.api('GET', '/me')
    expect(touch).toHaveBeenCalledTimes(0)
    now += 3_600_000 / 3
    for (let at = 0; at < 10; at++) await browser.api('GET', '/me')
    expect(touch).toHaveBeenCalledTimes(1)
    expect(set).toHaveBeenCalledTimes(0)
  })

  test('that is ended at the very moment it is prolonged does not come back', async () => {
    let now = Date.now()
    const site = await start({ now: () => now })
    const user = await site.addUser('ada')
    const browser = await site.person('ada')
    now += 3_600_000 / 2
    const { touch } = site.ports.sessions
    vi.spyOn(site.ports.sessions, 'touch').mockImplementationOnce(async (...session) => {
      await site.ports.sessions.endAll(user.id)
      return touch(...session)
    })
    expect((await browser.api('GET', '/me')).status).toBe(200)
    expect((await browser.api('GET', '/me')).status).toBe(401)
  })

  test('that was ended while a request ran does not come back with it', async () => {
    let now = Date.now()
    const site = await start({ now: () => now })
    const user = await site.addUser('ada')
    const browser = await site.person('ada')
    now += 3_600_000 / 2
    const list = vi.spyOn(site.chat.conversations, 'list')
    list.mockImplementationOnce(async () => {
      await site.ports.sessions.endAll(user.id)
      return { items: [] }
    })
    expect((await browser.api('GET', '/conversations')).status).toBe(200)
    expect((await browser.api('GET', '/me')).status).toBe(401)
  })

  test('is not kept under the id that is in the cookie', async () => {
    const site = await start()
    const set = vi.spyOn(site.ports.sessions, 'set')
    const browser = await site.person()
    const { value } = browser.cookies.get('chat_session')!
    const id = decodeURIComponent(value).slice(2).split('.')[0]!
    expect(JSON.stringify(set.mock.calls)).not.toContain(id)
  })

  test('of a user who is switched off is over at the next request', async () => {
    const site = await start()
    const user = await site.addUser('ada')
    const browser = await site.person('ada')
    await site.ports.users.update(user.id, { state: 'disabled' })
    expect((await browser.api('GET', '/me')).status).toBe(401)
    expect((await browser.get('/')).headers.get('location')).toBe('/login?next=%2F')
    await site.ports.users.update(user.id, { state: 'active' })
    expect((await browser.api('GET', '/me')).status).toBe(401)
  })
})

describe('demo users', () => {
  test('are there while nobody else is, on the login page and in the log', async () => {
    const site = await start()
    const html = await site.visitor().page('/login')
    for (const text of ['admin', 'secret', 'user', 'password']) expect(html).toContain(`<code>${text}</code>`)
    await eventually(() => site.lines.map(({ text }) => text).join()).toContain('admin / secret')
    const admin = site.visitor()
    expect((await admin.signIn('admin', 'secret')).status).toBe(303)
    expect(await admin.json('/me')).toMatchObject({ user: { name: 'admin', roles: ['admin'] } })
    const user = site.visitor()
    expect((await user.signIn('User', 'password')).status).toBe(303)
    expect(await user.json('/me')).toMatchObject({ user: { name: 'user', roles: ['member'] } })
    expect((await site.visitor().signIn('admin', 'password')).status).toBe(401)
  })

  test('are the same person each time', async () => {
    const site = await start()
    const ids = []
    for (let at = 0; at < 2; at++) {
      const browser = site.visitor()
      await browser.signIn('admin', 'secret')
      ids.push((await browser.json<{ user: { id: string } }>('/me')).user.id)
    }
    expect(ids[0]).toBe(ids[1])
  })

  test('go for good with the first real user, sessions included', async () => {
    let now = Date.now()
    const site = await start({ now: () => now })
    const browser = site.visitor()
    await browser.signIn('admin', 'secret')
    await site.addUser('admin', 'a real password')
    now += 5_000
    expect((await browser.api('GET', '/me')).status).toBe(401)
    expect((await site.visitor().signIn('admin', 'secret')).status).toBe(401)
    expect((await site.visitor().signIn('user', 'password')).status).toBe(401)
    expect(await site.visitor().page('/login')).not.toContain('<code>')
    expect((await site.visitor().signIn('admin', 'a real password')).status).toBe(303)
  })

  test('stay while there are people of other surfaces alone, who have no password', async () => {
    const site = await start()
    await site.ports.users.create({
      ...{ id: newId(), name: 'Grace', emails: [], roles: ['member'], state: 'active', createdAt: 0, seenAt: 0 },
      identities: ['slack:T1:U1'],
    })
    expect((await site.visitor().signIn('user', 'password')).status).toBe(303)
  })

  test('never are in production, not even with a store that knew them', async () => {
    const development = await start()
    const before = development.visitor()
    await before.signIn('admin', 'secret')
    const site = await start({ ports: development.ports, web: { production: true, plainHttp: true } })
    expect(await site.visitor().page('/login')).not.toContain('secret')
    expect((await site.visitor().signIn('admin', 'secret')).status).toBe(401)
    const after = Object.assign(site.visitor(), { cookies: before.cookies })
    expect((await after.api('GET', '/me')).status).toBe(401)
    expect(JSON.stringify(site.lines)).not.toContain('secret')
  })
})
