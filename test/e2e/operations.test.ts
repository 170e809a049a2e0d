import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { RunningApp } from '../support/app.ts'
import { type Act, refuse, say, start, whole } from '../support/bedrock.ts'
import { service } from '../support/service.ts'
import { Browser } from '../support/web.ts'
import { until } from '../support/world.ts'

const model = 'us.anthropic.claude-sonnet-4-20250514-v1:0'
const fallback = 'us.anthropic.claude-3-5-haiku-20241022-v1:0'

type Line = Record<string, unknown> & { msg: string; level: string; component: string }

describe('what an operator sees of a day of the real app', () => {
  const own = service({ shared: true })
  let app: RunningApp
  let browser: Browser
  /** What must be in no line: what people write, and secrets. */
  const secrets: Record<string, string> = {
    'the session secret': 'session-secret-'.repeat(3),
    'the AWS secret': 'aws-secret-of-the-test',
    'the token of the metrics': 'metrics-token-1234',
  }
  const words = {
    question: 'zebra-question',
    answer: 'zebra-answer',
    title: 'zebra-title',
    comment: 'zebra-comment',
    search: 'zebra-search',
    login: 'zebra-login',
    password: 'zebra-password',
  }
  const lines = () => app.lines as Line[]
  const said = (msg: string) => lines().filter((line) => line.msg === msg)
  const metrics = async () => {
    const response = await fetch(`${app.url}/metrics`, { headers: { authorization: 'Bearer metrics-token-1234' } })
    return response.text()
  }

  beforeAll(async () => {
    app = await own.run({
      SESSION_SECRET: secrets['the session secret']!,
      METRICS_TOKEN: secrets['the token of the metrics']!,
      BEDROCK_MODEL_ID: model,
      BEDROCK_FALLBACK_MODEL_IDS: fallback,
      BEDROCK_TITLE_MODEL_ID: fallback,
      BEDROCK_IDLE_SECONDS: '1',
      LOG_LEVEL: 'debug',
      LOG_FILE: join(own.dataDir, 'logs', 'chat.log'),
    })
    expect((await new Browser(app.url).signIn(words.login, words.password)).status).toBe(401)
    browser = await own.signedIn(app)
    await usualDay()
    await failures()
    secrets['the cookie of the session'] = browser.cookies.get('chat_session')!.value
    secrets['the id of the session'] = decodeURIComponent(browser.cookies.get('chat_session')!.value).slice(2, 34)
    secrets['the CSRF token'] = browser.csrf
  })

  async function usualDay(): Promise<void> {
    own.bedrock.scriptFor(model, whole(`${words.answer} one`, ' and more'))
    const { conversation, turn } = await browser.send(`${words.question} one`)
    for await (const { event } of browser.stream(conversation, turn)) if (event === 'end') break
    await browser.api('PATCH', `/conversations/${conversation}`, { title: words.title })
    await browser.api('PUT', `/conversations/${conversation}/turns/${turn}/feedback`, {
      value: 'down',
      comment: words.comment,
    })
    await browser.api('GET', `/conversations?q=${words.search}`)
    await browser.page(`/?q=${words.search}`)
    await browser.api('GET', `/conversations/${conversation}/export`)
    await browser.form('/chat', { id: randomUUID(), message: `${words.question} two`, conversation })
    own.bedrock.scriptFor(model, [start, ...say(`${words.answer} three`), { gate: 'never' }])
    const third = await browser.send(`${words.question} three`, { conversation })
    for await (const { event } of browser.stream(conversation, third.turn)) if (event === 'text') break
    await browser.api('POST', `/conversations/${conversation}/stop`, {})
    await own.answered(browser, conversation, 6)
  }

  async function failures(): Promise<void> {
    const failing: Act[][] = [
      refuse(429),
      refuse(503),
      refuse(503),
      refuse(503),
      [start, ...say(`${words.answer} half`), { cut: 'rst' }],
      refuse(403, 'AccessDeniedException'),
      refuse(400, 'ValidationException'),
    ]
    own.bedrock.scriptFor(model, ...failing.slice(0, 1), whole('At last'), ...failing.slice(1))
    own.bedrock.scriptFor(fallback)
    for (let n = 0; n < 5; n++) {
      const { conversation } = await browser.send(`${words.question} failing`)
      await own.answered(browser, conversation, 2)
    }
    await browser.api('POST', '/messages', { id: randomUUID(), text: words.question.repeat(5_000) })
    await browser.ask('/api/messages', { method: 'POST', body: `{"text":"${words.question}` })
    await browser.api('POST', '/messages', { id: words.question, text: words.question })
    await browser.form('/login', { username: words.login, password: words.password, _csrf: 'no' })
  }

  it('no line, in the log or in its file, has what people write or a secret in it', async () => {
    const file = ['chat.1.log', 'chat.log'].map((name) => join(own.dataDir, 'logs', name)).find(existsSync)!
    await until(() => readFileSync(file, 'utf8').split('\n').length >= app.lines.length)
    const places = { log: JSON.stringify(app.lines), file: readFileSync(file, 'utf8'), rest: app.output.join('\n') }
    expect(app.lines.length).toBeGreaterThan(50)
    for (const [place, text] of Object.entries(places)) {
      for (const [name, word] of Object.entries({ ...words, ...secrets }))
        expect([place, name, text.includes(word)]).toEqual([place, name, false])
    }
    expect(places.rest).toBe('')
  })

  it('each request is one line, with its id, and pages and API tell that id', async () => {
    const response = await browser.api('GET', '/me')
    const id = response.headers.get('x-request-id')
    const mine = () => said('request').filter(({ request }) => request === id)
    await until(() => mine().length > 0)
    expect(mine()).toEqual([
      expect.objectContaining({
        method: 'GET',
        path: '/api/me',
        status: 200,
        ms: expect.any(Number),
        user: expect.any(String),
      }),
    ])
    expect(said('request').every(({ request }) => typeof request === 'string')).toBe(true)
  })

  it('each sign-in and refusal is one line', () => {
    expect(said('signed in')).toEqual([
      expect.objectContaining({ user: expect.any(String), request: expect.any(String) }),
    ])
    expect(said('sign-in refused')).toEqual([
      expect.objectContaining({ reason: 'bad_login', request: expect.any(String) }),
    ])
  })

  it('each model call is one line, with model, time, tokens, why it ended and its turn', () => {
    const calls = said('model call')
    expect(new Set(calls.map(({ purpose }) => purpose))).toEqual(new Set(['answer', 'title']))
    const answers = calls.filter(({ purpose }) => purpose === 'answer')
    for (const call of answers)
      expect(call).toMatchObject({ turn: expect.any(String), model: expect.any(String), ms: expect.any(Number) })
    expect(answers).toContainEqual(
      expect.objectContaining({
        model,
        outcome: 'end',
        firstMs: expect.any(Number),
        usage: expect.objectContaining({ input: 10, output: 5 }),
      }),
    )
    for (const outcome of ['stopped', 'cut_broken', 'model_rejected'])
      expect(answers.map((one) => one.outcome)).toContain(outcome)
    expect(answers.map((one) => one.model)).toContain(fallback)
  })

  it('each turn ends with one line, and all lines of a turn have its id', () => {
    const ends = said('answered')
    expect(ends).toHaveLength(8)
    for (const { turn } of ends) {
      expect(said('answered').filter((one) => one.turn === turn)).toHaveLength(1)
      expect(said('model call').some((one) => one.turn === turn)).toBe(true)
    }
    expect(lines().filter(({ level }) => level === 'error').length).toBeGreaterThan(0)
    for (const line of lines())
      if (['turns', 'bedrock'].includes(line.component) && line.level !== 'info' && line.level !== 'debug')
        expect(line).toHaveProperty('turn')
  })

  it('all is counted', async () => {
    const text = await metrics()
    const value = (name: string, ...labels: string[]): number =>
      text
        .split('\n')
        .filter((line) => new RegExp(`^${name}(\\{|\\s)`).test(line) && labels.every((label) => line.includes(label)))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
    expect(value('chat_messages_total', 'surface="web"', 'status="accepted"')).toBe(8)
    expect(value('chat_turns_total', 'surface="web"', 'outcome="end"')).toBeGreaterThanOrEqual(4)
    expect(value('chat_turns_total', 'outcome="stopped"')).toBe(1)
    expect(value('chat_turns_total', 'outcome="broken"')).toBe(1)
    for (const name of ['accept', 'first_text', 'turn', 'model_call', 'model_first_text'])
      expect([name, value(`chat_${name}_seconds_count`) > 0]).toEqual([name, true])
    for (const kind of ['input', 'output', 'cache_read', 'cache_write'])
      expect(text).toMatch(new RegExp(`^chat_model_tokens_total\\{.*kind="${kind}".*\\} \\d`, 'm'))
    expect(value('chat_model_tokens_total', 'kind="input"')).toBeGreaterThan(10)
    expect(value('chat_model_retries_total')).toBeGreaterThanOrEqual(3)
    expect(value('chat_model_fallbacks_total', `from="${model}"`, `to="${fallback}"`)).toBeGreaterThanOrEqual(1)
    for (const name of ['queue_depth', 'turns_running', 'leases_lost_total', 'store_errors_total'])
      expect([name, new RegExp(`^chat_${name}(\\{.*\\})? 0$`, 'm').test(text)]).toEqual([name, true])
    expect(text).toMatch(/^process_resident_memory_bytes \d/m)
    expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds /m)
    expect(text).not.toMatch(/zebra/)
  })

  it('metrics are for who has the token', async () => {
    expect((await fetch(`${app.url}/metrics`)).status).toBe(401)
  })

  it('the API is what its document says', async () => {
    const document = (await (await fetch(`${app.url}/openapi.json`)).json()) as Document
    expect(document.openapi).toBe('3.1.0')
    const { conversation, turn } = await browser.send('Described?')
    await own.answered(browser, conversation, 2)
    const known: Record<string, string> = { id: conversation, turn }
    const queries: Record<string, string> = { messages: '?before=1', unlink: '?way=none-of-theirs' }
    const seen: string[] = []
    for (const [template, methods] of Object.entries(document.paths)) {
      if (!methods.get || template.startsWith('/assets')) continue
      const address = template.replace(/\{(\w+)\}/g, (_all, name) => known[name]!)
      const query = queries[template.split('/').at(-1) ?? ''] ?? ''
      const response = await browser.ask(address + query, { headers: { accept: 'application/json, text/html' } })
      const promised = methods.get.responses[response.status]
      expect([template, response.status, promised !== undefined]).toEqual([template, response.status, true])
      const [type, media] = Object.entries(promised?.content ?? {})[0] ?? []
      if (type === 'application/json') shapeOf(document, media!.schema).parse(await response.json())
      else await response.body?.cancel()
      seen.push(template)
    }
    expect(seen.length).toBeGreaterThanOrEqual(10)
    const refused = await browser.api('POST', '/messages', { id: 1 })
    shapeOf(
      document,
      document.paths['/api/messages']!.post!.responses[400]!.content!['application/json']!.schema,
    ).parse(await refused.json())
    const page = await (await fetch(`${app.url}/docs`)).text()
    for (const template of Object.keys(document.paths)) expect(page).toContain(template)
  })
})

interface Document {
  openapi: string
  paths: Record<string, Record<string, { responses: Record<string, { content?: Record<string, { schema: object }> }> }>>
  components: { schemas: Record<string, object> }
}

/** A schema of the document as something that checks. */
function shapeOf({ components }: Document, schema: object): z.ZodType {
  const text = JSON.stringify({ ...schema, $defs: components.schemas })
  return z.fromJSONSchema(JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/')))
}
