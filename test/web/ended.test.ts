import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Profile } from '../../src/types.ts'
import { type OidcStandIn, startOidc } from '../support/oidc.ts'
import { arrive, providersAt, redirectUris, startSignInSite } from '../support/signIn.ts'
import { Browser, startSite } from '../support/web.ts'

let oidc: OidcStandIn
beforeAll(async () => {
  oidc = await startOidc({ redirectUris })
})
afterAll(() => oidc.close())

test('a session by an account that ended at its source is over on an instance that hears of it', async () => {
  let profile: Profile = { name: 'Ada' }
  oidc.person = {
    sub: 'U1',
    name: 'Ada',
    'https://slack.com/user_id': 'U1',
    'https://slack.com/team_id': 'T1',
  }
  const site = await startSignInSite([providersAt(oidc).slack], { profile: async () => profile })
  const browser = site.visitor()
  await arrive(browser, oidc, '/sign-in/slack')
  expect((await browser.api('GET', '/me')).status).toBe(200)

  profile = { name: 'Ada', inactive: true }
  const later = await startSite({ ports: site.ports, profile: async () => profile })
  const same = new Browser(later.url)
  for (const [name, cookie] of browser.cookies) same.cookies.set(name, cookie)
  expect((await same.api('GET', '/me')).status).toBe(401)
  // The session is gone, not just refused there.
  expect((await browser.api('GET', '/me')).status).toBe(401)
  await later.close()
  await site.close()
})
