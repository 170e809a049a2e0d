import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider from 'oidc-provider'

type Claims = Record<string, unknown>

/** How the next ID tokens differ from honest ones. */
export interface Forgery {
  /** Laid over the honest claims; `undefined` takes one away. */
  claims?: Claims
  /** Laid over the honest header. */
  header?: Claims
  /** `foreign`: by a key that is not the provider's; `secret`: HS256 by the client's; `none`: not at all. */
  signature?: 'foreign' | 'secret' | 'none'
}

export interface OidcStandIn {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** Who signs in next, without being asked: `sub` and whatever else is said of them. */
  person: { sub: string } & Claims
  /** What is said of them by the userinfo endpoint alone. */
  aside: Claims
  forge: Forgery | null
  /** They say no. */
  declines: boolean
  /** Changes in what it publishes of itself. */
  metadata: Claims
  /** `down`: connections are cut; `broken`: 500; `silent`: nothing is ever answered. */
  state: 'up' | 'down' | 'broken' | 'silent'
  /** What the app asked, in order: method and path. */
  readonly asked: string[]
  /** Parameters of the last authorization request. */
  readonly authorized: URLSearchParams[]
  /** Go through it as a browser would: from its address to the one it sends back to. */
  visit(url: string): Promise<URL>
  close(): Promise<void>
}

const clientId = 'team-chat'
const clientSecret = 'a secret of the client that is long enough for HS256'
const scoped = [
  'https://slack.com/team_id',
  'https://slack.com/user_id',
  'https://slack.com/enterprise_id',
  'tid',
  'oid',
  'acct',
  'idp',
  'xms_edov',
]

/** A real provider of OpenID Connect on loopback, and in front of its answers whatever a test does to them. */
export async function startOidc(options: { redirectUris: string[] }): Promise<OidcStandIn> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const foreign = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const standIn: OidcStandIn = {
    issuer,
    clientId,
    clientSecret,
    person: { sub: 'someone' },
    aside: {},
    forge: null,
    declines: false,
    metadata: {},
    state: 'up',
    asked: [],
    authorized: [],
    visit: (url) => visit(url, options.redirectUris),
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  const provider = providerOf(standIn, privateKey, options.redirectUris)
  provider.use(async (context, next) => {
    await next()
    if (context.path.startsWith('/.well-known/')) context.body = { ...(context.body as Claims), ...standIn.metadata }
    const { id_token: token } = (context.body ?? {}) as { id_token?: string }
    if (context.path === '/token' && token && standIn.forge)
      context.body = { ...(context.body as Claims), id_token: forged(token, standIn.forge, { privateKey, foreign }) }
  })
  const answer = provider.callback()
  server.on('request', (request, response) => {
    standIn.asked.push(`${request.method} ${request.url?.split('?')[0]}`)
    if (standIn.state === 'down') response.destroy()
    else if (standIn.state === 'broken') response.writeHead(500).end('<h1>Oops</h1>')
    else if (standIn.state === 'up') {
      if (request.url?.startsWith('/auth?')) standIn.authorized.push(new URL(request.url, issuer).searchParams)
      if (request.url?.startsWith('/interaction/')) interact(standIn, provider, request, response)
      else answer(request, response)
    }
  })
  return standIn
}

function providerOf(standIn: OidcStandIn, privateKey: KeyObject, redirectUris: string[]): Provider {
  return new Provider(standIn.issuer, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: redirectUris,
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'signing' }] },
    adapter: shelves(),
    cookies: { keys: ['a key for the cookies of a stand-in'] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    pkce: { required: () => false },
    conformIdTokenClaims: false,
    claims: {
      openid: ['sub', ...scoped],
      email: ['email', 'email_verified'],
      profile: ['name', 'preferred_username', 'locale', 'zoneinfo'],
    },
    ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 600, Session: 600, Grant: 600 },
    findAccount: (_context: unknown, sub: string) => ({
      accountId: sub,
      claims: (use: string) => ({ ...standIn.person, ...(use === 'userinfo' && standIn.aside), sub }),
    }),
    async loadExistingGrant(context: {
      oidc: { client: { clientId: string }; session: { accountId: string }; provider: Provider }
    }) {
      const { client, session, provider } = context.oidc
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
      grant.addOIDCScope('openid email profile')
      await grant.save()
      return grant
    },
  })
}

/** Where the provider keeps what it hands out. Its own place in memory warns, in each run, that it is none for production. */
function shelves() {
  const kept = new Map<string, Claims>()
  return (model: string) => {
    const keyOf = (id: string): string => `${model}:${id}`
    const find = async (id: string) => kept.get(keyOf(id))
    const findByUid = async (uid: string) => {
      for (const [key, payload] of kept) if (key.startsWith(`${model}:`) && payload.uid === uid) return payload
      return undefined
    }
    return {
      find,
      findByUid,
      findByUserCode: async () => undefined,
      upsert: async (id: string, payload: Claims) => void kept.set(keyOf(id), payload),
      consume: async (id: string) => void Object.assign(kept.get(keyOf(id)) ?? {}, { consumed: Date.now() }),
      destroy: async (id: string) => void kept.delete(keyOf(id)),
      async revokeByGrantId(grantId: string) {
        for (const [key, payload] of kept) if (payload.grantId === grantId) kept.delete(key)
      },
    }
  }
}

function interact(standIn: OidcStandIn, provider: Provider, request: IncomingMessage, response: ServerResponse): void {
  const result = standIn.declines
    ? { error: 'access_denied', error_description: 'a text of the provider’s own' }
    : { login: { accountId: standIn.person.sub, remember: false } }
  provider.interactionFinished(request, response, result).catch((thrown) => response.destroy(thrown))
}

const encoded = (part: unknown): string => Buffer.from(JSON.stringify(part)).toString('base64url')
const decoded = (part = ''): Claims => JSON.parse(Buffer.from(part, 'base64url').toString())

function forged(token: string, forge: Forgery, keys: { privateKey: KeyObject; foreign: KeyObject }): string {
  const [head, body] = token.split('.')
  const algorithm = { secret: 'HS256', none: 'none', foreign: 'RS256' }[forge.signature ?? 'foreign']
  const header = { ...decoded(head), ...(forge.signature && { alg: algorithm }), ...forge.header }
  const text = `${encoded(header)}.${encoded({ ...decoded(body), ...forge.claims })}`
  if (forge.signature === 'none') return `${text}.`
  if (forge.signature === 'secret')
    return `${text}.${createHmac('sha256', clientSecret).update(text).digest('base64url')}`
  const key = forge.signature === 'foreign' ? keys.foreign : keys.privateKey
  return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`
}

/** Follows redirects, with cookies, until one leads to the app. */
async function visit(start: string, redirectUris: string[]): Promise<URL> {
  const cookies = new Map<string, string>()
  let url = new URL(start)
  for (let steps = 0; steps < 10; steps++) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, { redirect: 'manual', headers: { ...(cookie && { cookie }) } })
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = line.split(';')[0]!.split('=', 2)
      cookies.set(name, value)
    }
    const location = response.headers.get('location')
    if (!location) throw new Error(`the provider answers ${response.status}: ${(await response.text()).slice(0, 500)}`)
    url = new URL(location, url)
    if (redirectUris.includes(url.origin + url.pathname)) return url
  }
  throw new Error('the provider sends in circles')
}
