import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ConfigError, type LogConfig, Secret } from '../src/config.ts'
import { Fault } from '../src/errors.ts'
import { createLog } from '../src/log.ts'

let folder: string
let lines: string[]
const terminal = { write: (line: string) => void lines.push(line) }
const config: LogConfig = { level: 'info', levels: {}, format: 'json', secrets: [] }

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-'))
  lines = []
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const last = () => JSON.parse(lines.at(-1)!)

test('writes one JSON line with its component, a turn’s id on all lines of its child', async () => {
  const log = (await createLog(config, terminal)).log('bedrock')
  log.child({ turn: 't1' }).info({ ms: 5 }, 'answered')
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/\n$/)
  expect(last()).toMatchObject({ level: 'info', component: 'bedrock', turn: 't1', ms: 5, msg: 'answered' })
  expect(new Date(last().time).toISOString()).toBe(last().time)
})

test('each component has its own level', async () => {
  const logs = await createLog({ ...config, level: 'warn', levels: { bedrock: 'debug', web: 'silent' } }, terminal)
  logs.log('chat').info({}, 'too low')
  logs.log('web').error({}, 'silent')
  logs.log('bedrock').child({ turn: 't1' }).debug({}, 'shown')
  logs.log('chat').warn({}, 'shown')
  expect(lines.map((line) => JSON.parse(line).component)).toEqual(['bedrock', 'chat'])
})

test('is for people when pretty', async () => {
  const log = (await createLog({ ...config, format: 'pretty' }, terminal)).log('web')
  log.warn({ status: 503, turn: 't1' }, 'the store is gone')
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] WARN: \[web\] the store is gone \{"status":503,"turn":"t1"\}\n$/)
})

test('shows an error with its causes, and nothing that an SDK hung on it', async () => {
  const log = (await createLog(config, terminal)).log('store')
  const cause = Object.assign(new Error('READONLY'), { command: { name: 'set', args: ['what a person wrote'] } })
  const inner = Object.assign(new TypeError('socket', { cause }), {
    code: 'ECONNRESET',
    $metadata: { httpStatusCode: 503, requestId: 'r1', attempts: 2 },
  })
  log.error({ err: new Fault('store_unavailable', { cause: inner, detail: 'no reply' }) }, 'failed')
  expect(last().err).toMatchObject({
    type: 'Fault',
    message: 'no reply',
    code: 'store_unavailable',
    stack: expect.stringContaining('log.test.ts'),
    cause: { type: 'TypeError', code: 'ECONNRESET', status: 503, requestId: 'r1', cause: { message: 'READONLY' } },
  })
  expect(lines[0]).not.toContain('what a person wrote')
})

test('shows what several attempts failed with, and takes whatever is thrown', async () => {
  const log = (await createLog(config, terminal)).log('store')
  log.error({ err: new AggregateError([new Error('::1 refused'), 'odd'], 'all failed') }, 'failed')
  expect(last().err.errors).toEqual([expect.objectContaining({ message: '::1 refused' }), 'odd'])
  const loop = new Error('a')
  loop.cause = loop
  log.error({ err: loop }, 'failed')
  expect(last().err.cause.cause.message).toBe('a')
  log.error({ err: 'text' }, 'failed')
  expect(last().err).toBe('text')
})

test('keeps secrets out of a line wherever they are', async () => {
  const secrets = [new Secret('pass"word\\1234'), new Secret('a.b*c+d-e'), new Secret('short')]
  const log = (await createLog({ ...config, secrets }, terminal)).log('web')
  log.info({ url: 'redis://:a.b*c+d-e@host', deep: [{ x: 'pass"word\\1234' }] }, 'a.b*c+d-e, and short words stay')
  expect(lines[0]).not.toMatch(/pass|a\.b\*c/)
  expect(last()).toMatchObject({
    url: 'redis://:[secret]@host',
    deep: [{ x: '[secret]' }],
    msg: '[secret], and short words stay',
  })
})

test('keeps passwords, tokens and what people write out of a line, at any depth', async () => {
  const log = (await createLog(config, terminal)).log('web')
  log.info(
    {
      body: { Password: 'p"1', messages: [{ role: 'user', text: 'a\\"b' }], token: null },
      headers: { authorization: 'Bearer 1', 'set-cookie': 'sid=1' },
      tokens: 5,
      said: 'the "password":"in words" stays',
    },
    'request',
  )
  expect(last()).toMatchObject({
    body: { Password: '[hidden]', messages: [{ role: 'user', text: '[hidden]' }], token: null },
    headers: { authorization: '[hidden]', 'set-cookie': '[hidden]' },
    tokens: 5,
    said: 'the "password":"in words" stays',
  })
})

test('writes JSON lines to a file too, all of them by the time it is closed', async () => {
  const path = join(folder, 'logs', 'chat.log')
  const logs = await createLog({ ...config, format: 'pretty', file: { path, megabytes: 1, count: 2 } }, terminal)
  const log = logs.log('web')
  for (let number = 0; number < 1000; number++) log.info({ number }, 'request')
  await logs.close()
  log.info({}, 'a late line goes to the console')
  const written = readFileSync(join(folder, 'logs', 'chat.1.log'), 'utf8')
    .trimEnd()
    .split('\n')
  expect(written.map((line) => JSON.parse(line).number)).toEqual(Array.from({ length: 1000 }, (_, number) => number))
  expect(lines).toHaveLength(1001)
})

test('flush writes at once what waits for the file', async () => {
  const path = join(folder, 'chat.log')
  const logs = await createLog({ ...config, file: { path, megabytes: 1, count: 2 } }, terminal)
  logs.log('web').info({}, 'one')
  logs.log('web').info({}, 'two')
  logs.flush()
  expect(readFileSync(join(folder, 'chat.1.log'), 'utf8').trimEnd().split('\n')).toHaveLength(2)
  await logs.close()
})

test('begins a new file when one is full and keeps only so many, those of earlier runs included', async () => {
  const file = { path: join(folder, 'chat.log'), megabytes: 1, count: 2 }
  const newest = () => Math.max(...readdirSync(folder).map((name) => Number(/^chat\.(\d+)\.log$/.exec(name)?.[1])))
  const padding = 'x'.repeat(100_000)
  for (const reached of [4, 8]) {
    const logs = await createLog({ ...config, file }, terminal)
    const fill = () => {
      logs.log('web').info({ padding }, 'much')
      expect(newest()).toBeGreaterThanOrEqual(reached)
    }
    await vi.waitFor(fill, { timeout: 10_000, interval: 1 })
    await vi.waitFor(() => expect(readdirSync(folder).length).toBeLessThanOrEqual(3))
    await logs.close()
  }
})

test('a file that cannot be opened is a fault of the configuration', async () => {
  const file = { path: join(fileURLToPath(import.meta.url), 'chat.log'), megabytes: 1, count: 2 }
  await expect(createLog({ ...config, file }, terminal)).rejects.toThrow(ConfigError)
})

test('has written every line to the console when the process is killed', async () => {
  const program = `
    import { createLog } from ${JSON.stringify(new URL('../src/log.ts', import.meta.url).href)}
    const logs = await createLog(${JSON.stringify({ ...config, format: 'pretty' })})
    for (let number = 0; number < 500; number++) logs.log('web').info({ number }, 'request')
    process.kill(process.pid, 'SIGKILL')
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')])
  expect(output.trimEnd().split('\n')).toHaveLength(500)
})
