import { randomUUID } from 'node:crypto'
import type { Router } from 'express'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { z } from 'zod'
import { typeText } from '../../adapters/web/documents.ts'
import * as schemas from '../../adapters/web/schemas.ts'
import { type Browser, eventually, type Site, startSite } from '../support/web.ts'

let site: Site
let ada: Browser
beforeEach(async () => {
  site = await startSite()
  ada = await site.person('ada')
})
afterEach(() => site.close())

interface Operation {
  security?: unknown
  parameters: { name: string; in: string; required: boolean }[]
  requestBody?: { content: Record<string, { schema: object }> }
  responses: Record<string, { content?: Record<string, { schema: { $ref?: string } }> }>
}
interface Document {
  openapi: string
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, object> }
}

async function documented(): Promise<Document> {
  return (await (await site.visitor().get('/openapi.json')).json()) as Document
}

/** What Express really answers, by method and path. */
function mounted(router: Router): string[] {
  return router.stack.flatMap(({ route }) => {
    if (!route) return []
    const path = route.path.replace(/[:*](\w+)/g, '{$1}')
    const methods = route.stack.map(({ method }) => method).filter(Boolean)
    return [...new Set(methods)].map((method) => `${method} ${path}`)
  })
}

describe('the document', () => {
  test('has every route, and no other', async () => {
    const { paths } = await documented()
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((one) => `${one} ${path}`),
    )
    expect(described.sort()).toEqual(mounted(site.web.routes).sort())
    expect(described).toContain('get /api/conversations/{id}/turns/{turn}/stream')
    expect(described.length).toBeGreaterThan(20)
  })

  test('names every parameter of a path, and refers to nothing that is not there', async () => {
    const document = await documented()
    for (const [path, methods] of Object.entries(document.paths)) {
      const inPath = [...path.matchAll(/{(\w+)}/g)].map(([, name]) => name)
      for (const { parameters } of Object.values(methods)) {
        expect(parameters.filter((one) => one.in === 'path').map(({ name }) => name)).toEqual(inPath)
        expect(parameters.filter((one) => one.in === 'path').every(({ required }) => required)).toBe(true)
      }
    }
    const references = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(
      ([, name]) => name!,
    )
    expect(references.length).toBeGreaterThan(30)
    for (const name of references) expect(document.components.schemas).toHaveProperty(name)
    expect(document.openapi).toBe('3.1.0')
  })

  test('says of every write that it needs the token, and of every route of people that it needs the session', async () => {
    const { paths } = await documented()
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, { parameters, security, responses }] of Object.entries(methods)) {
        if (!path.startsWith('/api/')) continue
        expect(security).toEqual([{ session: [] }])
        expect(responses).toHaveProperty('401')
        expect(parameters.some(({ name }) => name === 'x-csrf-token')).toBe(method !== 'get')
      }
    }
  })

  test('is also a page, without scripts', async () => {
    const html = await site.visitor().page('/docs')
    expect(html).toContain('/api/conversations/{id}/turns/{turn}/stream')
    expect(html).toContain('x-csrf-token')
    expect(html).not.toMatch(/<script|<style|style=|https?:\/\/(?!www\.w3\.org)/)
    const targets = [...html.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id)
    for (const id of targets) expect(html).toContain(`id="${id}"`)
  })

  test('puts types in a few words', () => {
    expect(typeText({ type: 'array', items: { $ref: '#/components/schemas/Message' } })).toBe('Message[]')
    expect(typeText({ anyOf: [{ enum: ['up', 'down'] }, { type: 'null' }] })).toBe('"up" | "down" | null')
    expect(typeText({ type: 'string', format: 'uuid' })).toBe('uuid')
    expect(typeText({ const: '3.1.0' })).toBe('"3.1.0"')
    expect(typeText({ type: ['string', 'null'] })).toBe('string | null')
    expect(typeText({})).toBe('any')
  })
})

