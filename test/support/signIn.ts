import type { Provider } from '../../adapters/web/index.ts'
import type { OidcStandIn } from './oidc.ts'
import { type Browser, type Site, type SiteOptions, startSite } from './web.ts'

/** Where people open the site of these tests; the tests themselves go past it. */
export const publicUrl = 'https://chat.example.com'
export const redirectUris = ['slack', 'microsoft', 'oidc'].map((id) => `${publicUrl}/sign-in/${id}/callback`)
export const tenant = '11111111-2222-3333-4444-555555555555'
export const objectId = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee'

/** All three kinds of providers, behind one stand-in. */
export function providersAt({ issuer, clientId, clientSecret }: OidcStandIn) {
  const common = { issuer, clientId, clientSecret }
  return {
    slack: { ...common, id: 'slack', name: 'Slack', teams: [] },
    microsoft: { ...common, id: 'microsoft', name: 'Microsoft', tenant, allowGuests: false },
    oidc: { ...common, id: 'oidc', name: 'Example Login', domains: [] },
  } satisfies Record<string, Provider>
}

/** A site where people sign in at the stand-in. */
export function startSignInSite(
  providers: readonly Provider[],
  { patienceSeconds, ...options }: SiteOptions & { patienceSeconds?: number } = {},
): Promise<Site> {
  const signIn = { publicUrl, providers, ...(patienceSeconds && { patienceSeconds }) }
  return startSite({ ...options, web: { ...options.web, signIn } })
}

/** From a link of ours to the provider and back to the door: the address that the provider sends the browser to. */
export async function throughProvider(browser: Browser, oidc: OidcStandIn, path: string): Promise<URL> {
  let out = await browser.get(path)
  // The site is not where people open it.
  const moved = out.headers.get('location')
  if (moved?.startsWith(`${publicUrl}/`)) out = await browser.get(moved.slice(publicUrl.length))
  const location = out.headers.get('location')
  if (out.status !== 303 || !location) throw new Error(`no way out: ${out.status} ${await out.text()}`)
  return oidc.visit(location)
}

/** The same, and in. */
export async function arrive(browser: Browser, oidc: OidcStandIn, path = '/sign-in/oidc'): Promise<Response> {
  const back = await throughProvider(browser, oidc, path)
  return browser.get(back.pathname + back.search)
}
