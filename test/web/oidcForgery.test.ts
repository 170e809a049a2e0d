import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Forgery, type OidcStandIn, startOidc } from '../support/oidc.ts'
import { arrive, providersAt, redirectUris, startSignInSite, throughProvider } from '../support/signIn.ts'
import type { Browser, Site, SiteOptions } from '../support/web.ts'

let oidc: OidcStandIn
beforeAll(async () => {
  oidc = await startOidc({ redirectUris })
})
afterAll(() => oidc.close())

const ada = { sub: 'ada-1', name: 'Ada Lovelace', email: 'ada@example.com', email_verified: true }
const sites: Site[] = []
beforeEach(() => {
  Object.assign(oidc, { aside: {}, forge: null, declines: false, metadata: {}, state: 'up', person: ada })
  oidc.asked.length = 0
})
afterEach(async () => {
  // What hangs at the provider lets go, so that the site can close.
  oidc.state = 'up'
  await Promise.all(sites.splice(0).map((site) => site.close()))
})

async function start(options: SiteOptions & { patienceSeconds?: number } = {}): Promise<Site> {
  const site = await startSignInSite([providersAt(oidc).oidc, providersAt(oidc).slack], options)
  sites.push(site)
  return site
}

const sessionOf = (browser: Browser) => browser.cookies.get('chat_session')?.value
const pathOf = (url: URL) => url.pathname + url.search
const seconds = () => Math.floor(Date.now() / 1000)
const reasons = (site: Site) =>
  site.lines.filter(({ text }) => text === 'sign-in refused').map(({ fields }) => (fields as { reason: string }).reason)

/** The login page with words, nobody signed in, nobody made. */
async function expectRefused(site: Site, browser: Browser, response: Response, status: number, words: string) {
  const html = await response.text()
  expect([response.status, sessionOf(browser)]).toEqual([status, undefined])
  expect(html).toContain(words)
  expect(html).toContain('id="login"')
  expect(await site.ports.users.list({ limit: 10 })).toEqual([])
  expect(JSON.stringify(site.lines)).not.toMatch(/Ada|example\.com|ada-1|provider’s own|eyJ/)
}

describe('a token that is not honest', () => {
  const forgeries: [string, () => Forgery][] = [
    ['of another nonce', () => ({ claims: { nonce: 'another' } })],
    ['without a nonce', () => ({ claims: { nonce: undefined } })],
    ['for another audience', () => ({ claims: { aud: 'another' } })],
    ['for several, of which nobody says who it was issued to', () => ({ claims: { aud: ['team-chat', 'another'] } })],
    ['issued to another', () => ({ claims: { azp: 'another' } })],
    ['issued to another, for several', () => ({ claims: { aud: ['team-chat', 'another'], azp: 'another' } })],
    ['of another issuer', () => ({ claims: { iss: 'https://evil.example' } })],
    ['without an issuer', () => ({ claims: { iss: undefined } })],
    ['without a subject', () => ({ claims: { sub: undefined } })],
    ['that is over', () => ({ claims: { exp: seconds() - 90 } })],
    ['that is never over', () => ({ claims: { exp: undefined } })],
    ['that is not valid yet', () => ({ claims: { nbf: seconds() + 90 } })],
    ['without a signature', () => ({ signature: 'none' })],
    ['signed by the secret that both have', () => ({ signature: 'secret' })],
    ['signed by a key that is not the provider’s', () => ({ signature: 'foreign' })],
    ['signed by a key that is not known', () => ({ signature: 'foreign', header: { kid: 'another' } })],
  ]
  test.each(forgeries)('%s lets nobody in', async (_, forge) => {
    const site = await start()
    // As a provider may that takes everything.
    oidc.metadata = { id_token_signing_alg_values_supported: ['RS256', 'HS256', 'none'] }
    oidc.forge = forge()
    const browser = site.visitor()
    await expectRefused(site, browser, await arrive(browser, oidc), 400, 'Signing in with Example Login did not work')
    expect(reasons(site)).toEqual(['sign_in_failed'])
  })

  test('is told from one of a clock that is a little off', async () => {
    const site = await start()
    for (const claims of [{ exp: seconds() - 30 }, { nbf: seconds() + 30 }]) {
      oidc.forge = { claims }
      const browser = site.visitor()
      expect((await arrive(browser, oidc)).status).toBe(303)
      expect(sessionOf(browser)).toBeDefined()
    }
  })

  test('is not believed about its own provider either', async () => {
    const site = await start()
    oidc.metadata = { issuer: 'https://evil.example' }
    const browser = site.visitor()
    await expectRefused(site, browser, await browser.get('/sign-in/oidc?moved=1'), 400, 'did not work')
  })
})

