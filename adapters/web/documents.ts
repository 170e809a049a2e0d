import { z } from 'zod'
import type { Json, JsonObject } from '../../src/types.ts'
import { escapeHtml } from '../../views/assets/markdown.js'
import type { Assets } from './assets.ts'
import { openApi } from './openapi.ts'
import { forAll, type Route } from './route.ts'

/** Files of the page, and the description of all routes, these included. */
export function documentRoutes(options: {
  basePath: string
  /** All the others. */
  routes: Route[]
  sessionCookie: string
  assets: Assets
}): Route[] {
  const { assets } = options
  const mine: Route[] = [
    forAll(
      'anyone',
      {
        method: 'get',
        path: '/openapi.json',
        summary: 'This document',
        answers: { 200: { text: 'OpenAPI 3.1', content: z.looseObject({ openapi: z.literal('3.1.0') }) } },
      },
      ({ response }) => response.set('Cache-Control', 'public, no-cache').json(document),
    ),
    forAll(
      'anyone',
      {
        method: 'get',
        path: '/docs',
        summary: 'This document as a page',
        answers: { 200: { text: 'The page', content: 'text/html' } },
      },
      ({ response }) => response.set('Cache-Control', 'public, no-cache').render('docs', { document, typeText, prose }),
    ),
    forAll(
      'anyone',
      {
        method: 'get',
        path: '/assets/:hash/*file',
        summary: 'A style sheet, script or picture of the page, to be kept for as long as you like',
        params: z.object({ hash: z.string(), file: z.array(z.string()) }),
        answers: { 200: { text: 'The file', content: '*/*' } },
      },
      ({ params, request, response }) => {
        response.locals.quiet = true
        return assets.serve(request, response, params.hash, params.file.join('/'))
      },
    ),
  ]
  const document = openApi([...options.routes, ...mine], options)
  return mine
}

/** A description as HTML. Of Markdown, ours have no more than code. */
function prose(text = ''): string {
  return escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>')
}

/** A JSON Schema in a few words, as TypeScript would put it. */
export function typeText(schema: JsonObject): string {
  const { $ref, const: constant, anyOf, enum: values, type, items, format } = schema
  if (typeof $ref === 'string') return $ref.slice($ref.lastIndexOf('/') + 1)
  if (constant !== undefined) return JSON.stringify(constant)
  if (Array.isArray(anyOf)) return anyOf.map((one) => typeText(one as JsonObject)).join(' | ')
  if (Array.isArray(values)) return values.map((value: Json) => JSON.stringify(value)).join(' | ')
  if (type === 'array') return `${typeText((items ?? {}) as JsonObject)}[]`
  if (Array.isArray(type)) return type.join(' | ')
  return typeof format === 'string' ? format : typeof type === 'string' ? type : 'any'
}
