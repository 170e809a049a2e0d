import { Fault } from '../../../src/errors.ts'
import { csrfToken } from '../csrf.ts'
import { endSession } from '../login.ts'
import { forPeople, type Route } from '../route.ts'
import * as schemas from '../schemas.ts'
import type { Connecting } from '../signIn/connecting.ts'
import { keyOf, shownIdentity, shownSide } from './names.ts'
import { type AccountParts, tellOnAccount, toAccount, waysIn } from './page.ts'

const page = { 200: { text: 'The question', content: 'text/html' } }
const back = { 303: { text: 'Back to the account page' } }

/** What was proven at a provider becomes part of the account, after a question that says what will be joined. */
export function connectRoutes(parts: AccountParts & { connecting: Connecting }): Route[] {
  const { identities, providers, connecting } = parts
  return [
    forPeople(
      { method: 'get', path: '/account/connect', summary: 'Whether to connect it', answers: { ...page, ...back } },
      async ({ request, response }, person) => {
        const proven = connecting.pending(request, person)
        if (!proven) return toAccount(response, parts, { failed: 'sign_in_over' })
        const { proof } = proven
        if (person.user.identities.includes(proof.identity)) return toAccount(response, parts, { done: 'already' })
        const other = await identities.meets(person.user, proof)
        response.render('confirm', {
          csrf: csrfToken(person.session.csrf),
          what: 'connect',
          way: shownIdentity(proof.identity, providers),
          whose: { name: proof.profile.name, email: proof.profile.email },
          own: { name: person.user.name, ways: waysIn(person.user).map((one) => shownIdentity(one, providers).name) },
          other: other && shownSide(other, providers),
        })
      },
    ),
    forPeople(
      {
        method: 'post',
        path: '/account/connect',
        summary: 'Connect it',
        body: schemas.BareForm,
        answers: back,
      },
      async ({ request, response }, person) => {
        const proven = connecting.pending(request, person)
        connecting.forget(request, response)
        if (!proven) return toAccount(response, parts, { failed: 'sign_in_over' })
        try {
          const other = await identities.meets(person.user, proven.proof)
          await identities.join(person.user, proven.proof)
          toAccount(response, parts, { done: other ? 'joined' : 'connected' })
        } catch (thrown) {
          tellOnAccount(response, parts, thrown)
        }
      },
    ),
  ]
}

/** An identity goes its own way, after a question. */
export function unlinkRoutes(parts: AccountParts): Route[] {
  const { identities, providers, basePath } = parts
  const chosen = (own: string[], key: string): string => {
    const identity = own.find((one) => keyOf(one) === key)
    if (identity === undefined) throw new Fault('not_found')
    return identity
  }
  return [
    forPeople(
      {
        method: 'get',
        path: '/account/unlink',
        summary: 'Whether to unlink a way in',
        query: schemas.UnlinkQuery,
        answers: { ...page, 404: { text: 'It is not one of yours', content: 'text/html' } },
      },
      ({ query, response }, { user, identity: current, session }) => {
        const identity = chosen(waysIn(user), query.way)
        if (waysIn(user).length === 1) return toAccount(response, parts, { failed: 'last_identity' })
        response.render('confirm', {
          csrf: csrfToken(session.csrf),
          what: 'unlink',
          way: shownIdentity(identity, providers),
          signsOut: identity === current,
        })
      },
    ),
    forPeople(
      {
        method: 'post',
        path: '/account/unlink',
        summary: 'Unlink a way in',
        body: schemas.UnlinkForm,
        answers: { 303: { text: 'Back to the account page, or signed out' } },
      },
      async ({ body, request, response }, { user, identity: current }) => {
        const identity = chosen(waysIn(user), body.way)
        try {
          await identities.unlink(user, identity)
        } catch (thrown) {
          return tellOnAccount(response, parts, thrown)
        }
        if (identity !== current) return toAccount(response, parts, { done: 'unlinked' })
        await endSession(request)
        response.redirect(303, `${basePath}/login`)
      },
    ),
  ]
}
