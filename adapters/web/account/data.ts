import { Fault } from '../../../src/errors.ts'
// Types alone: whoever knows all that is kept is handed over.
import type { Personal } from '../../../src/personal.ts'
import { csrfToken } from '../csrf.ts'
import { endSession } from '../login.ts'
import { forPeople, type Route } from '../route.ts'
import * as schemas from '../schemas.ts'
import { sendAll } from '../text.ts'
import { type AccountParts, toAccount } from './page.ts'

export interface DataParts extends AccountParts {
  personal: Pick<Personal, 'export' | 'forget'>
}

/** What has to be typed: nobody deletes everything by a slip of the finger. */
export const forgetWord = 'delete everything'

/** All that is kept about a person: to take along, and to delete. */
export function dataRoutes(parts: DataParts): Route[] {
  const { personal, basePath } = parts
  return [
    forPeople(
      {
        method: 'get',
        path: '/account/export',
        summary: 'Download everything that is kept about you',
        answers: { 200: { text: 'A file', content: schemas.MyData } },
      },
      async ({ response }, { user }) => {
        response.attachment('my-data.json').type('application/json')
        await sendAll(personal.export(user), response)
      },
    ),
    forPeople(
      {
        method: 'get',
        path: '/account/delete',
        summary: 'Whether to delete everything',
        answers: { 200: { text: 'The question', content: 'text/html' } },
      },
      ({ response }, { user, session }) => {
        response.render('forget', { csrf: csrfToken(session.csrf), hold: user.hold === true, word: forgetWord })
      },
    ),
    forPeople(
      {
        method: 'post',
        path: '/account/delete',
        summary: 'Delete everything that is kept about you',
        body: schemas.ForgetForm,
        answers: {
          303: { text: 'Signed out, or back to the question' },
          409: { text: 'It is under a legal hold', content: 'text/html' },
        },
      },
      async ({ body, request, response }, { user }) => {
        if (body.word.trim().toLowerCase() !== forgetWord) return toAccount(response, parts, { failed: 'forget_word' })
        if (user.hold) throw new Fault('on_hold')
        await personal.forget(user)
        await endSession(request)
        response.redirect(303, `${basePath}/login?gone=yes`)
      },
    ),
  ]
}