describe('answers', () => {
  /** Checks a response against what the document promises for its status. */
  async function check(method: string, path: string, template: string, body?: unknown): Promise<number> {
    const response = await ada.api(method, path, body)
    const { responses } = (await documented()).paths[`/api${template}`]![method.toLowerCase()]!
    const promised = responses[response.status]
    expect(promised, `${method} ${path} answered ${response.status}`).toBeDefined()
    const [type, media] = Object.entries(promised!.content ?? {})[0] ?? []
    if (type === 'application/json') {
      const name = media!.schema.$ref!.split('/').at(-1)!
      const schema = (schemas as unknown as Record<string, z.ZodType>)[name]!
      schema.parse(await response.json())
    } else {
      const text = await response.text()
      if (!type) expect(text).toBe('')
      else expect(response.headers.get('content-type')).toContain(type)
    }
    return response.status
  }

  test('are what it says, in every state of a conversation', async () => {
    const { conversation, turn } = await ada.send('Question')
    const one = '/conversations/:id'.replace(':id', conversation)
    const inTurn = '/conversations/{id}/turns/{turn}'
    const statuses = [
      await check('GET', '/me', '/me'),
      await check('GET', one, '/conversations/{id}'),
      await check('POST', '/messages', '/messages', { id: randomUUID(), text: 'Next', conversation }),
    ]
    site.chat.finish(turn, {
      text: 'Half an ans',
      stop: 'broken',
      cached: true,
      notice: { code: 'cut_broken', text: 'Broke off.', retry: true },
      usage: { input: 1, output: 2, cacheRead: 3, cacheWrite: 4, estimated: true },
    })
    statuses.push(
      await check('PUT', `${one}/turns/${turn}/feedback`, `${inTurn}/feedback`, { value: 'up', comment: 'Good' }),
      await check('GET', one, '/conversations/{id}'),
      await check('GET', `${one}/messages?before=2`, '/conversations/{id}/messages'),
      await check('GET', '/conversations?limit=1', '/conversations'),
      await check('GET', '/conversations?q=quest', '/conversations'),
      await check('GET', `${one}/export`, '/conversations/{id}/export'),
      await check('GET', `${one}/turns/${turn}/stream`, `${inTurn}/stream`),
      await check('PATCH', one, '/conversations/{id}', { title: 'Renamed' }),
      await check('POST', `${one}/stop`, '/conversations/{id}/stop', {}),
      await check('DELETE', one, '/conversations/{id}'),
    )
    expect(statuses).toEqual([200, 200, 202, 204, 200, 200, 200, 200, 200, 200, 204, 204, 204])
  })

  test('that refuse are what it says', async () => {
    const gone = '/conversations/AAAAAAAAAAAAAAAAbbbbbbbbbbbb'
    const statuses = [
      await check('GET', gone, '/conversations/{id}'),
      await check('GET', '/conversations?limit=0', '/conversations'),
      await check('PATCH', gone, '/conversations/{id}', { title: 7 }),
      await check('POST', '/messages', '/messages', { id: randomUUID(), text: 'x'.repeat(1_001) }),
      await check('POST', '/messages', '/messages', { id: randomUUID(), text: '' }),
    ]
    ada.csrf = ''
    statuses.push(await check('POST', '/messages', '/messages', {}))
    ada.cookies.clear()
    statuses.push(await check('GET', '/me', '/me'))
    expect(statuses).toEqual([404, 400, 400, 413, 400, 403, 401])
  })

  test('of the event stream are what it says', async () => {
    const { conversation, turn } = await ada.send('Question')
    const events: string[] = []
    const reading = (async () => {
      for await (const { event, data } of ada.stream(conversation, turn)) {
        schemas.events[event as keyof typeof schemas.events].parse(data)
        events.push(event)
      }
    })()
    await eventually(() => site.chat.watchers()).toBe(1)
    site.chat.say(turn, 'text')
    site.chat.restart(turn, 'again')
    site.chat.finish(turn)
    await reading
    expect(events).toEqual(['started', 'text', 'reset', 'end'])
  })
})
