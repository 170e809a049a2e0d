import type { Response } from 'express'
import { Fault, type FaultCode, notice } from '../../../src/errors.ts'
// Types alone: whoever joins identities is handed over.
import type { Identities } from '../../../src/identities.ts'
import type { Allowance, User } from '../../../src/types.ts'
import { csrfToken } from '../csrf.ts'
import { forPeople, type Person, type Route } from '../route.ts'
import * as schemas from '../schemas.ts'
import { wordsOf } from '../signIn/words.ts'
import { type KnownProvider, providerIcons, shownIdentity } from './names.ts'

export interface AccountParts {
  basePath: string
  identities: Identities
  providers: readonly KnownProvider[]
  /** What is left of a user's limits. */
  left(user: User): Promise<Allowance[]>
}

/** What a form did, told on the page it leads back to. */
const deeds = {
  connected: 'Connected. From now on you can come in that way too.',
  joined: 'The two are one now: every conversation of both is here.',
  already: 'That one is yours already, so nothing had to be done.',
  unlinked: 'Unlinked. It goes its own way now, and your conversations stayed here.',
  declined: 'Nothing was joined, and the code is good for nothing any more.',
  password: 'Your password was changed. Everywhere else you were signed out.',
} as const
export type Deed = keyof typeof deeds

/** What can go wrong on the way back to this page; anything else in the address says nothing. */
const failures: ReadonlySet<string> = new Set<FaultCode>([
  'sign_in_unavailable',
  'sign_in_declined',
  'sign_in_over',
  'sign_in_failed',
  'refused_workspace',
  'refused_guest',
  'refused_inactive',
  'refused_disabled',
  'too_many_attempts',
  'link_code',
  'own_link_code',
  'last_identity',
  'not_found',
  'internal',
])

export const toAccount = (
  response: Response,
  { basePath }: Pick<AccountParts, 'basePath'>,
  told: { done: Deed } | { failed: string },
) => response.redirect(303, `${basePath}/account?${new URLSearchParams(told)}`)

/** Back to the account page with the words for what a person can put right; anything else is thrown on. */
export function tellOnAccount(response: Response, parts: Pick<AccountParts, 'basePath'>, thrown: unknown): void {
  if (!(thrown instanceof Fault) || !failures.has(thrown.code)) throw thrown
  toAccount(response, parts, { failed: thrown.code })
}

const forgetWords = 'Nothing was deleted: the words were not typed as they are written there.'

export function accountPage(parts: AccountParts): Route {
  return forPeople(
    {
      method: 'get',
      path: '/account',
      summary: 'Your account: who you are, and the ways in',
      query: schemas.AccountQuery,
      answers: { 200: { text: 'The page', content: 'text/html' } },
    },
    async ({ query, response }, person) => {
      const { done, failed, at } = query
      const provider = parts.providers.find(({ id }) => id === at)
      if (done && Object.hasOwn(deeds, done)) await showAccount(parts, response, person, { good: deeds[done as Deed] })
      else if (failed && failures.has(failed)) {
        const fault = { code: failed as FaultCode, notice: notice(failed as FaultCode) }
        await showAccount(parts, response, person, { bad: provider ? wordsOf(fault, provider) : fault.notice.text })
      } else if (failed === 'forget_word') await showAccount(parts, response, person, { bad: forgetWords })
      else await showAccount(parts, response, person, {})
    },
  )
}

interface AccountView {
  good?: string
  bad?: string
  /** What is wrong with the form for a new password. */
  passwordFault?: string
}

export async function showAccount(
  { providers, left }: AccountParts,
  response: Response,
  { user, identity: current, session }: Person,
  view: AccountView,
): Promise<void> {
  const own = waysIn(user)
  const allowances = await left(user)
  response.render('account', {
    csrf: csrfToken(session.csrf),
    name: user.name,
    // Several may vouch for the same address.
    emails: [...new Set(user.emails.map(({ address }) => address))],
    isAdmin: user.roles.includes('admin'),
    since: new Date(user.createdAt).toISOString(),
    ways: own.map((identity) => ({
      ...shownIdentity(identity, providers),
      current: identity === current,
      last: own.length === 1,
    })),
    providers: providers.map(({ id, name }) => ({ id, name, icon: providerIcons[id] })),
    allowances: allowances.map(({ text, used, limit }) => ({ text, share: limit > 0 ? used / limit : 1 })),
    hasPassword: user.password !== undefined,
    loginNames: own.filter((one) => one.startsWith('web:local:')).map((one) => one.slice('web:local:'.length)),
    ...view,
  })
}

/** Without the addresses, by which nobody comes in. */
export const waysIn = ({ identities }: User): string[] => identities.filter((one) => !one.startsWith('email:'))
