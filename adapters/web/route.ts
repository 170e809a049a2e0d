import type { Request, Response } from 'express'
import type { z } from 'zod'
import type { User } from '../../src/types.ts'

/** Whoever is signed in. */
export interface Person {
  user: User
  /** The identity they signed in with, see `identityOf`. */
  identity: string
  session: { id: string; csrf: string }
}

/** One request that passed every check. */
export interface Call<Params, Query, Body> {
  request: Request
  response: Response
  params: Params
  query: Query
  body: Body
}

/** What may come back, for the document. `content` is a schema for JSON, or the media type of something else. */
export interface Answer {
  text: string
  content?: z.ZodType | string
}

interface Description<Params extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType> {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** In Express' terms, below the base path. */
  path: string
  summary: string
  description?: string
  params?: Params
  query?: Query
  /** JSON for the API, a form for pages. */
  body?: Body
  /** By status. Refusals that any route of its kind may give are added to the document by themselves. */
  answers: Record<number, Answer>
}

/**
 * Who may come: `anyone` (no session is read), `visitors` (a session is read, if there is one) or `people` (who are signed
 * in: others get 401 from the API and the login page from pages; writes need their CSRF token).
 */
export type Access = 'anyone' | 'visitors' | 'people'

/** A route with its types forgotten: the router has checked what they promise. */
export interface Route extends Description<z.ZodType, z.ZodType, z.ZodType> {
  access: Access
  /** Throws for those of the people who may not come here, before anything of their request is read. */
  guard?(person: Person): Promise<void>
  handle(call: Call<unknown, unknown, unknown>, person: Person | null): unknown
}

/** A route for those who are signed in. */
export function forPeople<
  Params extends z.ZodType = z.ZodUndefined,
  Query extends z.ZodType = z.ZodUndefined,
  Body extends z.ZodType = z.ZodUndefined,
>(
  description: Description<Params, Query, Body>,
  handle: (call: Call<z.output<Params>, z.output<Query>, z.output<Body>>, person: Person) => unknown,
): Route {
  return { ...description, access: 'people', handle: handle as Route['handle'] }
}

/** A route for everyone. */
export function forAll<
  Params extends z.ZodType = z.ZodUndefined,
  Query extends z.ZodType = z.ZodUndefined,
  Body extends z.ZodType = z.ZodUndefined,
>(
  access: 'anyone' | 'visitors',
  description: Description<Params, Query, Body>,
  handle: (call: Call<z.output<Params>, z.output<Query>, z.output<Body>>, person: Person | null) => unknown,
): Route {
  return { ...description, access, handle: handle as Route['handle'] }
}

export const isApi = (route: { path: string }): boolean => route.path.startsWith('/api/')
export const isWrite = (route: { method: string }): boolean => route.method !== 'get'
