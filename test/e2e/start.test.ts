import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { AppEnded } from '../support/app.ts'
import { describeRedis, freePort, startRedis } from '../support/redis.ts'
import { service } from '../support/service.ts'

const stack = /^\s+at .+:\d+/m

/** What an operator reads of a start that failed: a few plain lines, and never how the program is built. */
function told({ code, output }: AppEnded): { code: number | null; text: string } {
  const text = output.join('\n')
  expect(text).not.toMatch(stack)
  expect(text).not.toMatch(/node:internal|UnhandledPromise|Error:/)
  return { code, text }
}

describe('a start that cannot work', () => {
  const own = service({ shared: true })

  it('lists every fault of the configuration at once and ends with 78', async () => {
    const { code, text } = told(
      await own.refused({
        NODE_ENV: 'production',
        PORT: 'http',
        SESSION_SECRET: 'hunter2',
        REDIS_URL: 'https://:hunter3@redis.internal',
        TRUST_PROXY: 'true',
        BEDROCK_GUARDRAIL_ID: 'abc',
        LOG_LEVELS: 'bedrock=loud',
      }),
    )
    expect(code).toBe(78)
    for (const name of [
      'PORT',
      'SESSION_SECRET',
      'REDIS_URL',
      'TRUST_PROXY',
      'BEDROCK_GUARDRAIL_VERSION',
      'LOG_LEVELS',
    ])
      expect(text).toMatch(new RegExp(`^ {2}${name} .+ Expected: .+\\.$`, 'm'))
    expect(text).not.toMatch(/hunter/)
  })

  it('needs a session secret in production', async () => {
    const { code, text } = told(await own.refused({ NODE_ENV: 'production' }))
    expect([code, text]).toEqual([78, expect.stringContaining('SESSION_SECRET is not set')])
  })

  it('says that a log file cannot be written', async () => {
    writeFileSync(join(own.dataDir, 'file'), '')
    const { code, text } = told(await own.refused({ LOG_FILE: join(own.dataDir, 'file', 'chat.log') }))
    expect([code, text]).toEqual([78, expect.stringContaining('LOG_FILE is')])
  })

  it('says that the port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    const { code, text } = told(await own.refused({ PORT: String(port) }))
    expect([code, text]).toEqual([1, expect.stringContaining(`Port ${port} is taken already`)])
    taken.close()
  })
})

describe('a start without its data', () => {
  const own = service()

  it('says that the data folder is none', async () => {
    const file = join(own.dataDir, 'file')
    writeFileSync(file, '')
    const { code, text } = told(await own.refused({ DATA_DIR: file }))
    expect([code, text]).toEqual([78, expect.stringContaining('DATA_DIR is')])
  })

  // Root may write anywhere.
  it.skipIf(process.getuid?.() === 0)('says that the data folder cannot be written', async () => {
    const folder = join(own.dataDir, 'locked')
    mkdirSync(folder)
    chmodSync(folder, 0o500)
    const { code, text } = told(await own.refused({ DATA_DIR: folder, SESSION_SECRET: 'x'.repeat(40) }))
    expect([code, text]).toEqual([1, expect.stringContaining(folder)])
  })

  it('says that the database is none, and leaves it as it is', async () => {
    writeFileSync(join(own.dataDir, 'chat.db'), 'this is a letter to my aunt and no database at all. '.repeat(100))
    const { code, text } = told(await own.refused())
    expect(code).toBe(1)
    expect(text).toContain(join(own.dataDir, 'chat.db'))
  })

  it('refuses to be the second instance on one data folder, and leaves the first alone', async () => {
    const first = await own.run()
    const { code, text } = told(await own.refused())
    expect(code).toBe(1)
    expect(text).toContain('Another instance is already running')
    expect(text).toContain(own.dataDir)
    expect((await fetch(`${first.url}/readyz`)).status).toBe(200)
  })
})

describeRedis('a start without its Redis', () => {
  const own = service({ shared: true })

  it.each([
    ['REDIS_URL', (port: number) => ({ REDIS_URL: `redis://chat:hunter2secret@127.0.0.1:${port}` })],
    ['REDIS_CLUSTER_NODES', (port: number) => ({ REDIS_CLUSTER_NODES: `127.0.0.1:${port}` })],
  ])('says which address of %s did not answer, and not the password', async (_name, env) => {
    const port = await freePort()
    const { code, text } = told(await own.refused(env(port)))
    expect(code).toBe(1)
    expect(text).toContain(`127.0.0.1:${port}`)
    expect(text).not.toContain('hunter2')
  })

  it('says that the password is not right', async () => {
    const redis = await startRedis({ requirepass: 'right' }, { probe: { password: 'right' } })
    const { code, text } = told(await own.refused({ REDIS_URL: `redis://:hunter2secret@127.0.0.1:${redis.port}` }))
    await redis.stop()
    expect(code).toBe(1)
    expect(text).toMatch(/password/i)
    expect(text).not.toContain('hunter2')
  })

  it('makes no data folder where it has no use for one', async () => {
    const redis = await startRedis()
    const folder = join(own.dataDir, 'unused')
    const app = await own.run({ DATA_DIR: folder, REDIS_URL: redis.url, SESSION_SECRET: 'x'.repeat(40) })
    expect(existsSync(folder) && readdirSync(folder)).toBe(false)
    await app.stop()
    await redis.stop()
  })
})
