import { Fault } from '../../../src/errors.ts'
import { forgetWord } from '../account/data.ts'
import { shownIdentity } from '../account/names.ts'
import type { Person, Route } from '../route.ts'
import { BareForm } from '../schemas.ts'
import { type AdminParts, act, forAdmins, page, show } from './page.ts'
import * as schemas from './schemas.ts'

const back = { 303: { text: 'Back to the user' } }

/** What is done to a user. What cannot be taken back is asked for once more. */
export function userDeeds(parts: AdminParts): Route[] {
  const { admin } = parts
  const form = (path: string, summary: string) =>
    ({ method: 'post', path: `/admin/users/:id/${path}`, summary, params: schemas.ofUser, answers: back }) as const
  const at = (id: string): string => `${parts.basePath}/admin/users/${encodeURIComponent(id)}`

  return [
    forAdmins(
      parts,
      { ...form('role', 'Make a user an admin, or a member'), body: schemas.RoleForm },
      ({ params: { id }, body, response }, { user }) =>
        act(response, () => admin.setRole(user, id, body.role), { to: at(id), done: 'role' }),
    ),
    forAdmins(
      parts,
      { ...form('state', 'Switch a user off, or on again'), body: schemas.StateForm },
      ({ params: { id }, body: { state }, response }, { user }) =>
        act(response, () => admin.setState(user, id, state), {
          to: at(id),
          done: state === 'active' ? 'enabled' : 'disabled',
        }),
    ),
    forAdmins(
      parts,
      { ...form('hold', 'Put a user under legal hold, or lift it'), body: schemas.HoldForm },
      ({ params: { id }, body: { hold }, response }, { user }) =>
        act(response, () => admin.setHold(user, id, hold === 'on'), {
          to: at(id),
          done: hold === 'on' ? 'held' : 'released',
        }),
    ),
    forAdmins(
      parts,
      { ...form('sessions', 'End all sessions of a user'), body: BareForm },
      ({ params: { id }, response }, { user }) =>
        act(response, () => admin.endSessions(user, id), { to: at(id), done: 'sessions' }),
    ),
    ...unlinking(parts, at),
    ...deleting(parts, at),
  ]
}

function unlinking(parts: AdminParts, at: (id: string) => string): Route[] {
  const { admin, providers } = parts
  const common = { path: '/admin/users/:id/unlink', params: schemas.ofUser } as const

  async function find({ user }: Person, id: string, key: string) {
    const account = await admin.account(user, id)
    const identity = account.identities.find((one) => shownIdentity(one, providers).key === key)
    if (identity === undefined) throw new Fault('not_found')
    return { user: account.user, identity, way: shownIdentity(identity, providers) }
  }
  return [
    forAdmins(
      parts,
      {
        ...common,
        method: 'get',
        summary: 'Whether to unlink an identity of a user',
        query: schemas.WayQuery,
        answers: page,
      },
      async ({ params, query, response }, person) => {
        const { user, way } = await find(person, params.id, query.way)
        show(response, person, 'users', 'unlink', { user: { id: user.id, name: user.name }, way })
      },
    ),
    forAdmins(
      parts,
      { ...common, method: 'post', summary: 'Unlink an identity of a user', body: schemas.WayForm, answers: back },
      ({ params: { id }, body, response }, person) =>
        act(response, async () => admin.unlink(person.user, id, (await find(person, id, body.way)).identity), {
          to: at(id),
          done: 'unlinked',
        }),
    ),
  ]
}

function deleting(parts: AdminParts, at: (id: string) => string): Route[] {
  const { admin, basePath } = parts
  const common = { path: '/admin/users/:id/delete', params: schemas.ofUser } as const
  return [
    forAdmins(
      parts,
      { ...common, method: 'get', summary: 'Whether to delete all that is kept about a user', answers: page },
      async ({ params, response }, person) => {
        const { id, name, hold = false } = (await admin.account(person.user, params.id)).user
        show(response, person, 'users', 'delete', { user: { id, name, hold }, word: forgetWord })
      },
    ),
    forAdmins(
      parts,
      {
        ...common,
        method: 'post',
        summary: 'Delete all that is kept about a user',
        body: schemas.WordForm,
        answers: { 303: { text: 'To the users, or back to the user' } },
      },
      ({ params: { id }, body, response }, { user }) => {
        if (body.word.trim().toLowerCase() !== forgetWord) return response.redirect(303, `${at(id)}?failed=word`)
        return act(response, () => admin.forget(user, id), {
          to: `${basePath}/admin/users`,
          done: 'deleted',
          failedTo: at(id),
        })
      },
    ),
  ]
}
