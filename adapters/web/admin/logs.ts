import type { Response } from 'express'
import type { LogFilter } from '../../../src/admin.ts'
import type { Entry } from '../../../src/store.ts'
import type { Json, JsonObject, Surface } from '../../../src/types.ts'
import type { Person, Route } from '../route.ts'
import { sendAll } from '../text.ts'
import { type AdminParts, csv, forAdmins, page, show } from './page.ts'
import * as schemas from './schemas.ts'
import { actionNames, actorNames, count, surfaceNames } from './words.ts'

const listLimit = 50

/** What was done with people, rights and data; and what people said of answers, without what was asked and answered. */
export function logPages(parts: AdminParts): Route[] {
  const { admin } = parts
  const query = schemas.LogQuery
  const file = (response: Response, { user }: Person, kind: 'audit' | 'feedback', filter: LogFilter) => {
    response.attachment(`${kind}.csv`).type('text/csv')
    return sendAll(admin.logCsv(user, kind, filter), response)
  }
  return [
    forAdmins(
      parts,
      { method: 'get', path: '/admin/audit', summary: 'The audit log', query, answers: page },
      async ({ query, response }, person) => {
        const filter = filterOf(query)
        const { items, next } = await listed(parts, person, 'audit', query)
        const names = await namesIn(parts, person, items)
        show(response, person, 'audit', 'audit', {
          entries: items.map((entry) => shownEntry(entry, names)),
          next,
          filter,
          actions: Object.entries(actionNames),
          first: query.before === undefined,
        })
      },
    ),
    forAdmins(
      parts,
      { method: 'get', path: '/admin/audit.csv', summary: 'The audit log, as a file', query, answers: csv },
      ({ query, response }, person) => file(response, person, 'audit', filterOf(query)),
    ),
    forAdmins(
      parts,
      { method: 'get', path: '/admin/feedback', summary: 'What people said of answers', query, answers: page },
      async ({ query, response }, person) => {
        const { items, next } = await listed(parts, person, 'feedback', query)
        const names = await namesIn(parts, person, items)
        show(response, person, 'feedback', 'feedback', {
          entries: items.map((entry) => shownFeedback(entry, names)),
          next,
          first: query.before === undefined,
        })
      },
    ),
    forAdmins(
      parts,
      {
        method: 'get',
        path: '/admin/feedback.csv',
        summary: 'What people said of answers, as a file',
        query,
        answers: csv,
      },
      ({ response }, person) => file(response, person, 'feedback', {}),
    ),
  ]
}

interface Query {
  before?: string | undefined
  user?: string | undefined
  action?: string | undefined
}

const filterOf = ({ user, action }: Query): LogFilter => ({
  ...(user !== undefined && { user }),
  ...(action !== undefined && { action }),
})

function listed({ admin }: AdminParts, { user }: Person, kind: 'audit' | 'feedback', query: Query) {
  const filter = kind === 'audit' ? filterOf(query) : {}
  return admin.log(user, kind, { limit: listLimit, ...(query.before && { before: query.before }), ...filter })
}

const namesIn = ({ admin }: AdminParts, { user }: Person, entries: readonly Entry[]) =>
  admin.names(
    user,
    entries.flatMap(({ user = '', data: { actor } }) => [user, textOf(actor)]),
  )

const textOf = (value: Json | undefined): string => (typeof value === 'string' ? value : '')

type Names = ReadonlyMap<string, string>

/** Somebody in a log: by name where they are still there, by id where they are not, or what is no user at all. */
function whoIs(id: string, names: Names): { id?: string; name: string } | undefined {
  if (id === '') return undefined
  const name = names.get(id)
  if (name !== undefined) return { id, name }
  return { name: Object.hasOwn(actorNames, id) ? actorNames[id]! : `${id} (deleted)` }
}

function shownEntry({ at, user = '', data: { action, actor, details } }: Entry, names: Names) {
  const name = textOf(action)
  return {
    at,
    action: Object.hasOwn(actionNames, name) ? actionNames[name]! : name,
    user: whoIs(user, names),
    actor: textOf(actor) !== user ? whoIs(textOf(actor), names) : undefined,
    details: detailsOf(details),
  }
}

function detailsOf(details: Json | undefined): [string, string][] {
  return Object.entries(objectOf(details)).map(([name, value]) => [name.replaceAll('_', ' '), detailOf(value)])
}

function detailOf(value: Json): string {
  if (typeof value === 'number') return count(value)
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value !== 'object' || value === null) return String(value)
  const parts = Object.entries(objectOf(value)).map(([name, one]) => `${name} ${detailOf(one)}`)
  return parts.join(', ') || 'none'
}

function shownFeedback({ at, user = '', data: { value, surface, comment } }: Entry, names: Names) {
  const place = textOf(surface)
  return {
    at,
    user: whoIs(user, names),
    surface: Object.hasOwn(surfaceNames, place) ? surfaceNames[place as Surface] : place,
    good: value === 'up',
    comment: textOf(comment),
  }
}

const objectOf = (value: Json | undefined): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
