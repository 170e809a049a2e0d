import type { z } from 'zod'
import type { OwnerName, Workspace } from '../../../src/admin.ts'
import { Fault } from '../../../src/errors.ts'
// Types alone: what rules mean is not this adapter's business.
import type { Measure, Rule } from '../../../src/limits/rules.ts'
import type { Route } from '../route.ts'
import { type AdminParts, act, forAdmins, page, show } from './page.ts'
import * as schemas from './schemas.ts'
import { surfaceNames, told } from './words.ts'

const fields: readonly [Measure, string][] = [
  ['messagesPerMinute', 'Messages a minute'],
  ['tokensPerDay', 'Tokens a day'],
  ['tokensPerMonth', 'Tokens a month'],
  ['costPerDay', 'US dollars a day'],
  ['costPerMonth', 'US dollars a month'],
]

/** A rule as the fields of its form. */
export const shownRule = (rule: Rule) =>
  fields.map(([name, label]) => ({ name, label, value: rule[name], step: name.startsWith('cost') ? 'any' : '1' }))

/** What may be used, and where people come from. */
export function limitPages(parts: AdminParts): Route[] {
  const { admin, basePath } = parts
  return [
    forAdmins(
      parts,
      { method: 'get', path: '/admin/limits', summary: 'Limits', query: schemas.ToldQuery, answers: page },
      async ({ query, response }, person) => {
        const [rules, known] = await Promise.all([admin.rules(person.user), admin.workspaces(person.user)])
        const own = Object.keys(rules.users)
        const names = await admin.names(person.user, own.slice(0, mostUsers))
        const gone = Object.keys(rules.workspaces).filter((id) => !known.some((one) => one.id === id))
        show(response, person, 'limits', 'limits', {
          everyone: shownRule(rules.everyone),
          roles: (['admin', 'member'] as const).map((role) => ({ role, rule: shownRule(rules.roles[role] ?? {}) })),
          workspaces: [...known.map(shownWorkspace), ...gone.map((id) => shownWorkspace({ id }))]
            .filter(({ id }) => schemas.workspaceName.safeParse(id).success)
            .map((one) => ({
              ...one,
              limited: one.id in rules.workspaces,
              rule: shownRule(rules.workspaces[one.id] ?? {}),
            })),
          users: [...names].map(([id, name]) => ({ id, name })),
          more: own.length > mostUsers,
          ...told(query),
        })
      },
    ),
    forAdmins(
      parts,
      {
        method: 'post',
        path: '/admin/limits',
        summary: 'Change the limits of everyone, a role, a workspace or a user',
        body: schemas.LimitForm,
        answers: { 303: { text: 'Back to the limits, or to the user' } },
      },
      ({ body, response }, { user }) => {
        const { of, name, _csrf, ...rule } = body
        const to = of === 'user' ? `/admin/users/${encodeURIComponent(name)}` : '/admin/limits'
        return act(response, () => admin.setRule(user, ownerOf(of, name), rule as Rule), {
          to: basePath + to,
          done: 'limits',
        })
      },
    ),
    forAdmins(
      parts,
      { method: 'get', path: '/admin/workspaces', summary: 'Workspaces and installations', answers: page },
      async ({ response }, person) => {
        const workspaces = (await admin.workspaces(person.user)).map(shownWorkspace)
        show(response, person, 'workspaces', 'workspaces', { workspaces })
      },
    ),
  ]
}

/** Rules of single users that are listed; all others are on the pages of their users. */
const mostUsers = 200

function ownerOf(of: z.output<typeof schemas.LimitForm>['of'], name: string): OwnerName {
  if (of === 'everyone') return { of }
  if (of === 'user') return { of, user: name }
  if (of === 'role') {
    const role = schemas.roleName.safeParse(name)
    if (role.success) return { of, role: role.data }
  } else if (schemas.workspaceName.safeParse(name).success) return { of, workspace: name }
  throw new Fault('not_found')
}

const hows = { installed: 'Installed', configured: 'Set up in the configuration', 'built in': 'Always there' }

function shownWorkspace({ id, name, how, since }: Pick<Workspace, 'id'> & Partial<Workspace>) {
  const [surface = '', ...rest] = id.split(':')
  const shown = rest.join(':')
  return {
    id,
    icon: surface,
    surface: Object.hasOwn(surfaceNames, surface) ? surfaceNames[surface as keyof typeof surfaceNames] : surface,
    name: name ?? shown,
    detail: name === undefined || name === shown || surface === 'web' ? '' : shown,
    how: how ? hows[how] : 'Not connected now',
    since,
  }
}
