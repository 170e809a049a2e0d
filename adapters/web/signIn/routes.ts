import type { Request, Response } from 'express'
import { z } from 'zod'
// Types alone: whoever joins identities, and writes the audit log, is handed over.
import type { Audit } from '../../../src/audit.ts'
import { asFault, Fault } from '../../../src/errors.ts'
import type { Proof } from '../../../src/identities.ts'
import type { Log } from '../../../src/types.ts'
import type { Accounts } from '../accounts.ts'
import { beginSession, demandTls, endSession, type LoginParts, showLogin, statusOf } from '../login.ts'
import { forAll, forPeople, type Person, type Route } from '../route.ts'
import * as schemas from '../schemas.ts'
import { createSealedCookie, type SealedCookie } from '../sealed.ts'
import { sessionMark } from '../sessions.ts'
import { safeNext } from '../text.ts'
import { type Claims, proofOf } from './claims.ts'
import { type Attempt, createProviderClient, type ProviderClient } from './client.ts'
import type { Connecting } from './connecting.ts'
import type { Provider, SignInConfig } from './providers.ts'
import { wordsOf } from './words.ts'

export interface SignInParts extends LoginParts {
  config: SignInConfig
  secrets: readonly string[]
  accounts: Accounts
  connecting: Connecting
  audit: Audit
  /** True the first time it is asked of a value, on all instances, for as long as a sign-in may take. */
  once(what: string): Promise<boolean>
  log: Log
}

/** One sign-in under way, known to the browser that began it alone. */
interface Flow extends Attempt {
  provider: Provider['id']
  next?: string
  /** The session that another identity is to be connected to; absent for a sign-in. */
  connect?: string
}

/** How long people may take at their provider. */
export const flowMs = 10 * 60_000
const usualPatienceSeconds = 10

/** Signing in at a provider, and proving there who else one is: out by a link, back by a redirect. */
export function signInRoutes(parts: SignInParts): Route[] {
  const { config, cookies, secrets, now } = parts
  const flows = createSealedCookie<Flow>({ name: 'chat_sign_in', secrets, cookies, lifeMs: flowMs, now })
  const clients = new Map(
    config.providers.map((provider) => [
      provider.id as string,
      createProviderClient(provider, {
        redirectUri: `${config.publicUrl}/sign-in/${provider.id}/callback`,
        patienceSeconds: config.patienceSeconds ?? usualPatienceSeconds,
        now,
      }),
    ]),
  )
  const clientOf = (id: string): ProviderClient => {
    const client = clients.get(id)
    if (!client) throw new Fault('not_found')
    return client
  }
  return [
    startRoute(parts, flows, clientOf),
    connectRoute(parts, flows, clientOf),
    callbackRoute(parts, flows, clientOf),
  ]
}

const StartQuery = schemas.LoginQuery.extend({
  moved: z.string().max(1).optional().catch(undefined).describe('Sent here from another address of ours'),
})

type Flows = SealedCookie<Flow>
type ClientOf = (id: string) => ProviderClient

function startRoute(parts: SignInParts, flows: Flows, clientOf: ClientOf): Route {
  return forAll(
    'visitors',
    {
      method: 'get',
      path: '/sign-in/:provider',
      summary: 'Sign in at a provider',
      params: schemas.atProvider,
      query: StartQuery,
      answers: {
        303: { text: 'To the provider' },
        503: { text: 'The login page: it cannot be reached', content: 'text/html' },
      },
    },
    async ({ params, query, request, response }, person) => {
      const { provider, begin } = clientOf(params.provider)
      const next = safeNext(query.next, parts.basePath)
      if (person) return response.redirect(303, next)
      // They come back under the public address, and what is kept with the browser must be there. Once, whatever a proxy calls us.
      const { host } = new URL(parts.config.publicUrl)
      if (request.host.toLowerCase() !== host && !query.moved) {
        const there = new URLSearchParams({ next, moved: '1' })
        return response.redirect(303, `${parts.config.publicUrl}/sign-in/${provider.id}?${there}`)
      }
      try {
        demandTls(parts.cookies, request)
        const { url, attempt } = await begin()
        flows.write(request, response, { ...attempt, provider: provider.id, next })
        response.redirect(303, url)
      } catch (thrown) {
        const fault = asFault(thrown)
        note(parts, provider, response, fault)
        await backToLogin(parts, request, response, { provider, fault, next })
      }
    },
  )
}

