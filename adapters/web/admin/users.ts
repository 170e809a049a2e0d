import type { Account, Seen } from '../../../src/admin.ts'
import { shownIdentity } from '../account/names.ts'
import type { Route } from '../route.ts'
import { cleanLine } from '../text.ts'
import { shownRule } from './limits.ts'
import { type AdminParts, forAdmins, page, show } from './page.ts'
import * as schemas from './schemas.ts'
import { count, dollars, surfaceNames, told } from './words.ts'

const listLimit = 50

/** Who there is, and each of them: never what they wrote. */
export function userPages(parts: AdminParts): Route[] {
  const { admin, basePath } = parts
  return [
    forAdmins(
      parts,
      {
        method: 'get',
        path: '/admin',
        summary: 'Administration, for admins alone: its first page',
        answers: { 303: { text: 'To the users' } },
      },
      ({ response }) => response.redirect(303, `${basePath}/admin/users`),
    ),
    forAdmins(
      parts,
      {
        method: 'get',
        path: '/admin/users',
        summary: 'Users',
        query: schemas.UsersQuery,
        answers: page,
      },
      async ({ query, response }, person) => {
        const q = cleanLine(query.q ?? '')
        const { items, next } = await admin.users(person.user, {
          limit: listLimit,
          ...(q !== '' && { text: q }),
          ...(query.after !== undefined && { after: query.after }),
        })
        const users = items.map((user) => ({ ...listed(user), ways: waysOf(user.identities, parts) }))
        show(response, person, 'users', 'users', { users, next, q, first: query.after === undefined, ...told(query) })
      },
    ),
    forAdmins(
      parts,
      {
        method: 'get',
        path: '/admin/users/:id',
        summary: 'A user',
        params: schemas.ofUser,
        query: schemas.ToldQuery,
        answers: page,
      },
      async ({ params, query, response }, person) => {
        const account = await admin.account(person.user, params.id)
        show(response, person, 'users', 'user', { ...shownAccount(account, parts), ...told(query) })
      },
    ),
  ]
}

function listed({ id, name, emails, roles, state, hold, createdAt, seenAt }: Seen) {
  return {
    id,
    name,
    email: emails[0]?.address,
    admin: roles.includes('admin'),
    state,
    hold: hold === true,
    createdAt,
    seenAt,
  }
}

/** The surfaces somebody comes by, each once. */
const waysOf = (identities: readonly string[], { providers }: AdminParts): string[] => [
  ...new Set(identities.filter((one) => !one.startsWith('email:')).map((one) => shownIdentity(one, providers).name)),
]

const vouchers = { ...surfaceNames, oidc: 'their sign-in' }

function shownAccount({ user, identities, allowances, usage, rule }: Account, { providers }: AdminParts) {
  return {
    user: { ...listed(user), hasPassword: user.hasPassword, locale: user.locale, timeZone: user.timeZone },
    emails: user.emails.map(({ address, verifiedBy }) => ({ address, by: vouchers[verifiedBy] })),
    identities: identities.map((identity) => ({ ...shownIdentity(identity, providers), identity })),
    allowances: allowances.map(({ text, used, limit }) => ({ text, share: limit > 0 ? used / limit : 1 })),
    used: usageOf(usage),
    rule: shownRule(rule),
  }
}

/** The last days' use by surface and model. */
function usageOf(rows: Account['usage']) {
  const found = new Map<string, { surface: string; model: string; turns: number; tokens: number; cost: number }>()
  for (const { surface, model, turns, input, output, cacheRead, cacheWrite, cost } of rows) {
    const key = `${surface} ${model}`
    const sum = found.get(key) ?? { surface: surfaceNames[surface], model, turns: 0, tokens: 0, cost: 0 }
    sum.turns += turns
    sum.tokens += input + output + cacheRead + cacheWrite
    sum.cost += cost
    found.set(key, sum)
  }
  return [...found.values()]
    .sort((a, b) => b.tokens - a.tokens)
    .map(({ turns, tokens, cost, ...row }) => ({
      ...row,
      turns: count(turns),
      tokens: count(tokens),
      cost: dollars(cost),
    }))
}
