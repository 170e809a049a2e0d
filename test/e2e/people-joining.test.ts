import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Store } from '../../src/store.ts'
import type { User } from '../../src/types.ts'
import type { RunningApp } from '../support/app.ts'
import { describeRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { service } from '../support/service.ts'
import { beside, listOf, storedHistory, storedUser } from '../support/stored.ts'
import { Browser } from '../support/web.ts'
import { until } from '../support/world.ts'

const history = 150

describeRedis('joining accounts on two instances', () => {
  const own = service({ shared: true })
  let redis: RedisServer
  let raw: Redis
  let store: Store
  let one: RunningApp
  let two: RunningApp
  const run = () => own.run({ REDIS_URL: redis.url, SESSION_SECRET: 'x'.repeat(40) })
  beforeAll(async () => {
    redis = await startRedis()
    raw = new Redis(redis.port, redis.host)
    store = await beside({ redisUrl: redis.url })
    ;[one, two] = await Promise.all([run(), run()])
  })
  afterAll(async () => {
    raw.disconnect()
    await store.close()
    await redis.stop()
  })

  async function signedIn(app: RunningApp, name: string): Promise<Browser> {
    const browser = new Browser(app.url)
    expect((await browser.signIn(name)).status).toBe(303)
    return browser
  }
  const post = async (browser: Browser, path: string, fields: Record<string, string> = {}) =>
    (await browser.form(path, fields)).headers.get('location')
  async function codeOf(browser: Browser): Promise<string> {
    expect(await post(browser, '/account/code')).toBe('/account/link')
    return /id="code"[^>]*>([0-9A-Z-]{9})</.exec(await browser.page('/account/link'))![1]!
  }
  const enter = (browser: Browser, code: string) => post(browser, '/account/link', { code })
  const agree = (browser: Browser) => post(browser, '/account/link/agree')

  it('a code that two people enter at the same moment is good for one of them', async () => {
    for (const name of ['ann', 'bob', 'eve']) await storedUser(store, name)
    const ann = await signedIn(one, 'ann')
    const others = [await signedIn(one, 'bob'), await signedIn(two, 'eve')]
    const code = await codeOf(ann)
    const told = await Promise.all(others.map((browser) => enter(browser, code)))
    expect(told.toSorted()).toEqual(['/account/link', '/account?failed=link_code'])
    const late = others[told.indexOf('/account?failed=link_code')]!
    expect(await agree(late)).toBe('/account?failed=link_code')
    expect(await ann.page('/account/link')).toContain('Join these two?')
  })

  it('both sides that agree at the same moment become one, signed in on both', async () => {
    const carl = await storedUser(store, 'carl')
    const cara = await storedUser(store, 'cara', { createdAt: carl.createdAt + 1 })
    const ids = [...(await storedHistory(store, carl, 3)), ...(await storedHistory(store, cara, 3))]
    const [here, there] = [await signedIn(one, 'carl'), await signedIn(two, 'cara')]
    expect(await enter(there, await codeOf(here))).toBe('/account/link')
    const told = await Promise.all([agree(here), agree(there)])
    expect(told).toContain('/account?done=joined')
    for (const browser of [here, there]) {
      const items = await until(async () => {
        const list = await browser.json<{ items: { id: string }[] }>('/conversations')
        return list.items.length === ids.length ? list.items : undefined
      })
      expect(items.map(({ id }) => id).toSorted()).toEqual(ids.toSorted())
    }
    expect((await store.users.get(cara.id))?.id).toBe(carl.id)
    const joins = (await store.records.list('audit', { limit: 50, user: carl.id })).filter(
      ({ data }) => data.action === 'join',
    )
    expect(joins).toHaveLength(1)
  })

  /** Kills an instance when so many commands have come since it wrote down that it joins two. Resolves when it watches. */
  async function killDuring(app: RunningApp, commands: number): Promise<{ killed: Promise<unknown> }> {
    const monitor = connect(redis.port, redis.host)
    const killed = Promise.withResolvers<void>()
    const watching = Promise.withResolvers<void>()
    let sent = -1
    createInterface({ input: monitor }).on('line', (line) => {
      if (line === '+OK') watching.resolve()
      else if (sent >= 0) sent++
      else if (/"hset" .*step.*merge/i.test(line)) sent = 0
      if (sent === commands && app.process.kill('SIGKILL')) killed.resolve()
    })
    monitor.write('MONITOR\r\n')
    await watching.promise
    return { killed: killed.promise.then(() => app.stop()).finally(() => monitor.destroy()) }
  }
  const journal = async () => {
    const [key] = await raw.keys('*:joining')
    return key ? raw.hlen(key) : 0
  }

  async function isWhole(older: User, newer: User, ids: string[]): Promise<void> {
    expect((await store.users.get(newer.id))?.id).toBe(older.id)
    expect((await listOf(store, older.id)).toSorted()).toEqual(ids.toSorted())
    for (const id of ids) {
      const found = await store.conversations.read(id, { messages: 10 })
      expect([found?.conversation.participants, found?.messages.length]).toEqual([[older.id], 2])
    }
    for (const name of [older.name, newer.name]) {
      const browser = await signedIn(two, name)
      for (const id of [ids[0]!, ids.at(-1)!]) expect((await own.opened(browser, id)).messages).toHaveLength(2)
    }
  }

  const moments: [number, string, 'another instance' | 'the next one that starts'][] = [
    [0, 'when it was written down', 'the next one that starts'],
    [120, 'while conversations are lent', 'another instance'],
    [history + 60, 'while they are handed over', 'the next one that starts'],
  ]
  it.each(moments)('killed after %i commands, %s, is finished by %s; nothing is lost', async (commands, _, by) => {
    const older = await storedUser(store, `older${commands}`)
    const newer = await storedUser(store, `newer${commands}`, { createdAt: older.createdAt + 1 })
    const ids = [...(await storedHistory(store, older, history)), ...(await storedHistory(store, newer, history))]
    const dying = await run()
    const here = await signedIn(dying, newer.name)
    const there = await signedIn(two, older.name)
    await enter(here, await codeOf(there))
    await agree(there)
    const { killed } = await killDuring(dying, commands)
    await expect(agree(here)).rejects.toThrow()
    await killed
    expect(await journal()).toBe(1)
    // Nobody loses sight of anything meanwhile.
    expect((await listOf(store, older.id)).length).toBeGreaterThanOrEqual(history)

    if (by === 'the next one that starts') await run()
    await until(async () => (await journal()) === 0)
    await isWhole(older, newer, ids)
  })
})
