import { createHmac, createSign, generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { JsonObject } from '../../../src/types.ts'

/** Who signs the tokens of the Bot Connector. */
export const connectorIssuer = 'https://api.botframework.com'
/** One of the issuers of tokens made by Entra itself, as the Emulator and other bots carry them. */
const entraIssuer = 'https://login.microsoftonline.com/d6d49420-f39b-4df7-a1dc-d59a935871db/v2.0'

/** `teams` signs for Teams, `other` for other channels, `bare` has no endorsements, `entra` is Entra's, `stranger` nobody's. */
export type KeyName = 'teams' | 'other' | 'bare' | 'entra' | 'stranger'

const endorsements: Partial<Record<KeyName, string[]>> = {
  teams: ['msteams', 'webchat'],
  other: ['slack', 'directline'],
}

const pairs = new Map<KeyName, { publicKey: KeyObject; privateKey: KeyObject }>()

/** Made when first needed, once a process: they cost more than a test. */
function pair(name: KeyName) {
  const made = pairs.get(name) ?? generateKeyPairSync('rsa', { modulusLength: 2048 })
  pairs.set(name, made)
  return made
}

/** The key sets that are published, by who reads them. */
const published = { connector: ['teams', 'other', 'bare'], entra: ['entra'] } as const satisfies Record<
  string,
  KeyName[]
>
export type KeySet = keyof typeof published

export const isKeySet = (name: string): name is KeySet => name in published

export function openIdMetadata(origin: string, set: KeySet): JsonObject {
  return {
    issuer: set === 'entra' ? entraIssuer : connectorIssuer,
    authorization_endpoint: 'https://invalid.botframework.com',
    jwks_uri: `${origin}/openid/${set}/keys`,
    id_token_signing_alg_values_supported: ['RS256'],
    token_endpoint_auth_methods_supported: ['private_key_jwt'],
  }
}

export function keySet(set: KeySet): JsonObject {
  return {
    keys: published[set].map((name) => ({
      ...(pair(name).publicKey.export({ format: 'jwk' }) as JsonObject),
      use: 'sig',
      kid: kidOf(name),
      x5t: kidOf(name),
      ...(endorsements[name] && { endorsements: endorsements[name] }),
    })),
  }
}

const kidOf = (name: KeyName): string => `key-${name}`

export interface TokenParts {
  key?: KeyName
  header?: JsonObject
  claims?: JsonObject
  /** Spoil the signature. */
  broken?: boolean
}

export interface Facts {
  appId: string
  serviceUrl: string
}

const part = (value: JsonObject): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token as the Bot Connector makes them, with whatever a test wants to be different. A claim of `null` is left out. */
export function mint(facts: Facts, { key = 'teams', header = {}, claims = {}, broken }: TokenParts = {}): string {
  // By the real time: the app compares with its own.
  const now = Math.floor(Date.now() / 1000)
  const head: JsonObject = { typ: 'JWT', alg: 'RS256', kid: kidOf(key), x5t: kidOf(key), ...header }
  const all: JsonObject = {
    serviceurl: facts.serviceUrl,
    nbf: now - 5,
    exp: now + 3_600,
    iss: connectorIssuer,
    aud: facts.appId,
    ...claims,
  }
  const kept = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null))
  const signed = `${part(head)}.${part(kept)}`
  const signature = sign(String(head.alg), key, signed)
  return `${signed}.${broken ? [...signature].reverse().join('') : signature}`
}

function sign(alg: string, key: KeyName, input: string): string {
  if (alg === 'none') return ''
  const { privateKey, publicKey } = pair(key)
  if (alg.startsWith('HS')) {
    // The public key taken for a shared secret.
    const secret = publicKey.export({ format: 'pem', type: 'spki' })
    return createHmac(`sha${alg.slice(2)}`, secret)
      .update(input)
      .digest('base64url')
  }
  return createSign(`RSA-SHA${alg.slice(2)}`)
    .update(input)
    .sign(privateKey, 'base64url')
}

/** One way of coming to the door. */
export interface TokenCase {
  expect: 'accepted' | 'refused'
  /** The `Authorization` header. */
  authorization(facts: Facts): string | undefined
  /** What is different in the activity. */
  change?: (activity: JsonObject) => JsonObject
}

const minutes = (count: number): number => Math.floor(Date.now() / 1000) + count * 60

function bearer(expect: TokenCase['expect'], parts: (facts: Facts) => TokenParts = () => ({})): TokenCase {
  return { expect, authorization: (facts) => `Bearer ${mint(facts, parts(facts))}` }
}

const without = (key: string) => (activity: JsonObject) =>
  Object.fromEntries(Object.entries(activity).filter(([name]) => name !== key))

/** Only Teams' own token, for this bot and from this service, opens the door. */
export const tokenCases = {
  valid: bearer('accepted'),
  'expired within the tolerance of five minutes': bearer('accepted', () => ({ claims: { exp: minutes(-3) } })),
  'no header': { expect: 'refused', authorization: () => undefined },
  'basic authentication': { expect: 'refused', authorization: () => 'Basic Ym90OnNlY3JldA==' },
  garbage: { expect: 'refused', authorization: () => 'Bearer garbage' },
  'another audience': bearer('refused', () => ({ claims: { aud: '11111111-2222-4333-8444-555555555555' } })),
  'another issuer': bearer('refused', () => ({ claims: { iss: 'https://issuer.example' } })),
  expired: bearer('refused', () => ({ claims: { nbf: minutes(-70), exp: minutes(-10) } })),
  'not valid yet': bearer('refused', () => ({ claims: { nbf: minutes(10) } })),
  'an unknown key': bearer('refused', () => ({ key: 'stranger' })),
  'a stranger under a known key id': bearer('refused', () => ({ key: 'stranger', header: { kid: kidOf('teams') } })),
  'a bad signature': bearer('refused', () => ({ broken: true })),
  'algorithm none': bearer('refused', () => ({ header: { alg: 'none' } })),
  'HS256 with the public key': bearer('refused', () => ({ header: { alg: 'HS256' } })),
  'another service address': bearer('refused', () => ({ claims: { serviceurl: 'https://smba.example/other/' } })),
  'no service address in the token': bearer('refused', () => ({ claims: { serviceurl: null } })),
  'no service address in the body': { ...bearer('refused'), change: without('serviceUrl') },
  'a key endorsed for other channels': bearer('refused', () => ({ key: 'other' })),
  'a key without endorsements': bearer('refused', () => ({ key: 'bare' })),
  'a body of another channel': {
    ...bearer('refused', () => ({ key: 'other' })),
    change: (activity) => ({ ...activity, channelId: 'slack' }),
  },
  'a body of another channel the key is good for': {
    ...bearer('refused'),
    change: (activity) => ({ ...activity, channelId: 'webchat' }),
  },
  'a body of App Service Extension': {
    ...bearer('refused'),
    change: (activity) => ({ ...activity, channelId: 'AseChannel' }),
  },
  "Entra's token for the app": bearer('refused', ({ appId }) => ({
    key: 'entra',
    claims: { iss: entraIssuer, appid: appId, azp: appId, ver: '2.0', serviceurl: null },
  })),
  "another bot's token": bearer('refused', () => {
    const other = '99999999-2222-4333-8444-555555555555'
    return { key: 'entra', claims: { iss: entraIssuer, appid: other, azp: other, ver: '2.0', serviceurl: null } }
  }),
} satisfies Record<string, TokenCase>

export type TokenCaseName = keyof typeof tokenCases
