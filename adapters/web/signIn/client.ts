import * as openid from 'openid-client'
import { Fault, messageOf } from '../../../src/errors.ts'
import type { Claims } from './claims.ts'
import type { Provider } from './providers.ts'

/** What must come back unchanged, or be known when it does: kept with the browser, and good for one sign-in. */
export interface Attempt {
  state: string
  nonce: string
  /** Of PKCE; absent where the provider does not take it. */
  verifier?: string
}

export interface ProviderClient {
  readonly provider: Provider
  /** Where to send the browser, and what to keep meanwhile. Throws `sign_in_unavailable`. */
  begin(): Promise<{ url: string; attempt: Attempt }>
  /**
   * The checked claims about whoever came back with this query. Throws `sign_in_unavailable`, `sign_in_declined` or
   * `sign_in_failed`; what is wrong stands in the fault's message, without anything that the provider said of the person.
   */
  finish(query: URLSearchParams, attempt: Attempt): Promise<Claims>
}

/** How far clocks may be apart. */
const toleranceSeconds = 60
/** What a provider publishes of itself is read anew after so long, or after a sign-in that did not work. */
const knownMs = 24 * 3_600_000

/**
 * The authorization code flow with one provider: PKCE (S256), state and nonce; issuer, audience, times, algorithm and signature
 * of the ID token. Nothing is asked of the provider before the first person wants to come in.
 */
export function createProviderClient(
  provider: Provider,
  options: { redirectUri: string; patienceSeconds: number; now(): number },
): ProviderClient {
  const { redirectUri, patienceSeconds, now } = options
  let known: { configuration: Promise<openid.Configuration>; at: number } | undefined

  function configuration(): Promise<openid.Configuration> {
    if (known && now() < known.at + knownMs) return known.configuration
    const made = discover(provider, patienceSeconds)
    known = { configuration: made, at: now() }
    made.catch(() => {
      // Whoever comes next tries again.
      if (known?.configuration === made) known = undefined
    })
    return made
  }

  return {
    provider,
    async begin() {
      try {
        const found = await configuration()
        const verifier = takesPkce(provider, found) ? openid.randomPKCECodeVerifier() : undefined
        const attempt = { state: openid.randomState(), nonce: openid.randomNonce(), ...(verifier && { verifier }) }
        const url = openid.buildAuthorizationUrl(found, {
          redirect_uri: redirectUri,
          scope: 'openid profile email',
          state: attempt.state,
          nonce: attempt.nonce,
          ...(verifier && {
            code_challenge: await openid.calculatePKCECodeChallenge(verifier),
            code_challenge_method: 'S256',
          }),
          // Slack asks in which workspace otherwise.
          ...(provider.id === 'slack' && provider.teams.length === 1 && { team: provider.teams[0]! }),
        })
        return { url: url.href, attempt }
      } catch (thrown) {
        throw faultOf(thrown)
      }
    },
    async finish(query, { state, nonce, verifier }) {
      try {
        const found = await configuration()
        const tokens = await openid.authorizationCodeGrant(found, new URL(`${redirectUri}?${query}`), {
          expectedState: state,
          expectedNonce: nonce,
          idTokenExpected: true,
          ...(verifier && { pkceCodeVerifier: verifier }),
        })
        const claims = tokens.claims()!
        // The library looks at it only where there are several audiences.
        if (claims.azp !== undefined && claims.azp !== provider.clientId)
          throw new Fault('sign_in_failed', { detail: 'the token was issued to another application (azp)' })
        if (!lacks(provider, claims) || !found.serverMetadata().userinfo_endpoint) return claims
        return { ...(await openid.fetchUserInfo(found, tokens.access_token, claims.sub)), ...claims }
      } catch (thrown) {
        const fault = faultOf(thrown)
        // Its addresses or its keys may be others by now.
        if (fault.code === 'sign_in_failed') known = undefined
        throw fault
      }
    },
  }
}

async function discover(provider: Provider, patienceSeconds: number): Promise<openid.Configuration> {
  const { issuer, clientId, clientSecret } = provider
  const server = new URL(issuer)
  const found = await openid.discovery(
    server,
    clientId,
    { client_secret: clientSecret, [openid.clockTolerance]: toleranceSeconds },
    authenticateBy(clientSecret),
    {
      timeout: patienceSeconds,
      [openid.customFetch]: reach,
      execute: [
        // By the provider's published keys, which no token without a signature or with a shared secret passes.
        openid.enableNonRepudiationChecks,
        // The configuration lets plain HTTP through for this machine alone.
        ...(server.protocol === 'http:' ? [openid.allowInsecureRequests] : []),
      ],
    },
  )
  // For Microsoft's shared addresses the library would take any tenant's.
  if (new URL(found.serverMetadata().issuer).href !== server.href)
    throw new Fault('sign_in_failed', { detail: 'the provider calls itself by another name' })
  return found
}

/** As the provider takes it; where it does not say, as the standard has it (Discovery, 3). */
function authenticateBy(secret: string): openid.ClientAuth {
  const post = openid.ClientSecretPost(secret)
  const basic = openid.ClientSecretBasic(secret)
  return (server, ...rest) =>
    (server.token_endpoint_auth_methods_supported?.includes('client_secret_post') ? post : basic)(server, ...rest)
}

/**
 * Whoever does not know PKCE ignores it, but Slack: there it is for applications without a secret, and an exchange that has both
 * ends in `internal_error` (seen in July 2026). So Slack gets it once it says that it takes it; state, nonce and secret hold until then.
 */
const takesPkce = (provider: Provider, found: openid.Configuration): boolean =>
  provider.id !== 'slack' || found.serverMetadata().supportsPKCE('S256')

/** What a provider may tell elsewhere than in the ID token: Slack the organisation, which is in a person's identity, others the name. */
function lacks(provider: Provider, claims: Claims): boolean {
  if (provider.id === 'slack') return !claims['https://slack.com/enterprise_id']
  return provider.id === 'oidc' && (!claims.name || !claims.email)
}

/** The provider did not answer, or not in a state to. */
class Unreachable extends Error {}

/** Answers are read to their end here, so that whatever breaks on the way is told from what the provider says. */
async function reach(url: string, options: openid.CustomFetchOptions): Promise<Response> {
  try {
    const response = await fetch(url, options as RequestInit)
    if (response.status === 429 || response.status >= 500) throw new Unreachable(`it answered with ${response.status}`)
    const body = await response.arrayBuffer()
    return new Response(body.byteLength > 0 ? body : null, { status: response.status, headers: response.headers })
  } catch (thrown) {
    if (thrown instanceof Unreachable) throw thrown
    throw new Unreachable(`${messageOf(thrown)}`, { cause: thrown })
  }
}

/** Nothing of the provider's own words: they may hold names and addresses, and are not for people. */
function faultOf(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown
  for (let cause = thrown; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof Unreachable) return new Fault('sign_in_unavailable', { detail: cause.message })
  }
  const { error, code } = thrown as { error?: unknown; code?: unknown }
  if (thrown instanceof openid.AuthorizationResponseError) {
    if (error === 'access_denied') return new Fault('sign_in_declined', { detail: 'access_denied' })
    if (error === 'temporarily_unavailable' || error === 'server_error')
      return new Fault('sign_in_unavailable', { detail: error })
  }
  const detail = [error, code].filter((one) => typeof one === 'string' && /^[\w-]{1,60}$/.test(one)).join(' ')
  return new Fault('sign_in_failed', { detail: detail || (thrown instanceof Error ? thrown.name : 'unknown') })
}
