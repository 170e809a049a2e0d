import type { Request, Response } from 'express'
import { Fault } from '../../src/errors.ts'
import type { Account, Accounts } from './accounts.ts'
import { isCsrfToken, type LoginForm, newCsrfSecret } from './csrf.ts'
import { type Demo, demoUsers } from './demo.ts'
import { forAll, type Route } from './route.ts'
import * as schemas from './schemas.ts'
import { type Cookies, sessionCookie } from './sessions.ts'
import type { Streams } from './streams.ts'
import { safeNext } from './text.ts'

export interface LoginParts {
  basePath: string
  cookies: Cookies
  accounts: Accounts
  demo: Demo
  form: LoginForm
  streams: Streams
  now(): number
}

const needsTls =
  'Signing in needs HTTPS here, and this connection has none. Open the page with https://, or ask an administrator to ' +
  'set TRUST_PROXY to the proxy in front of it.'

/** Statuses of the refusals that are shown on the form itself. */
const refusals: Record<string, number> = {
  bad_login: 401,
  bad_csrf: 403,
  refused_disabled: 403,
  too_many_attempts: 429,
}

export function loginRoutes(parts: LoginParts): Route[] {
  return [loginPage(parts), loginPost(parts), logout(parts)]
}

interface FormView {
  error?: string
  name?: string
  next?: string | undefined
}

async function showForm(parts: LoginParts, request: Request, response: Response, view: FormView): Promise<void> {
  const next = safeNext(view.next, parts.basePath)
  response.render('login', {
    csrf: parts.form.issue(request, response),
    error: view.error,
    name: view.name,
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
      else await showForm(parts, request, response, { next: query.next })
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
      const again = (error: string) => showForm(parts, request, response, { error, name: username, next })
      if (parts.cookies.secure === true && !request.secure) {
        response.status(403)
        return again(needsTls)
      }
      try {
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
async function beginSession(request: Request, { user, identity }: Account, now: number): Promise<void> {
  await settle((done) => request.session.regenerate(done))
  Object.assign(request.session, { user: user.id, identity, csrf: newCsrfSecret(), since: now, seenAt: now })
  await settle((done) => request.session.save(done))
}

function endSession(request: Request): Promise<void> {
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
