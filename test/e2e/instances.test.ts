import { afterAll, beforeAll, expect, it } from 'vitest'
import { say, start, stop, usage } from '../support/bedrock.ts'
import { describeRedis, type RedisCluster, startCluster } from '../support/redis.ts'
import { service } from '../support/service.ts'
import { until } from '../support/world.ts'

const model = 'global.anthropic.claude-sonnet-4-6'

describeRedis('two instances on a Redis Cluster', () => {
  const own = service()
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(() => cluster.stop())

  it('are one: a sign-in, an answer that grows, a stop and a hand-over hold on both', async () => {
    const env = {
      REDIS_CLUSTER_NODES: cluster.entrances.map(({ host, port }) => `${host}:${port}`).join(','),
      SESSION_SECRET: 'x'.repeat(40),
      SHUTDOWN_SECONDS: '4',
      BEDROCK_MODEL_ID: model,
    }
    const [one, two] = await Promise.all([own.run(env), own.run(env)])
    const here = await own.signedIn(one)
    const there = await own.signedIn(two, here.cookies)
    const held = { gate: 'never' }
    own.bedrock.scriptFor(model, [start, ...say('Half an'), held], [start, ...say('Half'), held])

    const first = await here.send('To be stopped')
    const seen: string[] = []
    for await (const { event, data } of there.stream(first.conversation, first.turn)) {
      const { text = '' } = data as { text?: string }
      if (text) seen.push(text)
      if (seen.join('') === 'Half an' && event === 'text')
        expect((await there.api('POST', `/conversations/${first.conversation}/stop`, {})).status).toBe(204)
    }
    const stopped = await own.answered(there, first.conversation, 2)
    expect(stopped.messages[1]).toMatchObject({ text: 'Half an', answer: { stop: 'stopped' } })

    const second = await here.send('To be handed over', { conversation: first.conversation })
    await until(() => own.bedrock.requests.filter(({ body }) => JSON.stringify(body).includes('handed over')).length)
    expect(await one.stop('SIGTERM')).toBe(0)
    const { messages } = await own.answered(there, first.conversation, 4)
    expect(messages.at(-1)).toMatchObject({ turn: second.turn, answer: { stop: 'end' } })
    expect(messages.at(-1)?.text).toContain('To be handed over')
  })
  it('finish the answer of one that froze, which says nothing more of it when it thaws', async () => {
    const env = {
      REDIS_CLUSTER_NODES: cluster.entrances.map(({ host, port }) => `${host}:${port}`).join(','),
      SESSION_SECRET: 'x'.repeat(40),
      BEDROCK_MODEL_ID: model,
    }
    const [one, two] = await Promise.all([own.run(env), own.run(env)])
    const here = await own.signedIn(one)
    const there = await own.signedIn(two, here.cookies)
    own.bedrock.scriptFor(model, [start, ...say('Of the frozen one'), { gate: 'thaw' }, ...stop(), usage()])
    const { conversation, turn } = await here.send('Who answers?')
    for await (const { event } of here.stream(conversation, turn)) if (event === 'text') break
    one.process.kill('SIGSTOP')

    const { messages } = await own.answered(there, conversation, 2)
    expect(messages[1]).toMatchObject({
      text: 'You said: “Who answers?”. Earlier messages: 0.',
      answer: { stop: 'end' },
    })
    own.bedrock.open('thaw')
    one.process.kill('SIGCONT')
    const lost = async () => /^chat_leases_lost_total 1$/m.test(await (await fetch(`${one.url}/metrics`)).text())
    await until(lost)
    expect((await own.opened(there, conversation)).messages).toEqual(messages)
    expect((await fetch(`${one.url}/readyz`)).status).toBe(200)
    const next = await here.send('And now?', { conversation })
    expect((await own.answered(here, conversation, 4)).messages.at(-1)).toMatchObject({ turn: next.turn })
  })
})
