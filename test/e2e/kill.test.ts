import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Act, say, start, whole } from '../support/bedrock.ts'
import { describeRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { service } from '../support/service.ts'
import { until } from '../support/world.ts'

/** Held for ever by the stand-in: the process is killed while it waits. */
const held: Act = { gate: 'never' }

describe('a process that is killed', () => {
  const own = service()
  const { run, signedIn, answered } = own
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
      own.bedrock.script(acts)
      const { conversation, turn } = await browser.send('Are you there?')
      if (shown) {
        let text = ''
        for await (const { event, data } of browser.stream(conversation, turn)) {
          if (event === 'text') text += (data as { text: string }).text
          if (text === shown) break
        }
      } else await until(() => own.bedrock.requests.length > 0)
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
    },
  )

  it('after the answer was stored does not ask the model again', async () => {
    const first = await run()
    const browser = await signedIn(first)
    const id = crypto.randomUUID()
    own.bedrock.script(whole('Once.'))
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
      own.bedrock.requests.filter(
        ({ body }) => JSON.stringify(body).includes('Once?') && (body.inferenceConfig?.maxTokens ?? 0) > 100,
      ),
    ).toHaveLength(1)
  })

  it('with messages in line answers all of them, in order', async () => {
    const first = await run()
    const browser = await signedIn(first)
    own.bedrock.script([held])
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
    own.bedrock.script([start, ...say('Half'), held])
    const { conversation, turn } = await browser.send('hello')
    for await (const { event } of browser.stream(conversation, turn)) if (event === 'text') break
    expect(await first.stop('SIGTERM')).toBe(0)
    const back = await signedIn(await run(), browser.cookies)
    const { messages } = await answered(back, conversation, 2)
    expect(messages.map(({ text }) => text)).toEqual(['hello', 'You said: “hello”. Earlier messages: 0.'])
  })
})

describeRedis('an instance that is killed among others on Redis', () => {
  const own = service()
  const { run, signedIn, answered } = own
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
    own.bedrock.script([start, ...say('Half an '), held])
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
