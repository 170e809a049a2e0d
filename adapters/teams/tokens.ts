import { createPublicKey, type KeyObject } from 'node:crypto'
import jsonwebtoken from 'jsonwebtoken'
import { messageOf } from '../../src/errors.ts'

/** The token is missing or not good. Why is for our log alone. */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused'
}

/** Nobody can tell whether the token is good: Microsoft's keys cannot be read. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable'
}

/** Checks the tokens of requests that claim to come from Teams. */
export interface Tokens {
  /** What the token vouches for. Rejects with `TokenRefused` or `KeysUnavailable`. */
  verify(authorization: string | undefined): Promise<{ serviceUrl: string }>
}

interface Key {
  key: KeyObject
  endorsements: readonly string[]
}

const metadataUrl = 'https://login.botframework.com/v1/.well-known/openidconfiguration'
const issuer = 'https://api.botframework.com'
const channel = 'msteams'
/** As Microsoft's own libraries: five minutes for clocks that differ, keys read once a day. */
const toleranceSeconds = 300
const keysMs = 24 * 3_600_000
/** A key that we do not know may be new; whoever invents some does not make us ask for it all the time. */
const unknownMs = 5 * 60_000
const retryMs = 2_000
const fetchMs = 5_000

/**
 * Microsoft's rules for a bot's tokens, with Teams as the only sender. botbuilder's own check is not used: it lets tokens of
 * emulators and skills in, skips the service URL where the body names none, answers 500 to some bad tokens, prints keys to
 * the console, and has no time-out and no second chance when the keys cannot be read.
 */
export function createTokens(options: { appId: string; metadata?: string; now(): number }): Tokens {
  const { appId, metadata = metadataUrl, now } = options
  const keys = createKeys(metadata, now)

  return {
    async verify(authorization) {
      const token = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/.exec(authorization ?? '')?.[1]
      if (!token) throw new TokenRefused('no bearer token')
      const kid = headerOf(token).kid
      const found = typeof kid === 'string' ? await keys.find(kid) : undefined
      if (!found) throw new TokenRefused('signed with an unknown key')
      if (!found.endorsements.includes(channel)) throw new TokenRefused('signed with a key that is not for Teams')
      const claims = claimsOf(token, found.key, appId, now())
      const { serviceurl } = claims
      // Without an end, jsonwebtoken takes a token for ever.
      if (typeof claims.exp !== 'number') throw new TokenRefused('it never expires')
      if (typeof serviceurl !== 'string' || serviceurl === '') throw new TokenRefused('it names no service URL')
      return { serviceUrl: serviceurl }
    },
  }
}

function headerOf(token: string): Record<string, unknown> {
  try {
    return (jsonwebtoken.decode(token, { complete: true })?.header ?? {}) as unknown as Record<string, unknown>
  } catch {
    return {}
  }
}

function claimsOf(token: string, key: KeyObject, audience: string, now: number): Record<string, unknown> {
  try {
    return jsonwebtoken.verify(token, key, {
      algorithms: ['RS256', 'RS384', 'RS512'],
      issuer,
      audience,
      clockTolerance: toleranceSeconds,
      clockTimestamp: Math.floor(now / 1000),
    }) as Record<string, unknown>
  } catch (thrown) {
    throw new TokenRefused(messageOf(thrown))
  }
}

function createKeys(url: string, now: () => number) {
  let keys: ReadonlyMap<string, Key> | undefined
  let readAt = Number.NEGATIVE_INFINITY
  let failedAt = Number.NEGATIVE_INFINITY
  let reading: Promise<void> | undefined

  /** Read them, once for all who wait. Keys that were good stay so when they cannot be read anew. */
  function read(): Promise<void> {
    if (now() - failedAt < retryMs) return Promise.resolve()
    reading ??= fetchKeys(url)
      .then(
        (fresh) => {
          keys = fresh
          readAt = now()
        },
        () => {
          failedAt = now()
        },
      )
      .finally(() => {
        reading = undefined
      })
    return reading
  }

  return {
    async find(kid: string): Promise<Key | undefined> {
      const known = keys?.get(kid)
      if (known) {
        if (now() - readAt > keysMs) void read()
        return known
      }
      if (!keys || now() - readAt > unknownMs) await read()
      if (!keys) throw new KeysUnavailable('the keys of the Bot Framework cannot be read')
      return keys.get(kid)
    },
  }
}

async function fetchKeys(url: string): Promise<Map<string, Key>> {
  const { jwks_uri: address } = await fetchJson(url)
  const { keys } = await fetchJson(String(address))
  const found = new Map<string, Key>()
  for (const jwk of Array.isArray(keys) ? keys : []) {
    if (typeof jwk?.kid !== 'string' || jwk.kty !== 'RSA') continue
    const endorsements = Array.isArray(jwk.endorsements) ? jwk.endorsements : []
    found.set(jwk.kid, { key: createPublicKey({ key: jwk, format: 'jwk' }), endorsements })
  }
  if (found.size === 0) throw new Error('there are no keys')
  return found
}

async function fetchJson(url: string): Promise<Record<string, unknown>> {
  const response = await fetch(url, { signal: AbortSignal.timeout(fetchMs) })
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  return (await response.json()) as Record<string, unknown>
}
