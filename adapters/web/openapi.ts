import { z } from 'zod'
import type { JsonObject } from '../../src/types.ts'
import { type Answer, isApi, isWrite, type Route } from './route.ts'
import { Failure, named } from './schemas.ts'

const jsonType = 'application/json'
const formType = 'application/x-www-form-urlencoded'
const csrfHeader = {
  name: 'x-csrf-token',
  in: 'header',
  required: true,
  description: 'The token from the page’s `<meta name="csrf">`',
  schema: { type: 'string' },
}

/** The OpenAPI 3.1 document, made of the routes themselves. */
export function openApi(routes: Route[], options: { basePath: string; sessionCookie: string }): JsonObject {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) {
    const path = pathOf(route)
    paths[path] = { ...paths[path], [route.method]: operation(route) }
  }
  const document = {
    openapi: '3.1.0',
    info: {
      title: 'Chat',
      version: '1',
      description:
        'What the web page talks to. Sign in with the form at `/login`; the session is a cookie. Every write needs the CSRF ' +
        'token of the session. Whatever goes wrong is told as a `Failure`, in words that can be shown to a person.',
    },
    servers: [{ url: options.basePath || '/' }],
    tags: [
      { name: 'API', description: 'JSON and event streams' },
      { name: 'Pages', description: 'HTML and forms; they work without scripts' },
    ],
    paths,
    components: {
      schemas: components(),
      securitySchemes: { session: { type: 'apiKey', in: 'cookie', name: options.sessionCookie } },
    },
  }
  // Through JSON: what is undefined is not there, and nothing of zod is left in it.
  return JSON.parse(JSON.stringify(document)) as JsonObject
}

/** `/c/:id` is `/c/{id}`, `/assets/*file` is `/assets/{file}`. */
export function pathOf(route: { path: string }): string {
  return route.path.replace(/[:*](\w+)/g, '{$1}')
}

function operation(route: Route): object {
  const { summary, description, access } = route
  return {
    tags: [isApi(route) ? 'API' : 'Pages'],
    summary,
    description,
    ...(access === 'people' && { security: [{ session: [] }] }),
    parameters: [
      ...parameters(route.params, 'path'),
      ...parameters(route.query, 'query'),
      ...(access === 'people' && isApi(route) && isWrite(route) ? [csrfHeader] : []),
    ],
    requestBody: route.body && {
      required: !isApi(route) || !route.body.safeParse({}).success,
      content: { [isApi(route) ? jsonType : formType]: { schema: schemaOf(route.body, 'input') } },
    },
    responses: Object.fromEntries(
      Object.entries({ ...refusals(route), ...route.answers }).map(([status, answer]) => [status, response(answer)]),
    ),
  }
}

/** What any route of its kind may answer. */
function refusals(route: Route): Record<number, Answer> {
  const api = isApi(route)
  const content = api ? Failure : 'text/html'
  const signIn: Answer = { text: 'Not signed in: to the login page' }
  const all: [boolean, number, Answer][] = [
    [Boolean(route.body) || (api && Boolean(route.query)), 400, { text: 'Not understood', content }],
    [Boolean(route.body), 413, { text: 'Too large', content }],
    [Boolean(route.body), 415, { text: `Not ${api ? jsonType : formType}`, content }],
    [route.access === 'people' && api, 401, { text: 'Not signed in', content }],
    [route.access === 'people' && !api, 303, signIn],
    [isWrite(route), 403, { text: 'The CSRF token is missing or not yours', content }],
    [Boolean(route.params), 404, { text: 'Nothing here', content }],
    [route.access !== 'anyone', 503, { text: 'The storage cannot be reached; try again', content }],
  ]
  return Object.fromEntries(all.filter(([holds]) => holds).map(([, status, answer]) => [status, answer]))
}

function response({ text, content }: Answer): object {
  if (!content) return { description: text }
  const [type, schema] =
    typeof content === 'string' ? [content, { type: 'string' }] : [jsonType, schemaOf(content, 'output')]
  return { description: text, content: { [type]: { schema } } }
}

function parameters(schema: z.ZodType | undefined, where: 'path' | 'query'): object[] {
  if (!schema) return []
  const { properties = {}, required = [] } = plain(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }))
  return Object.entries(properties as Record<string, JsonObject>).map(([name, { description, ...rest }]) => ({
    name,
    in: where,
    required: where === 'path' || (required as string[]).includes(name),
    description,
    schema: rest,
  }))
}

const reference = (id: string): string => `#/components/schemas/${id}`

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): object {
  const name = named.get(schema)?.id
  return name ? { $ref: reference(name) } : plain(z.toJSONSchema(schema, { io, unrepresentable: 'any' }))
}

function components(): Record<string, object> {
  const { schemas } = z.toJSONSchema(named, { uri: reference, io: 'input' })
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, plain(schema)]))
}

/** Without what only stands at the top of a document of its own. */
function plain<T extends object>(schema: T): Omit<T, '$schema' | '$id' | '~standard'> {
  const { $schema: _schema, $id: _id, '~standard': _standard, ...rest } = schema as T & Record<string, unknown>
  return rest as Omit<T, '$schema' | '$id' | '~standard'>
}
