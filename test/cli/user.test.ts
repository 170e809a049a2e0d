import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { main } from '../../src/cli/user.ts'
import { type Config, readConfig } from '../../src/config.ts'
import { openStore } from '../../src/openStore.ts'
import { verifyPassword } from '../../src/passwords.ts'
import type { Store } from '../../src/store.ts'
import type { User } from '../../src/types.ts'
import { quietLog } from '../support/log.ts'
import { describeRedis, type RedisServer, startRedis } from '../support/redis.ts'

const program = fileURLToPath(new URL('../../src/cli/user.ts', import.meta.url))

interface Run {
  code: number
  out: string
  err: string
}

/** The program as npm starts it, in a folder of its own, with `input` on its standard input. */
async function start(cwd: string, env: Record<string, string>, args: string[], input = ''): Promise<Run> {
  const child = spawn(process.execPath, [program, ...args], { cwd, env: { PATH: process.env.PATH, ...env } })
  child.stdin.end(input)
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { code: code as number, out, err }
}

/** The same in this process, which is quicker. */
async function run(config: () => Config, args: string[], piped = ''): Promise<Run> {
  const [input, out, prompts] = [new PassThrough(), new PassThrough(), new PassThrough()]
  input.end(piped)
  const code = await main(args, { input: input as unknown as NodeJS.ReadStream, out, prompts, config })
  out.end()
  prompts.end()
  return { code, out: await text(out), err: await text(prompts) }
}

/** What must hold on either engine. */
function suite(settings: () => Record<string, string>): void {
  let folder: string
  let store: Store
  const config = () => readConfig({ DATA_DIR: join(folder, 'data'), ...settings() })
  const user = (...args: string[]) => run(config, args)
  const userWith = (input: string, ...args: string[]) => run(config, args, input)
  const anna = async (): Promise<User> => (await store.users.find('web:local:anna'))!

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'user-'))
    store = await openStore(config(), quietLog(), { lock: true })
  })
  afterAll(async () => {
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  })

  // In order: each goes on from the one before.
  test('says what to do where there is nobody yet', async () => {
    expect(await user('list')).toMatchObject({ code: 0, out: expect.stringContaining('npm run user -- add NAME') })
  })

  test('adds a user with a password from standard input, while the service is running on the store', async () => {
    const { code, out, err } = await start(folder, settings(), ['add', ' Ａnna', 'admin'], 'correct horse\n')
    expect({ code, out, err }).toEqual({ code: 0, out: 'Added “Anna” (admin).\n', err: '' })
    expect(await anna()).toMatchObject({ name: 'Anna', roles: ['admin'], state: 'active' })
    expect(await verifyPassword('correct horse', (await anna()).password)).toBe(true)
  })

  test('takes no second user of the same name, however it is typed', async () => {
    const { code, err } = await user('add', 'ANNA', '--generate')
    expect({ code, err }).toEqual({ code: 1, err: 'There is a user “ANNA” already.\n' })
    expect((await anna()).roles).toEqual(['admin'])
  })

  test('changes a password to one that it makes, shows it once, and ends all sessions', async () => {
    const { id } = await anna()
    await store.sessions.set('s1', { a: 1 }, { user: id, expiresAt: Date.now() + 60_000 })
    const { code, out } = await user('passwd', 'anna', '--generate')
    expect(code).toBe(0)
    const password = /shown only now: (\S{20})\n/.exec(out)?.[1]
    expect(await verifyPassword(password!, (await anna()).password)).toBe(true)
    expect(await verifyPassword('correct horse', (await anna()).password)).toBe(false)
    expect(await store.sessions.get('s1')).toBeNull()
  })

  test('changes a role', async () => {
    expect((await user('role', 'anna', 'member')).out).toBe('“Anna” is a member now.\n')
    expect((await anna()).roles).toEqual(['member'])
  })

  test('disables a user, which ends all sessions, and enables again', async () => {
    const { id } = await anna()
    await store.sessions.set('s2', { a: 1 }, { user: id, expiresAt: Date.now() + 60_000 })
    expect((await user('disable', 'anna')).code).toBe(0)
    expect((await anna()).state).toBe('disabled')
    expect(await store.sessions.get('s2')).toBeNull()
    expect((await user('enable', 'anna')).code).toBe(0)
    expect((await anna()).state).toBe('active')
  })

  test('leaves an entry in the audit log for each change, and tells every instance of it', async () => {
    const { id } = await anna()
    const entries = await store.records.list('audit', { limit: 50, user: id })
    expect(entries.map(({ data }) => [data.action, data.actor]).toReversed()).toEqual([
      ['role', 'operator'],
      ['password', 'operator'],
      ['role', 'operator'],
      ['disable', 'operator'],
      ['enable', 'operator'],
    ])
    if (store.engine === 'sqlite') return
    const told: unknown[] = []
    const unsubscribe = await store.bus.subscribe('people', ({ keys }) => told.push(keys))
    expect((await user('disable', 'anna')).code).toBe(0)
    expect((await user('enable', 'anna')).code).toBe(0)
    await expect.poll(() => told.length).toBe(2)
    expect(told[0]).toEqual(['web:local:anna', ` ${id}`])
    unsubscribe()
  })

  test('lists everybody, without passwords and without what could steer a terminal', async () => {
    const now = Date.now()
    await store.users.create({
      id: 'z'.repeat(20),
      name: 'Eve\u001b[2J',
      emails: [],
      roles: ['member'],
      state: 'active',
      identities: ['slack:T1:U1'],
      createdAt: now,
      seenAt: now + 1,
    })
    const { out } = await user('list')
    expect(out).toMatch(/^“Anna” \| member \| active \| never \| web:local:anna$/m)
    expect(out).toMatch(/^“Eve�\[2J” \| member \| active \| \d{4}-\d\d-\d\d \d\d:\d\d \| slack:T1:U1$/m)
    expect(out).not.toContain('argon2')
  })

  test('takes an identity for a name, and sets no password where nobody signs in with one', async () => {
    expect((await user('disable', 'slack:T1:U1')).code).toBe(0)
    expect((await store.users.find('slack:T1:U1'))?.state).toBe('disabled')
    const { code, err } = await user('passwd', 'slack:T1:U1', '--generate')
    expect([code, err]).toEqual([1, expect.stringContaining('does not sign in on the web page')])
  })

  test('says when there is no such user', async () => {
    const runs = await Promise.all([
      userWith('correct horse', 'passwd', 'nobody'),
      user('disable', 'nobody'),
      user('enable', 'nobody'),
      user('role', 'nobody', 'admin'),
    ])
    for (const { code, err } of runs) expect([code, err]).toEqual([1, 'There is no user “nobody”.\n'])
  })

  test.each([
    ['', 'bob', 'at least 8'],
    ['short\n', 'bob', 'at least 8'],
    ['x'.repeat(1025), 'bob', 'at most 1024'],
    ['correct horse', '', '1 to 64'],
    ['correct horse', 'x'.repeat(65), '1 to 64'],
    ['correct horse', 'a:b', 'letters, digits'],
    ['correct horse', 'a\u202eb', 'letters, digits'],
    ['correct horse', '<b>', 'letters, digits'],
  ])('adds nobody with the password %j and the name %j', async (password, name, words) => {
    const { code, err } = await userWith(password, 'add', name)
    expect([code, err]).toEqual([1, expect.stringContaining(words)])
    expect(await store.users.find('web:local:bob')).toBeNull()
  })
}

