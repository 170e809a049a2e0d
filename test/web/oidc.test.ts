import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Provider } from '../../adapters/web/index.ts'
import { type OidcStandIn, startOidc } from '../support/oidc.ts'
import {
  arrive,
  objectId,
  providersAt,
  publicUrl,
  redirectUris,
  startSignInSite,
  tenant,
  throughProvider,
} from '../support/signIn.ts'
import { Browser, type Site, type SiteOptions, startSite } from '../support/web.ts'

let oidc: OidcStandIn
beforeAll(async () => {
  oidc = await startOidc({ redirectUris: [...redirectUris, `${publicUrl}/bot/sign-in/oidc/callback`] })
})
afterAll(() => oidc.close())

const honest = { aside: {}, forge: null, declines: false, metadata: {}, state: 'up' } as const
const ada = { sub: 'ada-1', name: 'Ada Lovelace', email: 'ada@example.com', email_verified: true }
const sites: Site[] = []
beforeEach(() => {
  Object.assign(oidc, honest, { person: ada })
  oidc.asked.length = 0
  oidc.authorized.length = 0
})
afterEach(async () => {
  await Promise.all(sites.splice(0).map((site) => site.close()))
})

async function start(
  provider: Partial<Provider> = {},
  options: SiteOptions & { patienceSeconds?: number } = {},
): Promise<Site> {
  const base = providersAt(oidc)[provider.id ?? 'oidc']
  const site = await startSignInSite([{ ...base, ...provider } as Provider], options)
  sites.push(site)
  return site
}

const me = async (browser: Browser) => (await browser.json<{ user?: { id: string; name: string } }>('/me')).user
const sessionOf = (browser: Browser) => browser.cookies.get('chat_session')?.value

