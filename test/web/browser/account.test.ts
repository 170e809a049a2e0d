import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type OidcStandIn, startOidc } from '../../support/oidc.ts'
import { asked, describeBrowser, findings, phone, ready, site, tooWide } from './support.ts'

/** Addresses that must be known before the service runs: where providers send people back to. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const looks: [string, BrowserContextOptions][] = [
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['on a phone', { ...phone, colorScheme: 'dark' }],
]

describeBrowser('signing in elsewhere, and one’s account', () => {
  const env: Record<string, string> = {}
  let oidc: OidcStandIn
  beforeAll(async () => {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    oidc = await startOidc({
      redirectUris: ['slack', 'microsoft', 'oidc'].map((provider) => `${url}/sign-in/${provider}/callback`),
    })
    const { issuer, clientId, clientSecret } = oidc
    const tenant = '11111111-2222-3333-4444-555555555555'
    Object.assign(env, {
      PORT: String(port),
      PUBLIC_URL: url,
      SLACK_ALLOWED_TEAMS: 'T1',
      SIGN_IN_SLACK_ISSUER: issuer,
      SIGN_IN_SLACK_CLIENT_ID: clientId,
      SIGN_IN_SLACK_CLIENT_SECRET: clientSecret,
      SIGN_IN_OIDC_ISSUER: issuer,
      SIGN_IN_OIDC_CLIENT_ID: clientId,
      SIGN_IN_OIDC_CLIENT_SECRET: clientSecret,
      SIGN_IN_OIDC_NAME: 'Example Login',
      MicrosoftAppTenantId: tenant,
      MicrosoftAppId: tenant,
      MicrosoftAppPassword: 'not used here',
      SIGN_IN_MICROSOFT_ISSUER: issuer,
      SIGN_IN_MICROSOFT_CLIENT_ID: tenant,
      SIGN_IN_MICROSOFT_CLIENT_SECRET: clientSecret,
    })
  })
  const here = site({ env })
  afterAll(() => oidc?.close())
  beforeEach(() => {
    Object.assign(oidc, { state: 'up', forge: null, declines: false })
  })

  /** Somebody new, whom only the provider knows. */
  let people = 0
  function somebody(name: string): void {
    people += 1
    oidc.person = { sub: `person-${people}`, name, email: `person-${people}@example.com`, email_verified: true }
  }

  async function fine(page: Page): Promise<void> {
    expect(await findings(page)).toEqual([])
    expect(await tooWide(page)).toEqual([])
  }

  const link = (page: Page, name: string) => page.getByRole('link', { name })
  const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })

  it('takes one in by one click, with and without scripts', async () => {
    for (const javaScriptEnabled of [true, false]) {
      somebody('Ada Elsewhere')
      const page = await here.page('/login?next=%2Faccount', { signedIn: false, javaScriptEnabled })
      await link(page, 'Sign in with Example Login').click()
      await page.waitForURL('**/account')
      expect(await page.locator('.who-name').innerText()).toBe('Ada Elsewhere')
    }
  })

  it('lets one write like anybody', async () => {
    somebody('Ada Elsewhere')
    const page = await here.page('/login', { signedIn: false })
    await link(page, 'Sign in with Example Login').click()
    await ready(page)
    expect(await page.locator('.account-name').innerText()).toBe('Ada Elsewhere')
    await asked(page, 'Do you hear me?')
  })

  it.each(looks)('offers it in a way that all can use: %s', async (_, look) => {
    here.expectFaults(/status of (400|401|503)/)
    const page = await here.page('/login', { signedIn: false, ...look })
    await fine(page)
    oidc.declines = true
    await link(page, 'Sign in with Slack').click()
    await page.getByRole('alert').waitFor()
    expect(await page.getByRole('alert').innerText()).toContain('did not finish')
    await fine(page)
    await page.getByLabel('Name', { exact: true }).fill('nobody')
    await page.getByLabel('Password', { exact: true }).fill('wrong password')
    await button(page, 'Sign in').click()
    await page.getByText('not right').waitFor()
    await fine(page)
  })

  it('says that a provider cannot be reached, and tries again at the next click', async () => {
    here.expectFaults(/status of 503/)
    somebody('Grace Elsewhere')
    oidc.state = 'down'
    await here.restart()
    const page = await here.page('/login', { signedIn: false })
    await link(page, 'Sign in with Example Login').click()
    await page.getByRole('alert').waitFor()
    expect(await page.getByRole('alert').innerText()).toContain('Example Login cannot be reached')
    oidc.state = 'up'
    await link(page, 'Sign in with Example Login').click()
    await ready(page)
  })

  it.each(looks)('connects and unlinks, each after a question: %s', async (_, look) => {
    somebody('Ada Elsewhere')
    const page = await here.page('/', { ...look })
    if (look.isMobile) await page.getByRole('button', { name: 'Show the conversation list' }).click()
    await page.getByRole('link', { name: /your account/ }).click()
    await page.waitForURL('**/account')
    await fine(page)
    await link(page, 'Connect Example Login').click()
    await page.getByRole('heading', { name: 'Connect Example Login?' }).waitFor()
    await fine(page)
    await button(page, 'Connect').click()
    await page.getByRole('status').waitFor()
    await fine(page)
    await link(page, 'Unlink Example Login').click()
    await page.getByRole('heading', { name: 'Unlink Example Login?' }).waitFor()
    await fine(page)
    await button(page, 'Unlink').click()
    expect(await page.getByRole('status').innerText()).toContain('goes its own way')
  })

  it('shows both sides before two with a history become one', async () => {
    somebody('Ada Elsewhere')
    const there = await here.page('/login', { signedIn: false })
    await link(there, 'Sign in with Example Login').click()
    await ready(there)
    const page = await here.page('/account/connect/oidc', { signedIn: true, javaScriptEnabled: false })
    await page.getByRole('heading', { name: 'Join these two?' }).waitFor()
    expect(await page.locator('.side').allInnerTexts()).toEqual([
      expect.stringContaining('admin'),
      expect.stringMatching(/Ada Elsewhere\s+Example Login.*\s+No conversations/),
    ])
    await link(page, 'Not now').click()
    await page.waitForURL('**/account')
  })

  it.each(looks)('joins by a code, and each side sees at once what the other did: %s', async (_, look) => {
    const pages: Page[] = []
    for (const name of ['Ada One', 'Ada Two']) {
      somebody(name)
      const page = await here.page('/login?next=%2Faccount', { signedIn: false, ...look })
      await link(page, 'Sign in with Example Login').click()
      await page.waitForURL('**/account')
      pages.push(page)
    }
    const [one, two] = pages as [Page, Page]
    await button(one, 'Get a code').click()
    const code = await one.locator('#code').innerText()
    await fine(one)
    await two.getByLabel('A code from elsewhere').fill(code)
    await button(two, 'Enter').click()
    await two.getByRole('heading', { name: 'Join these two?' }).waitFor()
    await fine(two)
    // By itself, without a click.
    await one.getByRole('heading', { name: 'Join these two?' }).waitFor()
    await button(one, 'Join them').click()
    await one.getByRole('heading', { name: 'Waiting for the other side' }).waitFor()
    await fine(one)
    await two.getByText('Said yes').waitFor()
    await button(two, 'Join them').click()
    await two.getByText('The two are one now').waitFor()
    await one.getByText('The two are one now').waitFor()
    expect(await one.locator('.ways li').count()).toBe(2)
  })
})