function connectRoute(parts: SignInParts, flows: Flows, clientOf: ClientOf): Route {
  return forPeople(
    {
      method: 'get',
      path: '/account/connect/:provider',
      summary: 'Prove at a provider who else you are',
      params: schemas.atProvider,
      answers: { 303: { text: 'To the provider, or back with what is wrong' } },
    },
    async ({ params, request, response }, person) => {
      const { provider, begin } = clientOf(params.provider)
      try {
        const { url, attempt } = await begin()
        flows.write(request, response, { ...attempt, provider: provider.id, connect: sessionMark(person.session) })
        response.redirect(303, url)
      } catch (thrown) {
        const fault = asFault(thrown)
        note(parts, provider, response, fault)
        parts.connecting.failed(response, provider, fault)
      }
    },
  )
}

function callbackRoute(parts: SignInParts, flows: Flows, clientOf: ClientOf): Route {
  return forAll(
    'visitors',
    {
      method: 'get',
      path: '/sign-in/:provider/callback',
      summary: 'Back from a provider',
      params: schemas.atProvider,
      answers: {
        303: { text: 'Signed in, or on to the account page' },
        400: { text: 'The login page, with what is wrong', content: 'text/html' },
        403: { text: 'The login page: this account may not', content: 'text/html' },
        429: { text: 'The login page: too many attempts', content: 'text/html' },
        503: { text: 'The login page: the provider cannot be reached', content: 'text/html' },
      },
    },
    async ({ params, request, response }, person) => {
      const client = clientOf(params.provider)
      const query = new URL(request.originalUrl, 'http://here').searchParams
      const flow = flows.read(request)
      const mine = flow?.provider === client.provider.id && flow.state === query.get('state')
      // What somebody else's link brings does not end a sign-in that is under way.
      if (mine) flows.clear(request, response)
      try {
        if (!flow || !mine || !(await parts.once(flow.state))) throw new Fault('sign_in_over')
        if (flow.connect === undefined) await signIn(parts, client, flow, query, request, response)
        else await prove(parts, client, flow, query, request, response, person)
      } catch (thrown) {
        const { provider } = client
        const fault = asFault(thrown)
        note(parts, provider, response, fault)
        if (person && mine && flow.connect !== undefined) parts.connecting.failed(response, provider, fault)
        else if (person) response.redirect(303, `${parts.basePath}/`)
        else await backToLogin(parts, request, response, { provider, fault, next: flow?.next })
      }
    },
  )
}

async function signIn(
  parts: SignInParts,
  client: ProviderClient,
  flow: Flow,
  query: URLSearchParams,
  request: Request,
  response: Response,
): Promise<void> {
  const from = { address: request.ip ?? '', request: String(response.locals.request) }
  await parts.accounts.admit(from.address)
  const proof = await admitted(parts, client.provider, await client.finish(query, flow))
  const account = await parts.accounts.recognise(proof, from)
  await beginSession(request, account, parts.now())
  // Switched off, or the identity gone elsewhere, while the session was made.
  if (!(await parts.accounts.current({ user: account.user.id, identity: account.identity }))) {
    await endSession(request)
    throw new Fault('refused_disabled')
  }
  response.redirect(303, safeNext(flow.next, parts.basePath))
}

async function prove(
  parts: SignInParts,
  client: ProviderClient,
  flow: Flow,
  query: URLSearchParams,
  request: Request,
  response: Response,
  person: Person | null,
): Promise<void> {
  // Another session than the one that asked for it: nobody there has said that they want this.
  if (!person || flow.connect !== sessionMark(person.session)) throw new Fault('sign_in_over')
  await parts.accounts.admit(request.ip ?? '')
  const proof = proofOf(client.provider, await client.finish(query, flow))
  parts.connecting.proven(request, response, person, { provider: client.provider.id, proof })
}

/** Whoever the provider means, if they may come that way; a refusal is written down. */
async function admitted({ audit }: SignInParts, provider: Provider, claims: Claims): Promise<Proof> {
  try {
    return proofOf(provider, claims)
  } catch (thrown) {
    const { code } = asFault(thrown)
    await audit.record('sign_in_refused', { details: { by: provider.id, reason: code } })
    throw thrown
  }
}

function note({ log }: SignInParts, { id }: Provider, response: Response, fault: Fault): void {
  const line = { request: response.locals.request, provider: id, reason: fault.code }
  if (fault.code === 'internal') log.error({ ...line, err: fault.cause }, 'a sign-in failed')
  else log.warn({ ...line, detail: fault.message }, 'sign-in refused')
}

async function backToLogin(
  parts: SignInParts,
  request: Request,
  response: Response,
  { provider, fault, next }: { provider: Provider; fault: Fault; next: string | undefined },
): Promise<void> {
  response.status(statusOf(fault))
  if ('headers' in fault) response.set(fault.headers as Record<string, string>)
  await showLogin(parts, request, response, { problem: wordsOf(fault, provider), next })
}
