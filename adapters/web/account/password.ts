import { Fault } from '../../../src/errors.ts'
import type { Accounts, Passwords } from '../accounts.ts'
import { forPeople, type Route } from '../route.ts'
import * as schemas from '../schemas.ts'
import type { SessionStore } from '../sessions.ts'
import { type AccountParts, showAccount, toAccount } from './page.ts'

const html = 'text/html'

/** A new password for those who have one. Everywhere else they are signed out. */
export function passwordRoute(
  parts: AccountParts & { accounts: Accounts; passwords: Passwords; sessions: Pick<SessionStore, 'endAll'> },
): Route {
  return forPeople(
    {
      method: 'post',
      path: '/account/password',
      summary: 'Change your password',
      body: schemas.PasswordForm,
      answers: {
        303: { text: 'Changed: back to the account page' },
        400: { text: 'The page again: the new password will not do', content: html },
        403: { text: 'The page again: the current password is not right', content: html },
        429: { text: 'The page again: too many attempts', content: html },
      },
    },
    async ({ body, response }, person) => {
      const again = async (status: number, passwordFault: string): Promise<void> => {
        response.status(status)
        await showAccount(parts, response, person, { passwordFault })
      }
      if (person.user.password === undefined) throw new Fault('not_found')
      if (body.next !== body.again) return again(400, 'The two new passwords are not the same.')
      const fault = parts.passwords.fault(body.next)
      if (fault) return again(400, fault)
      try {
        await parts.accounts.changePassword(person.user, body.current, body.next)
      } catch (thrown) {
        if (!(thrown instanceof Fault)) throw thrown
        if (thrown.code === 'bad_login') return again(403, 'The current password is not right.')
        if (thrown.code === 'too_many_attempts') return again(429, thrown.notice.text)
        throw thrown
      }
      await parts.sessions.endAll(person.user.id, person.session.id)
      toAccount(response, parts, { done: 'password' })
    },
  )
}
