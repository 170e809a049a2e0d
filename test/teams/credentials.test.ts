import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import jsonwebtoken from 'jsonwebtoken'
import nock from 'nock'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { faultsOf, type TeamsConfig } from '../../adapters/teams/config.ts'
import { tokenSource } from '../../adapters/teams/credentials.ts'
import { openTransport } from '../../adapters/teams/transport.ts'

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const sha1 = randomBytes(20).toString('hex')
const sha256 = randomBytes(32).toString('hex')

const base: TeamsConfig = {
  appType: 'SingleTenant',
  anonymous: false,
  production: true,
  host: '0.0.0.0',
  allowedTenants: [],
  allowGuests: false,
}

let appId: string
let tenantId: string
let config: TeamsConfig

beforeEach(() => {
  nock.disableNetConnect()
  // botbuilder keeps a token for all bots of the same ids in a process.
  appId = randomUUID()
  tenantId = randomUUID()
  config = { ...base, appId, tenantId }
})
afterEach(() => {
  nock.cleanAll()
  nock.enableNetConnect()
})

/** Entra ID, which gives a token; and what it was asked with. */
function entra(tenant: string, { delay = 0, status = 200, error = '' } = {}) {
  const asked: URLSearchParams[] = []
  nock('https://login.microsoftonline.com')
    .post(`/${tenant}/oauth2/v2.0/token`)
    .query(true)
    .delay(delay)
    .times(5)
    .reply(status, async (request: Request) => {
      asked.push(new URLSearchParams(await request.text()))
      return error
        ? { error: 'invalid_client', error_description: error }
        : { token_type: 'Bearer', expires_in: 3_600, access_token: `token-${asked.length}` }
    })
  return asked
}

/** What a message to Teams is sent with. */
async function sentWith(options: TeamsConfig): Promise<string> {
  const { send } = await openTransport(options)
  let header = ''
  nock('https://smba.trafficmanager.net')
    .post('/emea/v3/conversations/a%3A1/activities')
    .reply(201, (request: Request) => {
      header = request.headers.get('authorization') ?? ''
      return { id: '1' }
    })
  await send(
    { serviceUrl: 'https://smba.trafficmanager.net/emea/', conversation: 'a:1' },
    { type: 'message', text: 'Hi' },
    5_000,
  )
  return header
}

describe('a certificate', () => {
  // Its beginning is rounded up to a second.
  const options = { complete: true, clockTolerance: 5 } as const
  const ways = {
    'as in its file': pem,
    'in one line, with \\n for its line breaks': pem.replaceAll('\n', '\\n'),
    'with the line breaks of Windows': pem.replaceAll('\n', '\r\n'),
    'in one line, with those': pem.replaceAll('\n', '\\r\\n'),
    'of the older kind': privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
  }

  test.each(Object.entries(ways))('%s signs for the token that a message is sent with', async (_, key) => {
    const signed = { ...config, certificate: { thumbprint: sha1, privateKey: key } }
    expect(faultsOf(signed)).toEqual([])
    const asked = entra(tenantId)
    expect(await sentWith(signed)).toBe('Bearer token-1')
    const { client_id, scope, client_assertion = '' } = Object.fromEntries(asked[0]!)
    expect({ client_id, scope: scope!.split(' ')[0] }).toEqual({
      client_id: appId,
      scope: 'https://api.botframework.com/.default',
    })
    const { header, payload } = jsonwebtoken.verify(client_assertion, publicKey, options)
    expect(header).toMatchObject({ x5t: Buffer.from(sha1, 'hex').toString('base64url') })
    expect(payload).toMatchObject({ iss: appId, aud: expect.stringContaining(tenantId) })
  })

  test('is named by its thumbprint, of SHA-1 or SHA-256', async () => {
    const asked = entra(tenantId)
    await sentWith({ ...config, certificate: { thumbprint: sha256, privateKey: pem } })
    const { header } = jsonwebtoken.verify(asked[0]!.get('client_assertion')!, publicKey, options)
    expect(header).toMatchObject({ alg: 'PS256', 'x5t#S256': Buffer.from(sha256, 'hex').toString('base64url') })
  })

  test.each([
    ['cut off', pem.slice(0, 200)],
    ['without its key', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----'],
    ['with a passphrase', privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })],
    ['of another kind', generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })],
  ])('%s is told at the start', (_, key) => {
    expect(faultsOf({ ...config, certificate: { thumbprint: sha1, privateKey: String(key) } })).toEqual([
      'CertificatePrivateKey is no private key in PEM without a passphrase',
    ])
  })
})

describe('a secret', () => {
  test.each([
    ['SingleTenant', 'its tenant'],
    ['MultiTenant', 'the Bot Framework'],
  ] as const)('of a %s bot gets its token from %s, once for all who wait', async (appType, _) => {
    const asked = entra(appType === 'MultiTenant' ? 'botframework.com' : tenantId)
    const token = await tokenSource({ ...config, appType, password: 'p' })
    expect(await Promise.all([token(), token(), token()])).toEqual(['token-1', 'token-1', 'token-1'])
    expect(await token()).toBe('token-1')
    expect(asked.map((each) => each.get('client_secret'))).toEqual(['p'])
  })

  test('that is wrong is told by Entra’s code, and nothing was sent', async () => {
    entra(tenantId, { status: 401, error: `AADSTS7000215: Invalid client secret for app ${appId}.` })
    const token = await tokenSource({ ...config, password: 'wrong' })
    await expect(token()).rejects.toMatchObject({
      message: 'token: no answer AADSTS7000215',
      status: 0,
      outcome: 'refused',
    })
  })

  test('does not wait for ever, and is asked with again', async () => {
    entra(tenantId, { delay: 300 })
    const token = await tokenSource({ ...config, password: 'p' }, { timeoutMs: 20 })
    await expect(token()).rejects.toMatchObject({ code: 'NoToken', outcome: 'refused' })
    nock.cleanAll()
    entra(tenantId)
    expect(await token()).toBe('token-1')
  })
})
