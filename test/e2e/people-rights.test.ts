import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Store } from '../../src/store.ts'
import type { User } from '../../src/types.ts'
import type { RunningApp } from '../support/app.ts'
import { say, start } from '../support/bedrock.ts'
import { describeRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { service } from '../support/service.ts'
import { beside, storedUser } from '../support/stored.ts'
import { type Surfaces, startSurfaces } from '../support/surfaces.ts'
import { Browser } from '../support/web.ts'

const program = fileURLToPath(new URL('../../src/cli/user.ts', import.meta.url))

const refusal = 'Your access to this bot has been switched off'

describeRedis('what an operator changes of a user at the command line', () => {
  const own = service({ shared: true })
  let redis: RedisServer
  let store: Store
  let at: Surfaces
  let one: RunningApp
  let two: RunningApp
  let dana: User
  beforeAll(async () => {
    ;[redis, at] = await Promise.all([startRedis(), startSurfaces()])
    store = await beside({ redisUrl: redis.url })
    const env = { REDIS_URL: redis.url, SESSION_SECRET: 'x'.repeat(40) }
    ;[one, two] = await Promise.all([own.run(env), own.run({ ...env, ...at.env })])
    at.connect(two)
    // Both surfaces know them before they are one with the user of the web page.
    await at.slackSays('You said: “Hello”', at.inSlack('Hello'))
    await at.inTeams('Hello')
    await at.teamsSays('You said: “Hello”')
    const others = await store.users.list({ limit: 10 })
    dana = await storedUser(store, 'dana')
    for (const { id } of others) await store.users.merge(id, dana.id)
    dana = (await store.users.get(dana.id))!
  })
  afterAll(async () => {
    await at.close()
    await store.close()
    await redis.stop()
  })

  async function command(...args: string[]): Promise<void> {
    const env = { PATH: process.env.PATH, HOME: own.dataDir, DATA_DIR: own.dataDir, REDIS_URL: redis.url }
    const child = spawn(process.execPath, [program, ...args], { cwd: own.dataDir, env, stdio: 'ignore' })
    expect((await once(child, 'exit'))[0]).toBe(0)
  }
  async function signedIn(app: RunningApp): Promise<Browser> {
    const browser = new Browser(app.url)
    expect((await browser.signIn('dana')).status).toBe(303)
    return browser
  }

  it('a role holds on the next request, on every instance', async () => {
    const [here, there] = [await signedIn(one), await signedIn(two)]
    const admin = async () => Promise.all([here, there].map(async (each) => (await each.get('/admin/users')).status))
    expect(await admin()).toEqual([404, 404])
    await command('role', 'dana', 'admin')
    expect(await admin()).toEqual([200, 200])
    await command('role', 'dana', 'member')
    expect(await admin()).toEqual([404, 404])
  })

  it('a user who is disabled is out everywhere: the open stream, the next request, every surface', async () => {
    expect(dana.identities).toHaveLength(3)
    const [here, there] = [await signedIn(one), await signedIn(two)]
    own.bedrock.script([start, ...say('Half an '), { gate: 'never' }])
    const { conversation, turn } = await here.send('A long one')
    const events: string[] = []
    // Ends when the service closes it: the answer never does.
    for await (const { event } of there.stream(conversation, turn)) {
      if (event === 'text' && !events.includes('text')) await command('disable', 'dana')
      events.push(event)
    }
    expect(events).toContain('text')
    expect(events).not.toContain('end')
    expect((await there.api('GET', '/me')).status).toBe(401)
    expect((await here.api('GET', '/me')).status).toBe(401)
    expect(await (await new Browser(one.url).signIn('dana')).text()).toContain(refusal)
    const asked = own.bedrock.requests.length
    await at.slackSays(refusal, at.inSlack('And here?'))
    await at.inTeams('And here?')
    await at.teamsSays(refusal)
    expect(own.bedrock.requests).toHaveLength(asked)
  })
})
