import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type RunningApp, startApp, temporaryFolder } from '../support/app.ts'
import { type Act, type StandIn, say, start, startBedrock, whole } from '../support/bedrock.ts'
import { describeRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { Browser } from '../support/web.ts'
import { until } from '../support/world.ts'

interface Opened {
  messages: { role: string; text: string; turn: string; answer?: { stop: string } }[]
  pending: { turn: string }[]
}

/** Held for ever by the stand-in: the process is killed while it waits. */
const held: Act = { gate: 'never' }

/** Each test's own data folder, model and processes. */
function world() {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let bedrock: StandIn
  const apps: RunningApp[] = []
  beforeEach(async () => {
    folder = await temporaryFolder()
    bedrock = await startBedrock()
  })
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.stop('SIGKILL')
    await bedrock.close()
    await folder.remove()
  })

  async function run(env: Record<string, string> = {}): Promise<RunningApp> {
    const app = await startApp({
      dataDir: folder.path,
      env: {
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
        AWS_SECRET_ACCESS_KEY: 'secret',
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME: bedrock.url,
        ...env,
      },
    })
    apps.push(app)
    return app
  }

  async function signedIn(app: RunningApp, cookies?: Browser['cookies']): Promise<Browser> {
    const browser = new Browser(app.url)
    for (const [name, value] of cookies ?? []) browser.cookies.set(name, value)
    if (cookies) await browser.page('/')
    else if ((await browser.signIn('user', 'password')).status !== 303) throw new Error('could not sign in')
    return browser
  }

  const opened = (browser: Browser, conversation: string) => browser.json<Opened>(`/conversations/${conversation}`)

  async function answered(browser: Browser, conversation: string, count: number): Promise<Opened> {
    return until(async () => {
      const now = await opened(browser, conversation)
      return now.pending.length === 0 && now.messages.length >= count ? now : undefined
    })
  }

  return { run, signedIn, answered, opened, bedrock: () => bedrock }
}

describe('a process that is killed', () => {
  const { run, signedIn, answered, opened, bedrock } = world()
  const points: [string, Act[], string | null][] = [
    ['before the model said anything', [held], null],
    ['after the first words of the answer', [start, ...say('Half an '), held], 'Half an '],
    ['when all of the answer had come but its end', [start, ...say('All of it.'), held], 'All of it.'],
  ]
  it.each(points)(
    '%s leaves exactly one whole answer after the restart, for someone still signed in',
    async (_when, acts, shown) => {
      const first = await run()
      const browser = await signedIn(first)
      bedrock().script(acts)
      const { conversation, turn } = await browser.send('Are you there?')
      if (shown) {
        let text = ''
        for await (const { event, data } of browser.stream(conversation, turn)) {
          if (event === 'text') text += (data as { text: string }).text
          if (text === shown) break
        }
      } else await until(() => bedrock().requests.length > 0)
      await first.stop('SIGKILL')

      const again = await run()
      const back = await signedIn(again, browser.cookies)
      const { messages } = await answered(back, conversation, 2)
      expect(messages.map(({ role, turn: id }) => [role, id])).toEqual([
        ['user', turn],
        ['assistant', turn],
      ])
      expect(messages[1]).toMatchObject({
        text: 'You said: “Are you there?”. Earlier messages: 0.',
        answer: { stop: 'end' },
      })
      // The browser never got its 202? It sends the same message again, and that is the same turn still.
      expect(await opened(back, conversation)).toMatchObject({ messages: { length: 2 } })
    },
  )

  it('after the answer was stored does not ask the model again', async () => {
    const first = await run()
    const browser = await signedIn(first)
    const id = crypto.randomUUID()
    bedrock().script(whole('Once.'))
    const { conversation, turn } = await browser.send('Once?', { id })
    for await (const { event } of browser.stream(conversation, turn)) if (event === 'end') break
    await first.stop('SIGKILL')

    const again = await run()
    const back = await signedIn(again, browser.cookies)
    const resent = await back.api('POST', '/messages', { id, text: 'Once?' })
    expect(await resent.json()).toMatchObject({ status: 'duplicate', conversation, turn })
    const { messages } = await answered(back, conversation, 2)
    expect(messages.map(({ text }) => text)).toEqual(['Once?', 'Once.'])
    expect(
      bedrock().requests.filter(
        ({ body }) => JSON.stringify(body).includes('Once?') && (body.inferenceConfig?.maxTokens ?? 0) > 100,
      ),
    ).toHaveLength(1)
  })

  it('with messages in line answers all of them, in order', async () => {
    const first = await run()
    const browser = await signedIn(first)
    bedrock().script([held])
    const { conversation } = await browser.send('one')
    await browser.send('two', { conversation })
    await browser.send('three', { conversation })
    await first.stop('SIGKILL')

    const again = await run()
    const back = await signedIn(again, browser.cookies)
    const { messages } = await answered(back, conversation, 6)
    expect(messages.map(({ role, text }) => (role === 'user' ? text : text.slice(0, 16)))).toEqual([
      'one',
      'You said: “one”.',
      'two',
      'You said: “two”.',
      'three',
      'You said: “three'.slice(0, 16),
    ])
  })

  it('asked to end hands its running answer over and exits by itself', async () => {
    const first = await run({ SHUTDOWN_SECONDS: '4' })
    const browser = await signedIn(first)
    bedrock().script([start, ...say('Half'), held])
    const { conversation, turn } = await browser.send('hello')
    for await (const { event } of browser.stream(conversation, turn)) if (event === 'text') break
    expect(await first.stop('SIGTERM')).toBe(0)
    const back = await signedIn(await run(), browser.cookies)
    const { messages } = await answered(back, conversation, 2)
    expect(messages.map(({ text }) => text)).toEqual(['hello', 'You said: “hello”. Earlier messages: 0.'])
  })
})

describeRedis('an instance that is killed among others on Redis', () => {
  const { run, signedIn, answered, bedrock } = world()
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())

  it('is replaced by another one within the time of a lease; a watcher there sees the whole answer', async () => {
    const env = { REDIS_URL: redis.url, SESSION_SECRET: 'x'.repeat(40) }
    const [one, two] = [await run(env), await run(env)]
    const here = await signedIn(one)
    const there = await signedIn(two, here.cookies)
    bedrock().script([start, ...say('Half an '), held])
    const { conversation, turn } = await here.send('Who answers?')
    const events: string[] = []
    let text = ''
    for await (const { event, data } of there.stream(conversation, turn)) {
      events.push(event)
      const piece = data as { text?: string }
      if (event === 'text') text += piece.text
      if (event === 'reset') text = piece.text ?? ''
      if (text === 'Half an ' && one.process.signalCode === null) await one.stop('SIGKILL')
    }
    expect(events.at(-1)).toBe('end')
    expect(text).toBe('You said: “Who answers?”. Earlier messages: 0.')
    const { messages } = await answered(there, conversation, 2)
    expect(messages.map((message) => message.text)).toEqual(['Who answers?', text])
  })
})
