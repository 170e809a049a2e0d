import type { Request, Response } from 'express'
import { Fault, type FaultCode } from '../../src/errors.ts'
import { providerIcons } from './account/names.ts'
import type { Account, Accounts } from './accounts.ts'
import { isCsrfToken, type LoginForm, newCsrfSecret } from './csrf.ts'
import { type Demo, demoUsers } from './demo.ts'
import { forAll, type Route } from './route.ts'
import * as schemas from './schemas.ts'
import { type Cookies, sessionCookie } from './sessions.ts'
import type { Provider } from './signIn/providers.ts'
import type { Streams } from './streams.ts'
import { safeNext } from './text.ts'

export interface LoginParts {
  basePath: string
  cookies: Cookies
  accounts: Accounts
  demo: Demo
  form: LoginForm
  streams: Streams
  /** Whoever else signs people in, in the order of their buttons. */
  providers: readonly Pick<Provider, 'id' | 'name'>[]
  now(): number
}

const needsTls =
  'Signing in needs HTTPS here, and this connection has none. Open the page with https://, or ask an administrator to ' +
  'set TRUST_PROXY to the proxy in front of it.'

/** Statuses of the refusals that are shown on the login page itself. */
const refusals: Partial<Record<FaultCode, number>> = {
  bad_login: 401,
  bad_csrf: 403,
  refused_disabled: 403,
  refused_guest: 403,
  refused_inactive: 403,
  refused_workspace: 403,
  sign_in_declined: 400,
  sign_in_failed: 400,
  sign_in_over: 400,
  too_many_attempts: 429,
  internal: 500,
}

/** The status of the login page that tells of a fault. */
export const statusOf = ({ code }: Fault): number => refusals[code] ?? 503

/** Sessions live in a cookie that goes over TLS alone: without it there is no use in beginning. */
export function demandTls({ secure }: Cookies, request: Request): void {
  if (secure === true && !request.secure) throw new Fault('bad_csrf', { text: needsTls })
}

export function loginRoutes(parts: LoginParts): Route[] {
  return [loginPage(parts), loginPost(parts), logout(parts)]
}

interface FormView {
  /** What is wrong with what was typed. */
  error?: string
  /** What went wrong elsewhere: at a provider. */
  problem?: string
  /** What went well. */
  good?: string
  name?: string
  next?: string | undefined
}

const goneWords = 'Everything that was kept about you is deleted.'

/** The login page, with a status set before. */
export async function showLogin(
  parts: LoginParts,
  request: Request,
  response: Response,
  view: FormView,
): Promise<void> {
  const next = safeNext(view.next, parts.basePath)
  response.render('login', {
    csrf: parts.form.issue(request, response),
    error: view.error,
    problem: view.problem,
    good: view.good,
    name: view.name,
    providers: parts.providers.map(({ id, name }) => ({ id, name, icon: providerIcons[id] })),
    demoUsers: (await parts.demo.open()) ? demoUsers : undefined,
    ...(next !== `${parts.basePath}/` && { next }),
  })
}

function loginPage(parts: LoginParts): Route {
  return forAll(
    'visitors',
    {
      method: 'get',
      path: '/login',
      summary: 'The login page',
      query: schemas.LoginQuery,
      answers: {
        200: { text: 'The page', content: 'text/html' },
        303: { text: 'Signed in already: to the chat' },
      },
    },
    async ({ query, request, response }, person) => {
      if (person) response.redirect(303, safeNext(query.next, parts.basePath))
      else await showLogin(parts, request, response, { next: query.next, ...(query.gone && { good: goneWords }) })
    },
  )
}

function loginPost(parts: LoginParts): Route {
  const html = 'text/html'
  return forAll(
    'visitors',
    {
      method: 'post',
      path: '/login',
      summary: 'Sign in',
      body: schemas.LoginForm,
      answers: {
        303: { text: 'Signed in: to the chat, or to `next`' },
        401: { text: 'The form again: the name or the password is not right', content: html },
        403: { text: 'The form again: it was out of date, or the account is switched off', content: html },
        429: { text: 'The form again: too many attempts', content: html },
      },
    },
    async ({ body, request, response }) => {
      const { username, password, next } = body
      const again = (error: string) => showLogin(parts, request, response, { error, name: username, next })
      try {
        demandTls(parts.cookies, request)
        if (!parts.form.verify(request, body._csrf)) throw new Fault('bad_csrf')
        const account = await parts.accounts.signIn(username, password, {
          address: request.ip ?? '',
          request: response.locals.request,
        })
        await beginSession(request, account, parts.now())
        if (!(await parts.accounts.stands(account))) {
          await endSession(request)
          throw new Fault('bad_login')
        }
      } catch (thrown) {
        const status = thrown instanceof Fault && refusals[thrown.code]
        if (!status) throw thrown
        response.status(status)
        if ('headers' in thrown) response.set(thrown.headers as Record<string, string>)
        return again(thrown.notice.text)
      }
      response.redirect(303, safeNext(next, parts.basePath))
    },
  )
}

/** Always under a new id: one that was planted before is worth nothing. Resolves when it is stored. */
export async function beginSession(request: Request, { user, identity }: Account, now: number): Promise<void> {
  await settle((done) => request.session.regenerate(done))
  Object.assign(request.session, { user: user.id, identity, csrf: newCsrfSecret(), since: now, seenAt: now })
  await settle((done) => request.session.save(done))
}

export function endSession(request: Request): Promise<void> {
  return settle((done) => request.session.destroy(done))
}

function logout(parts: LoginParts): Route {
  return forAll(
    'visitors',
    {
      method: 'post',
      path: '/logout',
      summary: 'Sign out',
      body: schemas.BareForm,
      answers: { 303: { text: 'To the login page' } },
    },
    async ({ body, request, response }, person) => {
      if (person) {
        if (!isCsrfToken(body._csrf, person.session.csrf)) throw new Fault('bad_csrf')
        await endSession(request)
        parts.streams.end(person.session.id)
      }
      const { path, secure } = parts.cookies
      response.clearCookie(sessionCookie(parts.cookies), {
        httpOnly: true,
        sameSite: 'lax',
        secure: secure === 'auto' ? request.secure : secure,
        path,
      })
      response.redirect(303, `${parts.basePath}/login`)
    },
  )
}

function settle(call: (done: (error?: unknown) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => call((error) => (error ? reject(error) : resolve())))
}