describe('coming back', () => {
  test('with another state does not, and leaves the sign-in that is under way alone', async () => {
    const site = await start()
    const browser = site.visitor()
    const back = await throughProvider(browser, oidc, '/sign-in/oidc')
    const wrong = new URL(back)
    wrong.searchParams.set('state', 'another')
    await expectRefused(site, browser, await browser.get(pathOf(wrong)), 400, 'begun in another browser')
    wrong.searchParams.delete('state')
    await expectRefused(site, browser, await browser.get(pathOf(wrong)), 400, 'begun in another browser')
    expect((await browser.get(pathOf(back))).headers.get('location')).toBe('/')
    expect(sessionOf(browser)).toBeDefined()
  })

  test('in another browser does not', async () => {
    const site = await start()
    const back = await throughProvider(site.visitor(), oidc, '/sign-in/oidc')
    const asked = oidc.asked.length
    const stranger = site.visitor()
    await expectRefused(site, stranger, await stranger.get(pathOf(back)), 400, 'begun in another browser')
    const busy = site.visitor()
    await throughProvider(busy, oidc, '/sign-in/oidc')
    await expectRefused(site, busy, await busy.get(pathOf(back)), 400, 'begun in another browser')
    expect(oidc.asked.slice(asked)).not.toContain('POST /token')
  })

  test('with a cookie that was changed does not', async () => {
    const site = await start()
    const browser = site.visitor()
    const back = await throughProvider(browser, oidc, '/sign-in/oidc')
    const cookie = browser.cookies.get('chat_sign_in')!
    const bytes = Buffer.from(cookie.value, 'base64url')
    bytes[20]! ^= 1
    for (const value of [bytes.toString('base64url'), 'x', cookie.value.slice(0, 30)]) {
      browser.cookies.set('chat_sign_in', { ...cookie, value })
      await expectRefused(site, browser, await browser.get(pathOf(back)), 400, 'begun in another browser')
    }
  })

  test('a second time does not, even with the cookie of before', async () => {
    const site = await start()
    const browser = site.visitor()
    const back = await throughProvider(browser, oidc, '/sign-in/oidc')
    const cookie = browser.cookies.get('chat_sign_in')!
    expect((await browser.get(pathOf(back))).status).toBe(303)
    expect(browser.cookies.has('chat_sign_in')).toBe(false)
    const asked = oidc.asked.length
    const thief = site.visitor()
    thief.cookies.set('chat_sign_in', cookie)
    const response = await thief.get(pathOf(back))
    expect([response.status, sessionOf(thief)]).toEqual([400, undefined])
    expect(oidc.asked.length).toBe(asked)
  })

  test('with a code that was used before does not', async () => {
    const site = await start()
    const first = await throughProvider(site.visitor(), oidc, '/sign-in/oidc')
    const stolen = first.searchParams.get('code')!
    const browser = site.visitor()
    const back = await throughProvider(browser, oidc, '/sign-in/oidc')
    back.searchParams.set('code', stolen)
    // Of another browser's attempt: neither its nonce nor its verifier are known here.
    await expectRefused(site, browser, await browser.get(pathOf(back)), 400, 'did not work')

    const once = site.visitor()
    const good = await throughProvider(once, oidc, '/sign-in/oidc')
    await once.get(pathOf(good))
    const again = site.visitor()
    const replay = await throughProvider(again, oidc, '/sign-in/oidc')
    replay.searchParams.set('code', good.searchParams.get('code')!)
    const response = await again.get(pathOf(replay))
    expect([response.status, sessionOf(again)]).toEqual([400, undefined])
  })

  test('too late does not', async () => {
    let now = Date.now()
    const site = await start({ now: () => now })
    const browser = site.visitor()
    const back = await throughProvider(browser, oidc, '/sign-in/oidc')
    now += 10 * 60_000
    await expectRefused(site, browser, await browser.get(pathOf(back)), 400, 'took too long')
  })

  test('from another provider than one went to does not', async () => {
    const site = await start()
    const browser = site.visitor()
    const back = await throughProvider(browser, oidc, '/sign-in/oidc')
    await expectRefused(
      site,
      browser,
      await browser.get(`/sign-in/slack/callback${back.search}`),
      400,
      'begun in another browser',
    )
    back.searchParams.set('iss', 'https://evil.example')
    await expectRefused(site, browser, await browser.get(pathOf(back)), 400, 'did not work')
  })

  test('with a no is no failure, and says so in our own words', async () => {
    const site = await start()
    oidc.declines = true
    const browser = site.visitor()
    await expectRefused(
      site,
      browser,
      await arrive(browser, oidc, '/sign-in/oidc?next=%2Fc%2Fsomeconversation1'),
      400,
      'did not finish',
    )
    expect(reasons(site)).toEqual(['sign_in_declined'])
    oidc.declines = false
    expect((await arrive(browser, oidc)).status).toBe(303)
  })

  test('again and again is stopped, for whoever comes from the same address', async () => {
    const site = await start({ web: { limits: { loginPerAddress: 2 } } })
    oidc.forge = { signature: 'none' }
    for (const status of [400, 400, 429]) expect((await arrive(site.visitor(), oidc)).status).toBe(status)
    expect(oidc.asked.filter((one) => one === 'POST /token')).toHaveLength(2)
  })
})