describe('signing in at a provider', () => {
  test('is offered on the login page, above the form, and needs no script', async () => {
    const site = await start()
    const html = await site.visitor().page('/login?next=%2Fc%2Fsomeconversation1')
    const link = html.indexOf('href="/sign-in/oidc?next=%2Fc%2Fsomeconversation1"')
    expect(link).toBeGreaterThan(0)
    expect(html.indexOf('id="login"')).toBeGreaterThan(link)
    expect(html).toContain('Sign in with <bdi>Example Login</bdi>')
  })

  test('leads to where one wanted to go, as the person whom the provider knows', async () => {
    const site = await start()
    const browser = site.visitor()
    const response = await arrive(browser, oidc, '/sign-in/oidc?next=%2Fc%2Fsomeconversation1')
    expect([response.status, response.headers.get('location')]).toEqual([303, '/c/someconversation1'])
    const user = await me(browser)
    expect(user?.name).toBe('Ada Lovelace')
    expect(await site.ports.users.find(`oidc:${oidc.issuer}:ada-1`)).toMatchObject({
      id: user?.id,
      emails: [{ address: 'ada@example.com', verifiedBy: 'oidc' }],
      roles: ['member'],
    })
    expect((await site.audited()).map(({ user, data }) => [data.action, user])).toEqual([['sign_in', user?.id]])
    expect(JSON.stringify(site.lines)).not.toMatch(/Ada|example\.com|ada-1/)
  })

  test('sends state, nonce and a PKCE challenge, all new each time and none readable in the cookie', async () => {
    const site = await start()
    const browser = site.visitor()
    await throughProvider(browser, oidc, '/sign-in/oidc')
    const { value, attributes } = browser.cookies.get('chat_sign_in')!
    await throughProvider(browser, oidc, '/sign-in/oidc')
    const [first, second] = oidc.authorized
    expect(Object.fromEntries(first!)).toMatchObject({
      response_type: 'code',
      scope: 'openid profile email',
      code_challenge_method: 'S256',
      redirect_uri: 'https://chat.example.com/sign-in/oidc/callback',
    })
    for (const name of ['state', 'nonce', 'code_challenge']) {
      expect(first!.get(name)).toMatch(/^[\w-]{43}$/)
      expect(second!.get(name)).not.toBe(first!.get(name))
      expect(Buffer.from(value, 'base64url').toString('latin1')).not.toContain(first!.get(name))
    }
    expect(attributes).toMatch(/Max-Age=600; Path=\/;.*HttpOnly; SameSite=Lax/)
  })

  test('finds the same user again, with what changed at the source', async () => {
    const site = await start()
    const first = site.visitor()
    await arrive(first, oidc)
    oidc.person = { ...ada, name: 'Ada King', email: 'ada.king@example.com' }
    const second = site.visitor()
    await arrive(second, oidc)
    expect((await me(second))?.id).toBe((await me(first))?.id)
    const user = await site.ports.users.find(`oidc:${oidc.issuer}:ada-1`)
    expect(user?.emails.map(({ address }) => address)).toEqual(['ada.king@example.com'])
    expect(user?.name).toBe('Ada King')
  })

  test('asks for the name elsewhere where the ID token has none', async () => {
    const site = await start()
    oidc.person = { sub: 'ada-1' }
    oidc.aside = { name: 'Ada from aside' }
    const browser = site.visitor()
    await arrive(browser, oidc)
    expect((await me(browser))?.name).toBe('Ada from aside')
  })

  test('begins a new session: one that was planted is worth nothing', async () => {
    const site = await start()
    const attacker = await site.person('mallory')
    const victim = site.visitor()
    const back = await throughProvider(victim, oidc, '/sign-in/oidc')
    victim.cookies.set('chat_session', attacker.cookies.get('chat_session')!)
    expect((await victim.get(back.pathname + back.search)).status).toBe(303)
    expect(sessionOf(victim)).not.toBe(sessionOf(attacker))
    expect((await me(victim))?.name).toBe('Ada Lovelace')
    expect((await me(attacker))?.name).not.toBe('Ada Lovelace')
  })

  test('leads on at once whoever is signed in', async () => {
    const site = await start()
    const browser = await site.person('grace')
    const response = await browser.get('/sign-in/oidc?next=%2Fc%2Fsomeconversation1')
    expect(response.headers.get('location')).toBe('/c/someconversation1')
    expect(oidc.asked).toEqual([])
  })

  test.each([
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    '/%5Cevil.example/..//evil.example',
    'javascript:1',
  ])('never leads to %s', async (next) => {
    const site = await start()
    const response = await arrive(site.visitor(), oidc, `/sign-in/oidc?next=${encodeURIComponent(next)}`)
    expect(new URL(response.headers.get('location')!, 'https://chat.example.com').origin).toBe(
      'https://chat.example.com',
    )
  })

  test('has cookies that stay on this host, over TLS alone, in production', async () => {
    const site = await start({}, { server: { trustProxy: 1 }, web: { production: true } })
    const browser = site.visitor()
    const plain = await browser.get('/sign-in/oidc?moved=1')
    expect(plain.status).toBe(403)
    expect(await plain.text()).toContain('needs HTTPS')
    browser.headers = { 'x-forwarded-proto': 'https' }
    expect((await arrive(browser, oidc)).status).toBe(303)
    const other = site.visitor()
    other.headers = browser.headers
    await throughProvider(other, oidc, '/sign-in/oidc')
    expect(other.cookies.get('__Host-chat_sign_in')?.attributes).toMatch(/Path=\/;.*HttpOnly; Secure; SameSite=Lax/)
  })

  test('begins where people come back to, whatever they opened', async () => {
    const site = await start()
    const response = await site.visitor().get('/sign-in/oidc?next=%2Fc%2Fsomeconversation1')
    const there = '/sign-in/oidc?next=%2Fc%2Fsomeconversation1&moved=1'
    expect([response.status, response.headers.get('location')]).toEqual([303, publicUrl + there])
    expect(response.headers.getSetCookie()).toEqual([])
    // Behind a proxy that calls us by another name, it goes on from there.
    expect((await site.visitor().get(there)).headers.get('location')).toContain(`${oidc.issuer}/auth?`)
  })

  test('can begin at one instance and end at another, also while the session secret is changed', async () => {
    const one = await start({}, { secrets: ['1'.repeat(32)] })
    const two = await start({}, { ports: one.ports, secrets: ['2'.repeat(32), '1'.repeat(32)] })
    const browser = one.visitor()
    const back = await throughProvider(browser, oidc, '/sign-in/oidc')
    const elsewhere = two.visitor()
    elsewhere.cookies.set('chat_sign_in', browser.cookies.get('chat_sign_in')!)
    expect((await elsewhere.get(back.pathname + back.search)).status).toBe(303)
    expect((await me(elsewhere))?.name).toBe('Ada Lovelace')
    // It was used up for all of them.
    expect((await browser.get(back.pathname + back.search)).status).toBe(400)
  })

  test('works in a sub-path', async () => {
    const site = await startSite({
      web: { basePath: '/bot', signIn: { publicUrl: `${publicUrl}/bot`, providers: [providersAt(oidc).oidc] } },
    })
    sites.push(site)
    const root = site.url.slice(0, -'/bot'.length)
    const browser = new Browser(root)
    expect(await browser.page('/bot/login')).toContain('href="/bot/sign-in/oidc"')
    const out = await browser.get('/bot/sign-in/oidc?moved=1')
    const back = await oidc.visit(out.headers.get('location')!)
    const response = await browser.get(back.pathname + back.search)
    expect([back.pathname, response.headers.get('location')]).toEqual(['/bot/sign-in/oidc/callback', '/bot/'])
  })

  test('is nothing of a provider that is not set up', async () => {
    const site = await start()
    for (const path of ['/sign-in/slack', '/sign-in/slack/callback?code=1&state=2', '/sign-in/constructor'])
      expect((await site.visitor().get(path)).status).toBe(404)
  })

  test('is refused to a user who is switched off, and written down', async () => {
    const site = await start()
    await arrive(site.visitor(), oidc)
    const user = await site.ports.users.find(`oidc:${oidc.issuer}:ada-1`)
    await site.ports.users.update(user!.id, { state: 'disabled' })
    // What an instance knows of people is old news after the change is told.
    await site.ports.bus.publish('people', { keys: user!.identities })
    const browser = site.visitor()
    const response = await arrive(browser, oidc)
    expect(response.status).toBe(403)
    expect(await response.text()).toContain('switched off')
    expect(sessionOf(browser)).toBeUndefined()
    expect((await site.audited()).at(-1)).toMatchObject({
      user: user!.id,
      data: { action: 'sign_in_refused', details: { reason: 'refused_disabled' } },
    })
  })
})

