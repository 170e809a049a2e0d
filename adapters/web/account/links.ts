import type { Request, Response } from 'express'
import { Fault } from '../../../src/errors.ts'
import type { User } from '../../../src/types.ts'
import { csrfToken } from '../csrf.ts'
import { forPeople, type Person, type Route } from '../route.ts'
import * as schemas from '../schemas.ts'
import { createSealedCookie, type SealedCookie } from '../sealed.ts'
import { type Cookies, sessionMark } from '../sessions.ts'
import { shownSide } from './names.ts'
import { type AccountParts, tellOnAccount, toAccount } from './page.ts'

export interface LinkParts extends AccountParts {
  secrets: readonly string[]
  cookies: Cookies
  now(): number
}

/** The code this browser has to do with; `other` once that side was seen, to know afterwards what became of it. */
interface Kept {
  session: string
  code: string
  other?: string
}

/** As long as codes live; a little more, so that the page can say that one is over. */
const lifeMs = 15 * 60_000
const minuteMs = 60_000

const back = { 303: { text: 'To where the code stands, or back to the account page' } }

/** Joining by a code that is shown on one surface and entered on another: both sides see whom, and both say yes. */
export function linkRoutes(parts: LinkParts): Route[] {
  const { identities, basePath } = parts
  const cookie = createSealedCookie<Kept>({ ...parts, name: 'chat_link', lifeMs })
  const keptOf = (request: Request, { session }: Person): Kept | null => {
    const kept = cookie.read(request)
    return kept?.session === sessionMark(session) ? kept : null
  }
  const form = (path: string, summary: string) => ({ method: 'post', path, summary, answers: back }) as const

  /** Words for what the person can put right; the code's page otherwise. */
  async function attempt(response: Response, work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (thrown) {
      tellOnAccount(response, parts, thrown)
    }
  }
  const show = (request: Request, response: Response, person: Person, code: string): void => {
    cookie.write(request, response, { session: sessionMark(person.session), code })
    response.redirect(303, `${basePath}/account/link`)
  }

  return [
    forPeople(
      { ...form('/account/code', 'Make a code to enter elsewhere'), body: schemas.BareForm },
      ({ request, response }, person) =>
        attempt(response, async () => show(request, response, person, (await identities.offer(person.user)).code)),
    ),
    forPeople(
      { ...form('/account/link', 'Enter a code from elsewhere'), body: schemas.CodeForm },
      ({ body, request, response }, person) =>
        attempt(response, async () => {
          await identities.enter(person.user, body.code)
          show(request, response, person, body.code)
        }),
    ),
    forPeople(
      {
        method: 'get',
        path: '/account/link',
        summary: 'Where a code stands',
        answers: { 200: { text: 'The code, or both sides', content: 'text/html' }, ...back },
      },
      async ({ request, response }, person) => {
        const kept = keptOf(request, person)
        if (!kept) return toAccount(response, parts, { failed: 'link_code' })
        await showLink(parts, cookie, kept, request, response, person)
      },
    ),
    forPeople(
      { ...form('/account/link/agree', 'Join the two'), body: schemas.BareForm },
      ({ request, response }, person) =>
        attempt(response, async () => {
          const kept = keptOf(request, person)
          if (!kept) throw new Fault('link_code')
          const { joined } = await identities.agree(person.user, kept.code)
          if (!joined) return response.redirect(303, `${basePath}/account/link`)
          cookie.clear(request, response)
          toAccount(response, parts, { done: 'joined' })
        }),
    ),
    forPeople(
      { ...form('/account/link/decline', 'Do not join them'), body: schemas.BareForm },
      async ({ request, response }, person) => {
        const kept = keptOf(request, person)
        if (kept) await identities.decline(person.user, kept.code)
        cookie.clear(request, response)
        toAccount(response, parts, { done: 'declined' })
      },
    ),
  ]
}

async function showLink(
  parts: LinkParts,
  cookie: SealedCookie<Kept>,
  kept: Kept,
  request: Request,
  response: Response,
  { user, session }: Person,
): Promise<void> {
  const link = await parts.identities.link(user, kept.code)
  if (!link) {
    cookie.clear(request, response)
    return toAccount(
      response,
      parts,
      kept.other && isOneWith(user, kept.other) ? { done: 'joined' } : { failed: 'link_code' },
    )
  }
  if (link.other && kept.other !== link.other.user) cookie.write(request, response, { ...kept, other: link.other.user })
  response.render('link', {
    csrf: csrfToken(session.csrf),
    code: kept.code,
    own: shownSide(link.own, parts.providers),
    other: link.other && shownSide(link.other, parts.providers),
    minutes: Math.max(1, Math.ceil((link.expiresAt - parts.now()) / minuteMs)),
  })
}

/** Whether two who were two are one by now. `own` may have gone into the other, or the other into `own`. */
function isOneWith({ id, formerly = [] }: User, other: string): boolean {
  return id === other || formerly.includes(other)
}