describe('a provider in trouble', () => {
  test.each(['down', 'broken', 'silent'] as const)(
    'that is %s is told in plain words, with the password form beside, and tried anew',
    async (state) => {
      const site = await start({ patienceSeconds: 0.3 })
      oidc.state = state
      const browser = site.visitor()
      const response = await browser.get('/sign-in/oidc?moved=1&next=%2Fc%2Fsomeconversation1')
      const html = await response.clone().text()
      await expectRefused(site, browser, response, 503, 'Example Login cannot be reached right now')
      expect(html).toContain('href="/sign-in/oidc?next=%2Fc%2Fsomeconversation1"')
      oidc.state = 'up'
      expect((await arrive(browser, oidc)).status).toBe(303)
    },
  )

  test.each(['down', 'broken', 'silent'] as const)(
    'that is %s when the code is to be exchanged, likewise',
    async (state) => {
      const site = await start({ patienceSeconds: 0.3 })
      const browser = site.visitor()
      const back = await throughProvider(browser, oidc, '/sign-in/oidc')
      oidc.state = state
      await expectRefused(site, browser, await browser.get(pathOf(back)), 503, 'cannot be reached')
      oidc.state = 'up'
      expect((await arrive(browser, oidc)).status).toBe(303)
    },
  )

  test('hinders neither the start of the service nor those who come by password', async () => {
    oidc.state = 'silent'
    const site = await start()
    const browser = await site.person('grace')
    expect((await browser.get('/')).status).toBe(200)
    expect(oidc.asked).toEqual([])
  })

  test('that has moved is found at the next try', async () => {
    const site = await start()
    oidc.metadata = { token_endpoint: `${oidc.issuer}/moved/away` }
    const browser = site.visitor()
    expect((await arrive(browser, oidc)).status).toBe(400)
    oidc.metadata = {}
    expect((await arrive(browser, oidc)).status).toBe(303)
  })

  test('is asked once for what it publishes, however many come', async () => {
    const site = await start()
    await Promise.all([1, 2, 3].map(() => site.visitor().get('/sign-in/oidc?moved=1')))
    await arrive(site.visitor(), oidc)
    expect(oidc.asked.filter((one) => one.includes('well-known'))).toHaveLength(1)
  })
})
