import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { service } from '../support/service.ts'
import { startTeams } from '../support/teams/index.ts'

const running = service()
const id = '11111111-2222-4333-8444-555555555555'
const production = { NODE_ENV: 'production', SESSION_SECRET: 'x'.repeat(40), HOST: '127.0.0.1' }

test('messages come to /api/messages below the path that a proxy serves', async () => {
  const app = await running.run({ TEAMS_ANONYMOUS: 'true', HOST: '127.0.0.1', BASE_PATH: '/bot' })
  const teams = await startTeams({ anonymous: true, limits: false, botUrls: [`${app.url}/api/messages`] })
  try {
    expect(app.url).toMatch(/\/bot$/)
    expect(await teams.say({ in: teams.personal.id, text: 'Hi' }).first).toMatchObject({ status: 202, body: '' })
    await teams.until(() => teams.screen(teams.personal.id).answers[0]?.state === 'final')
    expect(teams.screen(teams.personal.id).answers[0]!.text).toContain('“Hi”')
  } finally {
    await app.stop()
    await teams.close()
  }
})

test('with credentials, who has no token of Microsoft’s is a bare 401, whatever is sent', async () => {
  const app = await running.run({
    ...production,
    MicrosoftAppId: id,
    MicrosoftAppTenantId: id,
    MicrosoftAppPassword: 'a-secret-of-the-test',
  })
  for (const authorization of [undefined, 'Basic x', 'Bearer x', 'Bearer a.b']) {
    const response = await fetch(`${app.url}/api/messages`, {
      method: 'POST',
      body: '{"type":"message"}',
      headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
    })
    expect({ status: response.status, body: await response.text() }).toEqual({ status: 401, body: '' })
  }
  expect(JSON.stringify([app.lines, app.output])).not.toContain('a-secret-of-the-test')
})

test.each([
  [{ MicrosoftAppId: id }, 'MicrosoftAppTenantId'],
  [{ MicrosoftAppId: id, MicrosoftAppTenantId: id }, 'MicrosoftAppPassword'],
  [{ TEAMS_ANONYMOUS: 'true' }, 'not for production'],
])('in production it does not start with %j alone', async (env, words) => {
  const { code, output } = await running.refused({ ...production, ...env })
  expect(code).toBe(78)
  expect(output.join('\n')).toContain(words)
})

test('a private key that is none is told at the start', async () => {
  const { code, output } = await running.refused({
    ...production,
    MicrosoftAppId: id,
    MicrosoftAppTenantId: id,
    CertificateThumbprint: 'AB'.repeat(20),
    CertificatePrivateKey: 'not-a-key-of-the-test',
  })
  expect(code).not.toBe(0)
  expect(output.join('\n')).toContain('CertificatePrivateKey is no private key')
  expect(output.join('\n')).not.toContain('not-a-key-of-the-test')
})

test('who does not use Teams does not load its packages', async () => {
  const program = `
    import { createRequire } from 'node:module'
    const { createTeams } = await import('./adapters/teams/index.ts')
    const loaded = () => Object.keys(createRequire(import.meta.url).cache).filter((name) => /botframework|botbuilder|azure/.test(name)).length
    const before = loaded()
    const config = { appType: 'SingleTenant', anonymous: true, production: false, host: '127.0.0.1', allowedTenants: [] }
    await createTeams({ config, chat: {}, cache: {}, counters: {}, log: {} })
    console.log(JSON.stringify({ before, after: loaded() > 0 }))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [printed] = await Promise.all([text(child.stdout), once(child, 'exit')])
  expect(JSON.parse(printed)).toEqual({ before: 0, after: true })
})