describe('users in SQLite', () => suite(() => ({})))

describeRedis('users in Redis', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())
  suite(() => ({ REDIS_URL: redis.url }))
})

describe('arguments', () => {
  const config = () => expect.unreachable('nothing is read before the arguments are right')

  test.each([[[]], [['--help']], [['-h']]])('%j shows how it is used', async (args) => {
    const { code, out, err } = await run(config, args)
    expect([code, err]).toEqual([0, ''])
    expect(out).toContain('npm run user -- add NAME')
  })

  test.each([
    [['add'], 'The name is missing.'],
    [['remove', 'anna'], 'There is no command "remove".'],
    [['role', 'anna'], 'The role is missing'],
    [['role', 'anna', 'boss'], 'The role is admin or member.'],
    [['add', 'anna', 'hunter2hunter2'], 'The role is admin or member.'],
    [['add', 'anna', 'admin', 'hunter2hunter2'], 'too many arguments'],
    [['passwd', 'anna', 'hunter2hunter2'], 'A password is never an argument'],
    [['passwd', 'anna', '--password=hunter2hunter2'], 'an option that is not known'],
    [['disable', 'anna', 'hunter2hunter2'], 'too many arguments'],
    [['disable', 'anna', '--generate'], '--generate does not go with disable'],
    [['list', 'anna'], 'too many arguments'],
  ])('%j is refused with the usage, and nothing is repeated that may be a password', async (args, words) => {
    const { code, out, err } = await run(config, args)
    expect([code, out]).toEqual([64, ''])
    expect(err).toContain(words)
    expect(err).toContain('npm run user -- add NAME')
    expect(err).not.toContain('hunter2')
  })
})

test('a faulty configuration and a store that is gone are told without a stack', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'user-'))
  const faulty = await start(folder, { PORT: 'x' }, ['list'])
  const gone = await start(folder, { REDIS_URL: 'redis://127.0.0.1:1' }, ['list'])
  rmSync(folder, { recursive: true, force: true })
  expect([faulty.code, faulty.err]).toEqual([78, expect.stringContaining('PORT is "x"')])
  expect([gone.code, gone.err]).toEqual([1, expect.stringContaining('cannot be reached')])
  expect(faulty.err + gone.err).not.toMatch(/^\s+at /m)
})
