import type { Response } from 'express'
import type { z } from 'zod'
// Types alone: what admins may do is handed over.
import type { Admin } from '../../../src/admin.ts'
import { Fault } from '../../../src/errors.ts'
import type { KnownProvider } from '../account/names.ts'
import { csrfToken } from '../csrf.ts'
import { forPeople, type Person, type Route } from '../route.ts'
import { canTell } from './words.ts'

export interface AdminParts {
  basePath: string
  admin: Admin
  providers: readonly KnownProvider[]
  now(): number
}

/** The pages, in the order of the menu. */
const sections = [
  ['users', 'Users'],
  ['workspaces', 'Workspaces'],
  ['usage', 'Usage'],
  ['limits', 'Limits'],
  ['feedback', 'Feedback'],
  ['audit', 'Audit log'],
] as const
export type Section = (typeof sections)[number][0]

export const html = 'text/html'
export const page = { 200: { text: 'The page', content: html } }
export const csv = { 200: { text: 'A file', content: 'text/csv' } }

/** A route for admins: to everybody else there is nothing here. */
export function forAdmins<
  Params extends z.ZodType = z.ZodUndefined,
  Query extends z.ZodType = z.ZodUndefined,
  Body extends z.ZodType = z.ZodUndefined,
>(
  { admin }: Pick<AdminParts, 'admin'>,
  ...[description, handle]: Parameters<typeof forPeople<Params, Query, Body>>
): Route {
  const answers = { 404: { text: 'Nothing here, or you are no admin', content: html }, ...description.answers }
  return { ...forPeople({ ...description, answers }, handle), guard: ({ user }) => admin.demand(user) }
}

export function show(response: Response, { user, session }: Person, section: Section, view: string, locals: object) {
  response.render(`admin/${view}`, {
    csrf: csrfToken(session.csrf),
    section,
    sections,
    me: { id: user.id, name: user.name },
    shownTime,
    ...locals,
  })
}

/** Do what a form asks for, and lead back with a word about it. What an admin can put right is told there, too. */
export async function act(
  response: Response,
  work: () => Promise<unknown>,
  { to, done, failedTo = to }: { to: string; done: string; failedTo?: string },
): Promise<void> {
  try {
    await work()
    response.redirect(303, `${to}?done=${done}`)
  } catch (thrown) {
    if (!(thrown instanceof Fault) || !canTell(thrown.code)) throw thrown
    response.redirect(303, `${failedTo}?failed=${thrown.code}`)
  }
}

/** `2026-11-23 14:57`, in UTC. */
export const shownTime = (at: number): string => new Date(at).toISOString().slice(0, 16).replace('T', ' ')
