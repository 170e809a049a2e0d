import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { webIdentityOf } from '../../src/ids.ts'
import type { User } from '../../src/types.ts'
import { type OidcStandIn, startOidc } from '../support/oidc.ts'
import { arrive, providersAt, redirectUris, startSignInSite, throughProvider } from '../support/signIn.ts'
import { type Browser, commonPassword, type Site, type SiteOptions, tokenIn } from '../support/web.ts'

let oidc: OidcStandIn
beforeAll(async () => {
  oidc = await startOidc({ redirectUris })
})
afterAll(() => oidc.close())

const sites: Site[] = []
beforeEach(() => {
  Object.assign(oidc, { aside: {}, forge: null, declines: false, metadata: {}, state: 'up' })
  oidc.person = { sub: 'ada-1', name: 'Ada Elsewhere', email: 'ada@example.com', email_verified: true }
})
afterEach(async () => {
  oidc.state = 'up'
  await Promise.all(sites.splice(0).map((site) => site.close()))
})

async function start(options: SiteOptions = {}): Promise<Site> {
  const site = await startSignInSite([providersAt(oidc).oidc], { patienceSeconds: 0.3, ...options })
  sites.push(site)
  return site
}

const proven = () => `oidc:${oidc.issuer}:ada-1`
const me = async (browser: Browser) => (await browser.json<{ user?: { id: string; name: string } }>('/me')).user
const locationOf = (response: Response) => [response.status, response.headers.get('location')]