describe('whom a provider means', () => {
  test('is in Slack the member of a workspace, as their messages name them', async () => {
    const site = await start({ id: 'slack' })
    const claims = { 'https://slack.com/team_id': 'T1ONE', 'https://slack.com/user_id': 'U1ADA' }
    oidc.person = { ...ada, sub: 'U1ADA', ...claims }
    await arrive(site.visitor(), oidc, '/sign-in/slack')
    expect(await site.ports.users.find('slack:T1ONE:U1ADA')).toMatchObject({ name: 'Ada Lovelace' })
    // The same id in another workspace is somebody else.
    oidc.person = { ...oidc.person, 'https://slack.com/team_id': 'T2TWO', name: 'Someone else' }
    await arrive(site.visitor(), oidc, '/sign-in/slack')
    expect(await site.ports.users.find('slack:T2TWO:U1ADA')).toMatchObject({ name: 'Someone else' })
    expect(await site.ports.users.find('slack:T1ONE:U1ADA')).toMatchObject({ name: 'Ada Lovelace' })
  })

  test('is in a Slack organisation its member, also where only the userinfo tells of it', async () => {
    const site = await start({ id: 'slack', teams: ['E1ORG'] } as Partial<Provider>)
    oidc.person = { ...ada, 'https://slack.com/team_id': 'T1ONE', 'https://slack.com/user_id': 'U1ADA' }
    oidc.aside = { 'https://slack.com/enterprise_id': 'E1ORG' }
    expect((await arrive(site.visitor(), oidc, '/sign-in/slack')).status).toBe(303)
    expect(await site.ports.users.find('slack:E1ORG:U1ADA')).toMatchObject({ name: 'Ada Lovelace' })
  })

  test('is nobody of a Slack workspace that is not listed', async () => {
    const site = await start({ id: 'slack', teams: ['T1ONE'] } as Partial<Provider>)
    oidc.person = { ...ada, 'https://slack.com/team_id': 'T2TWO', 'https://slack.com/user_id': 'U1ADA' }
    const response = await arrive(site.visitor(), oidc, '/sign-in/slack')
    expect(response.status).toBe(403)
    expect(await response.text()).toContain('may use this bot')
    expect(oidc.authorized[0]?.get('team')).toBe('T1ONE')
    expect((await site.audited()).map(({ data }) => data)).toEqual([
      { action: 'sign_in_refused', details: { by: 'slack', reason: 'refused_workspace' } },
    ])
    expect(await site.ports.users.list({ limit: 10 })).toEqual([])
  })

  test('is asked of Slack without PKCE until it says that it takes it', async () => {
    oidc.metadata = { code_challenge_methods_supported: undefined }
    const site = await start({ id: 'slack' })
    oidc.person = { ...ada, 'https://slack.com/team_id': 'T1ONE', 'https://slack.com/user_id': 'U1ADA' }
    expect((await arrive(site.visitor(), oidc, '/sign-in/slack')).status).toBe(303)
    expect(oidc.authorized[0]?.has('code_challenge')).toBe(false)
    oidc.metadata = {}
    const later = await start({ id: 'slack' })
    expect((await arrive(later.visitor(), oidc, '/sign-in/slack')).status).toBe(303)
    expect(oidc.authorized[1]?.get('code_challenge_method')).toBe('S256')
  })

  test('is at Microsoft a member of the tenant', async () => {
    const site = await start({ id: 'microsoft' })
    oidc.person = { sub: 'pairwise', name: 'Ada', tid: tenant.toUpperCase(), oid: objectId }
    expect((await arrive(site.visitor(), oidc, '/sign-in/microsoft')).status).toBe(303)
    expect(await site.ports.users.find(`teams:${tenant}:${objectId}`)).toMatchObject({ name: 'Ada' })
  })

  test.each([
    ['of another tenant', { tid: '99999999-2222-3333-4444-555555555555' }, 'may use this bot'],
    ['who is a guest by the account’s type', { acct: 1 }, 'full members'],
    [
      'who is a guest by where they signed in',
      { idp: 'https://sts.windows.net/99999999-2222-3333-4444-555555555555/' },
      'full members',
    ],
    ['who is a guest by the log-in', { preferred_username: 'ada_else.com#EXT#@example.com' }, 'full members'],
  ])('is at Microsoft nobody %s', async (_, claims, words) => {
    const site = await start({ id: 'microsoft' })
    oidc.person = { sub: 'pairwise', name: 'Ada', tid: tenant, oid: objectId, ...claims }
    const response = await arrive(site.visitor(), oidc, '/sign-in/microsoft')
    expect(response.status).toBe(403)
    expect(await response.text()).toContain(words)
    expect(await site.ports.users.list({ limit: 10 })).toEqual([])
  })

  test('may be a guest at Microsoft where the operator lets guests in, whose address is believed by nobody', async () => {
    const site = await start({ id: 'microsoft', allowGuests: true } as Partial<Provider>)
    oidc.person = { ...ada, tid: tenant, oid: objectId, acct: 1 }
    expect((await arrive(site.visitor(), oidc, '/sign-in/microsoft')).status).toBe(303)
    expect((await site.ports.users.find(`teams:${tenant}:${objectId}`))?.emails).toEqual([])
  })

  test.each([
    [{ email: 'ada@example.com' }, []],
    [{ email: 'ada@example.com', preferred_username: 'Ada@Example.com' }, ['ada@example.com']],
    [{ email: 'boss@other.example', preferred_username: 'ada@example.com' }, []],
    [{ email: 'ada@example.com', xms_edov: '1' }, ['ada@example.com']],
  ])('has at Microsoft an address only where the tenant owns it: %j', async (claims, addresses) => {
    const site = await start({ id: 'microsoft' })
    oidc.person = { sub: 'pairwise', name: 'Ada', tid: tenant, oid: objectId, ...claims }
    await arrive(site.visitor(), oidc, '/sign-in/microsoft')
    const user = await site.ports.users.find(`teams:${tenant}:${objectId}`)
    expect(user?.emails.map(({ address }) => address)).toEqual(addresses)
  })

  test.each([
    ['slack', { 'https://slack.com/user_id': 'U1ADA' }],
    ['slack', { 'https://slack.com/team_id': 'T1:U9', 'https://slack.com/user_id': 'U1ADA' }],
    ['slack', { 'https://slack.com/team_id': 'T1ONE', 'https://slack.com/user_id': 7 }],
    ['microsoft', { tid: tenant }],
    ['microsoft', { tid: `${tenant}:x`, oid: objectId }],
  ] as const)('is nobody at %s where it does not say who: %j', async (id, claims) => {
    const site = await start({ id })
    oidc.person = { ...ada, ...claims }
    const response = await arrive(site.visitor(), oidc, `/sign-in/${id}`)
    expect(response.status).toBe(400)
    expect(await site.ports.users.list({ limit: 10 })).toEqual([])
  })

  test('is refused without a verified address in the domains that are listed', async () => {
    const site = await start({ id: 'oidc', domains: ['example.com'] } as Partial<Provider>)
    for (const claims of [{ email_verified: false }, { email: 'ada@evil.example' }, { email: undefined }]) {
      oidc.person = { ...ada, ...claims }
      expect((await arrive(site.visitor(), oidc)).status).toBe(403)
    }
    oidc.person = { ...ada, email: 'Ada@Example.COM' }
    expect((await arrive(site.visitor(), oidc)).status).toBe(303)
  })

  test('is joined by an address only where it is verified, and never because it changed later', async () => {
    const site = await start({ id: 'slack' }, { linkDomains: ['example.com'] })
    oidc.person = { ...ada, 'https://slack.com/team_id': 'T1ONE', 'https://slack.com/user_id': 'U1ADA' }
    await arrive(site.visitor(), oidc, '/sign-in/slack')
    const inSlack = await site.ports.users.find('slack:T1ONE:U1ADA')

    const other = await start({}, { ports: site.ports, linkDomains: ['example.com'] })
    const userOf = async (sub: string, claims: object) => {
      oidc.person = { ...ada, sub, ...claims }
      await arrive(other.visitor(), oidc)
      return (await other.ports.users.find(`oidc:${oidc.issuer}:${sub}`))!
    }
    expect((await userOf('unverified', { email_verified: false })).id).not.toBe(inSlack?.id)
    expect((await userOf('elsewhere', { email: 'eve@other.example' })).id).not.toBe(inSlack?.id)
    expect((await userOf('elsewhere', {})).id).not.toBe(inSlack?.id)
    expect((await userOf('verified', {})).id).toBe(inSlack?.id)
  })
})