/** Follow one redirect to a page of ours; its words, and its token is remembered. */
const led = async (browser: Browser, response: Response): Promise<string> => {
  expect(response.status).toBe(303)
  return browser.page(response.headers.get('location')!)
}
/** The text of a page without its mark-up. */
const words = (html: string): string =>
  html
    .replace(/<[^>]+>/g, ' ')
    .replace(/&#39;/g, '’')
    .replace(/\s+/g, ' ')

const codeIn = (html: string): string => /id="code"[^>]*>([^<]+)</.exec(html)?.[1] ?? ''
const wayIn = (html: string): string => /account\/unlink\?way=([\w-]+)/.exec(html)?.[1] ?? ''

describe('the account page', () => {
  test('says who one is and which ways lead in, and is linked from the chat', async () => {
    const site = await start()
    const ada = await site.person('ada')
    expect(await ada.page('/')).toContain('href="/account"')
    const html = words(await ada.page('/account'))
    expect(html).toMatch(/Name and password ada this session/)
    expect(html).toContain('Connect Example Login')
    // The only way in can not be taken away.
    expect(html).not.toContain('Unlink')
  })

  test('leads admins to the administration, and nobody else', async () => {
    const site = await start()
    const ada = await site.addUser('ada', commonPassword, { roles: ['admin', 'member'] })
    expect(await (await site.person(ada.name)).page('/account')).toContain('href="/admin"')
    expect(await (await site.person('bob')).page('/account')).not.toContain('/admin')
  })

  test('names an address once, whoever vouches for it', async () => {
    const site = await start()
    const emails: User['emails'] = [
      { address: 'ada@example.com', verifiedBy: 'slack' },
      { address: 'ada@example.com', verifiedBy: 'teams' },
    ]
    await site.addUser('ada', commonPassword, { emails })
    expect((await (await site.person('ada')).page('/account')).match(/ada@example\.com/g)).toHaveLength(1)
  })

  test('is for people who are signed in', async () => {
    const site = await start()
    for (const path of [
      '/account',
      '/account/link',
      '/account/connect',
      '/account/connect/oidc',
      '/account/unlink?way=x',
    ])
      expect((await site.visitor().get(path)).headers.get('location')).toBe(`/login?next=${encodeURIComponent(path)}`)
  })

  test.each([
    ['/account/connect', {}],
    ['/account/unlink', { way: 'x' }],
    ['/account/code', {}],
    ['/account/link', { code: 'ABCD-EFGH' }],
    ['/account/link/agree', {}],
    ['/account/link/decline', {}],
    ['/account/password', { current: commonPassword, next: 'a new password', again: 'a new password' }],
  ])('takes nothing for %s without its token, or from another site', async (path, fields) => {
    const site = await start()
    const ada = await site.person('ada')
    expect((await ada.form(path, { ...fields, _csrf: 'x' })).status).toBe(403)
    expect((await ada.form(path, fields, { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    expect((await site.visitor().signIn('ada')).status).toBe(303)
  })

  test('says nothing that somebody wrote into its address', async () => {
    const site = await start()
    const ada = await site.person('ada')
    const html = await ada.page('/account?failed=<b>bad&done=constructor&at=__proto__')
    expect(html).not.toMatch(/role="(alert|status)"/)
    expect(html).not.toContain('<b>bad')
  })
})

describe('connecting what is proven at a provider', () => {
  test('asks first, adds it, keeps the session, and lets one in that way from then on', async () => {
    const site = await start()
    const ada = await site.person('ada')
    const { id } = (await me(ada))!
    const session = ada.cookies.get('chat_session')!.value
    const asked = await arrive(ada, oidc, '/account/connect/oidc')
    expect(locationOf(asked)).toEqual([303, '/account/connect'])
    expect(words(await led(ada, asked))).toMatch(/Connect Example Login\?.*Ada Elsewhere ada@example\.com/)
    expect(await site.ports.users.find(proven())).toBeNull()

    expect(words(await led(ada, await ada.form('/account/connect', {})))).toContain('Connected.')
    expect(ada.cookies.get('chat_session')!.value).toBe(session)
    expect((await site.ports.users.find(proven()))?.id).toBe(id)
    const elsewhere = site.visitor()
    await arrive(elsewhere, oidc)
    expect((await me(elsewhere))?.id).toBe(id)
    // The question was for once.
    expect(locationOf(await ada.form('/account/connect', {}))).toEqual([303, '/account?failed=sign_in_over'])
  })

  test('joins two who both have conversations, after showing whose they are', async () => {
    const site = await start()
    const elsewhere = site.visitor()
    await arrive(elsewhere, oidc)
    const other = (await me(elsewhere))!
    const ada = await site.person('ada')
    const html = words(await led(ada, await arrive(ada, oidc, '/account/connect/oidc')))
    expect(html).toMatch(
      /Join these two\?.*Here ada Name and password.*There Ada Elsewhere Example Login .* No conversations/,
    )
    expect(words(await led(ada, await ada.form('/account/connect', {})))).toContain('The two are one now')
    // Both sessions are the one user's now.
    expect((await me(elsewhere))?.id).toBe((await me(ada))?.id)
    expect((await site.ports.users.get(other.id))?.identities).toEqual(
      expect.arrayContaining([proven(), webIdentityOf('ada')]),
    )
    expect((await site.audited()).map(({ data }) => data.action)).toContain('join')
  })

  test('ends no session while the two are still being joined', async () => {
    const site = await start()
    const ada = await site.person('ada')
    const { users } = site.ports
    const user = (await users.find(webIdentityOf('ada')))!
    // Their id and identity lead to another record already, in which the identity is not yet.
    const other = { ...user, id: 'somebody-else', identities: ['slack:T1:U1'], formerly: [user.id] }
    vi.spyOn(users, 'get').mockResolvedValue(other)
    vi.spyOn(users, 'find').mockResolvedValue(other)
    expect((await me(ada))?.id).toBe('somebody-else')
    vi.restoreAllMocks()
    expect((await me(ada))?.id).toBe(user.id)
  })

  test('says so where it is connected already', async () => {
    const site = await start()
    const browser = site.visitor()
    await arrive(browser, oidc)
    const asked = await arrive(browser, oidc, '/account/connect/oidc')
    const answer = await browser.get(asked.headers.get('location')!)
    expect(words(await led(browser, answer))).toContain('yours already')
  })

  test('is only for the session that began it', async () => {
    const site = await start()
    const ada = await site.person('ada')
    const back = await throughProvider(ada, oidc, '/account/connect/oidc')
    const flow = ada.cookies.get('chat_sign_in')!
    // Somebody else signs in in the same browser, or the cookie is put into another one.
    const bob = await site.person('bob')
    bob.cookies.set('chat_sign_in', flow)
    expect(locationOf(await bob.get(back.pathname + back.search))).toEqual([
      303,
      '/account?failed=sign_in_over&at=oidc',
    ])
    const nobody = site.visitor()
    const second = await throughProvider(ada, oidc, '/account/connect/oidc')
    nobody.cookies.set('chat_sign_in', ada.cookies.get('chat_sign_in')!)
    expect((await nobody.get(second.pathname + second.search)).status).toBe(400)

    await arrive(ada, oidc, '/account/connect/oidc')
    bob.cookies.set('chat_connect', ada.cookies.get('chat_connect')!)
    expect(locationOf(await bob.get('/account/connect'))).toEqual([303, '/account?failed=sign_in_over'])
    expect(locationOf(await bob.form('/account/connect', {}))).toEqual([303, '/account?failed=sign_in_over'])
    expect(await site.ports.users.find(proven())).toBeNull()
  })

  test('tells on the page what went wrong at the provider, and keeps the session', async () => {
    const site = await start()
    const ada = await site.person('ada')
    oidc.declines = true
    expect(words(await led(ada, await arrive(ada, oidc, '/account/connect/oidc')))).toContain('did not finish')
    oidc.declines = false
    oidc.forge = { signature: 'none' }
    expect(words(await led(ada, await arrive(ada, oidc, '/account/connect/oidc')))).toContain(
      'Signing in with Example Login did not work',
    )
    oidc.state = 'down'
    const site2 = await start({ ports: site.ports })
    const again = await site2.person('ada')
    expect(words(await led(again, await again.get('/account/connect/oidc')))).toContain(
      'Example Login cannot be reached',
    )
    expect(await me(ada)).toBeDefined()
  })

  test('is refused where the other one is switched off, and nothing is joined', async () => {
    const site = await start()
    await arrive(site.visitor(), oidc)
    const other = (await site.ports.users.find(proven()))!
    await site.ports.users.update(other.id, { state: 'disabled' })
    const ada = await site.person('ada')
    await led(ada, await arrive(ada, oidc, '/account/connect/oidc'))
    expect(words(await led(ada, await ada.form('/account/connect', {})))).toContain('switched off')
    expect((await site.ports.users.find(proven()))?.id).toBe(other.id)
    expect((await me(ada))?.id).not.toBe(other.id)
  })
})

describe('unlinking', () => {
  async function joined(site: Site): Promise<Browser> {
    const ada = await site.person('ada')
    await led(ada, await arrive(ada, oidc, '/account/connect/oidc'))
    await ada.form('/account/connect', {})
    return ada
  }
  async function wayOf(browser: Browser, name: string): Promise<string> {
    const html = await browser.page('/account')
    const item = html.split('<li>').find((one) => one.includes(`<b>${name}</b>`))!
    return wayIn(item)
  }

  test('asks first; then each goes its own way, and the history stays', async () => {
    const site = await start()
    const ada = await joined(site)
    const { id } = (await me(ada))!
    const way = await wayOf(ada, 'Example Login')
    expect(words(await ada.page(`/account/unlink?way=${way}`))).toMatch(/Unlink Example Login\?.*no history/)
    expect(words(await led(ada, await ada.form('/account/unlink', { way })))).toContain('goes its own way')
    expect((await me(ada))?.id).toBe(id)
    const elsewhere = site.visitor()
    await arrive(elsewhere, oidc)
    expect((await me(elsewhere))?.id).not.toBe(id)
    expect((await site.audited()).map(({ data }) => data.action)).toContain('unlink')
  })

  test('of the way one came in by signs out, here and wherever it was used', async () => {
    const site = await start()
    const ada = await joined(site)
    const elsewhere = site.visitor()
    await arrive(elsewhere, oidc)
    const elsewhereToo = site.visitor()
    await arrive(elsewhereToo, oidc)
    const way = await wayOf(elsewhere, 'Example Login')
    expect(words(await elsewhere.page(`/account/unlink?way=${way}`))).toContain('you will be signed out here')
    expect(locationOf(await elsewhere.form('/account/unlink', { way }))).toEqual([303, '/login'])
    expect((await elsewhere.api('GET', '/me')).status).toBe(401)
    expect((await elsewhereToo.api('GET', '/me')).status).toBe(401)
    expect((await ada.api('GET', '/me')).status).toBe(200)
  })

  test('of the last way in is refused', async () => {
    const site = await start()
    const ada = await joined(site)
    const own = await wayOf(ada, 'Name and password')
    const other = await wayOf(ada, 'Example Login')
    await ada.form('/account/unlink', { way: other })
    expect(words(await led(ada, await ada.get(`/account/unlink?way=${own}`)))).toContain('the only way in')
    expect(words(await led(ada, await ada.form('/account/unlink', { way: own })))).toContain('the only way in')
  })

  test('of what is not one’s own finds nothing', async () => {
    const site = await start()
    const ada = await joined(site)
    const way = await wayOf(ada, 'Example Login')
    const bob = await site.person('bob')
    expect((await bob.get(`/account/unlink?way=${way}`)).status).toBe(404)
    await bob.page('/account')
    expect((await bob.form('/account/unlink', { way })).status).toBe(404)
    expect((await site.ports.users.find(proven()))?.id).toBe((await me(ada))?.id)
  })
})

describe('joining by a code', () => {
  async function offered(site: Site): Promise<{ ada: Browser; other: Browser; code: string }> {
    const ada = await site.person('ada')
    const other = site.visitor()
    await arrive(other, oidc)
    await other.page('/account')
    const code = codeIn(await led(ada, await ada.form('/account/code', {})))
    expect(code).toMatch(/^[A-Z0-9]{4}-[A-Z0-9]{4}$/)
    return { ada, other, code }
  }

  test('shows it to one side, both to both, and joins when both have said yes', async () => {
    const site = await start()
    const { ada, other, code } = await offered(site)
    const typed = ` ${code.toLowerCase().replace('-', ' ')} `
    const seen = words(await led(other, await other.form('/account/link', { code: typed })))
    expect(seen).toMatch(/Join these two\?.*Here Ada Elsewhere.*There ada Name and password/)
    expect(words(await ada.page('/account/link'))).toMatch(/Join these two\?.*Here ada.*There Ada Elsewhere/)

    expect(words(await led(other, await other.form('/account/link/agree', {})))).toContain('Waiting for the other side')
    expect(words(await ada.page('/account/link'))).toContain('There Ada Elsewhere Example Login')
    expect((await me(ada))?.id).not.toBe((await me(other))?.id)
    expect(words(await led(ada, await ada.form('/account/link/agree', {})))).toContain('The two are one now')
    expect((await me(ada))?.id).toBe((await me(other))?.id)
    expect(words(await led(other, await other.get('/account/link')))).toContain('The two are one now')
  })

  test('does nothing when one side says no, and the code is over', async () => {
    const site = await start()
    const { ada, other, code } = await offered(site)
    await led(other, await other.form('/account/link', { code }))
    await ada.page('/account/link')
    expect(words(await led(ada, await ada.form('/account/link/decline', {})))).toContain('Nothing was joined')
    expect(words(await led(other, await other.form('/account/link/agree', {})))).toContain('wrong, was used already')
    expect((await me(ada))?.id).not.toBe((await me(other))?.id)
  })

  test('refuses a wrong code, one’s own, and one that is over', async () => {
    let now = Date.now()
    const site = await start({ now: () => now })
    const { ada, other, code } = await offered(site)
    expect(words(await led(other, await other.form('/account/link', { code: 'AAAA-AAAA' })))).toContain(
      'wrong, was used already',
    )
    await ada.page('/account')
    expect(words(await led(ada, await ada.form('/account/link', { code })))).toContain('your own code')
    now += 10 * 60_000
    expect(words(await led(other, await other.form('/account/link', { code })))).toContain('has run out')
    expect(words(await led(ada, await ada.get('/account/link')))).toContain('has run out')
  })

  test('shows a code to the session alone that it was made in', async () => {
    const site = await start()
    const { ada, other, code } = await offered(site)
    other.cookies.set('chat_link', ada.cookies.get('chat_link')!)
    const html = await led(other, await other.get('/account/link'))
    expect(html).not.toContain(code)
  })
})

describe('a new password', () => {
  const next = 'another good password'

  test('takes the place of the old one, and ends all other sessions', async () => {
    const site = await start()
    const ada = await site.person('ada')
    const other = await site.person('ada')
    await ada.page('/account')
    const response = await ada.form('/account/password', { current: commonPassword, next, again: next })
    expect(words(await led(ada, response))).toContain('Your password was changed')
    expect((await other.api('GET', '/me')).status).toBe(401)
    expect((await ada.api('GET', '/me')).status).toBe(200)
    expect((await site.visitor().signIn('ada')).status).toBe(401)
    expect((await site.visitor().signIn('ada', next)).status).toBe(303)
    expect((await site.audited()).map(({ data }) => data.action)).toContain('password')
    expect(JSON.stringify([site.lines, await site.audited()])).not.toContain(next)
  })

  test.each([
    ['the current one is wrong', { current: 'wrong', next, again: next }, 403, 'current password is not right'],
    ['the two are not the same', { current: commonPassword, next, again: 'other' }, 400, 'not the same'],
    ['it is too short', { current: commonPassword, next: 'short', again: 'short' }, 400, 'at least 8 characters'],
    [
      'it is far too long',
      { current: commonPassword, next: 'x'.repeat(1_025), again: 'x'.repeat(1_025) },
      400,
      'at most',
    ],
  ])('is refused where %s, and nothing changes', async (_, fields, status, text) => {
    const site = await start()
    const ada = await site.person('ada')
    const other = await site.person('ada')
    await ada.page('/account')
    const response = await ada.form('/account/password', fields)
    const html = await response.text()
    expect([response.status, tokenIn(html) !== undefined]).toEqual([status, true])
    expect(words(html)).toContain(text)
    expect((await other.api('GET', '/me')).status).toBe(200)
    expect((await site.visitor().signIn('ada')).status).toBe(303)
  })

  test('can not be tried for again and again', async () => {
    const site = await start({ web: { limits: { loginPerName: 2 } } })
    const ada = await site.person('ada')
    await ada.page('/account')
    const tried: number[] = []
    for (const current of ['a', 'b', commonPassword])
      tried.push((await ada.form('/account/password', { current, next, again: next })).status)
    expect(tried).toEqual([403, 403, 429])
  })

  test('is nothing for those who have none', async () => {
    const site = await start()
    const browser = site.visitor()
    await arrive(browser, oidc)
    expect(await browser.page('/account')).not.toContain('Change password')
    expect((await browser.form('/account/password', { current: '', next, again: next })).status).toBe(404)
  })
})
