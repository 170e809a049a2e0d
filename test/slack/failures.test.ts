import { describe, expect, test } from 'vitest'
import { zeroWidth } from '../../adapters/slack/guard.ts'
import { answers, cleanUp, saying, settled, startWorld, type World } from './world.ts'

cleanUp()

const text = `${'A paragraph of the answer, with some words.\n\n'.repeat(30)}The end.`

/** All that the bot wrote in a thread, put together as a person reads it. */
function seen({ slack }: World, channel: string, thread?: string): string {
  return answers(slack, channel, thread)
    .filter(({ ephemeral }) => !ephemeral)
    .map(({ source }) => source)
    .join('')
    .replaceAll(zeroWidth, '')
}

/** The whole answer once, all messages at rest, no status. */
function expectWhole(world: World, channel: string, thread: string, whole = text): void {
  const { slack } = world
  expect(seen(world, channel, thread)).toBe(whole)
  const { messages, status, stoppable } = slack.screen(channel, { thread })
  expect(messages.every(({ state }) => state !== 'streaming' && state !== 'broken')).toBe(true)
  expect(status).toBe('')
  expect(stoppable).toBe(false)
}

/** Slack works on nothing any more. */
function quiet({ slack }: World): Promise<boolean> {
  return slack.until(() =>
    slack.calls.every(({ endedAt, pending, method }) => (endedAt && !pending) || method === 'auth.test'),
  )
}

const methods = ['chat.startStream', 'chat.appendStream', 'chat.stopStream', 'assistant.threads.setStatus'] as const
const faults = [
  { kind: 'error', error: 'internal_error' },
  { kind: 'status', status: 500 },
  { kind: 'status', status: 502, done: true },
  // Done when the answer stands already.
  { kind: 'status', status: 504, done: 300 },
  { kind: 'cut' },
  { kind: 'cut', done: true },
  { kind: 'cut', done: 300 },
  { kind: 'garbage', done: true },
  { kind: 'ratelimited', retryAfter: 1 },
  // Slower than a call may take: done or not, its reply comes too late.
  { kind: 'slow', wait: 2_000, work: 'first' },
  { kind: 'slow', wait: 2_000, work: 'last' },
] as const

describe.each(methods)('when %s fails once', (method) => {
  test.each(faults)('with %j, the answer is whole and there once', async (fault) => {
    const world = await startWorld({ config: { limits: { callMs: 1_500 } } })
    const { slack, model } = world
    // As slow as a model: every piece comes when the one before can have been shown.
    model.script = saying(text, 3, () => new Promise((resolve) => setTimeout(resolve, 40)))
    slack.fail(method, fault)
    const said = slack.say({ user: slack.ana.id, channel: slack.general.id, text: `<@${slack.install.botUser}> go` })
    await settled(world)
    expectWhole(world, slack.general.id, said.ts)
    // Nor later, when what was slow is done.
    await quiet(world)
    expectWhole(world, slack.general.id, said.ts)
  })
})

describe('when there is no stream at all', () => {
  test.each(faults)('and the post fails with %j, the answer is whole and there once', async (fault) => {
    const world = await startWorld({ config: { limits: { callMs: 1_500 } } })
    const { slack, model } = world
    model.script = saying(text)
    slack.fail('chat.startStream', { kind: 'error', error: 'not_allowed_token_type' }, { times: 100 })
    slack.fail('chat.postMessage', fault)
    const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'go' })
    await settled(world)
    expectWhole(world, slack.dm.id, said.ts)
    // Nor later, when what was slow is done.
    await quiet(world)
    expectWhole(world, slack.dm.id, said.ts)
  })

  test('an answer of many messages is whole', async () => {
    const world = await startWorld()
    const { slack, model } = world
    const long = 'A paragraph of the answer, with some words.\n\n'.repeat(1_000)
    model.script = saying(long)
    slack.fail('chat.startStream', { kind: 'ratelimited', retryAfter: 60 }, { times: 100 })
    slack.fail('chat.postMessage', { kind: 'cut', done: true }, { skip: 1 })
    const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'go' })
    await settled(world)
    expectWhole(world, slack.dm.id, said.ts, long)
    expect(answers(slack, slack.dm.id, said.ts).length).toBeLessThanOrEqual(Math.ceil(long.length / 10_500))
  })
})

test('messages that Slack finds too long are cut smaller', async () => {
  const world = await startWorld()
  const { slack, model } = world
  const long = 'A paragraph of the answer, with some words.\n\n'.repeat(400)
  model.script = saying(long, 1)
  slack.fail('chat.startStream', { kind: 'error', error: 'channel_type_not_supported' }, { times: 100 })
  slack.fail('chat.postMessage', { kind: 'error', error: 'msg_blocks_too_long' })
  const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'go' })
  await settled(world)
  expectWhole(world, slack.dm.id, said.ts, long)
})

describe('kill -9 of an instance, and another finishes', () => {
  const steps = [
    ['before anything is shown', 'assistant.threads.setStatus', 0, text],
    ['when the first message is begun', 'chat.startStream', 0, text],
    ['while it grows', 'chat.appendStream', 0, text],
    ['while it grows further', 'chat.appendStream', 1, text],
    // The answer is stored by then: it is delivered, and the model is not asked again.
    ['when it ends', 'chat.stopStream', 0, `Another text. ${text}`],
  ] as const

  test.each(steps)('%s', async (_when, method, nth, whole) => {
    const world = await startWorld({ leaseMs: 400 })
    const { slack, model, app } = world
    // The last piece comes where the end is to be reached, and nowhere else.
    const ends = method === 'chat.stopStream'
    model.script = saying(`Another text. ${text}`, 4, (piece) => (piece === 3 && !ends ? never : wait(40)))
    // Slack gets the call and does it, but nobody hears of it any more.
    slack.fail(method, { kind: 'slow', wait: never, work: 'first' }, { skip: nth })
    const said = slack.say({ user: slack.ana.id, channel: slack.general.id, text: `<@${slack.install.botUser}> go` })
    await slack.until(() => slack.callsTo(method).length > nth)
    app.kill()
    model.script = saying(text)
    const next = await world.another()
    slack.connect(`${next.url}/slack/events`)
    await settled(world)
    expectWhole(world, slack.general.id, said.ts, whole)
  })

  test('while a long answer is being posted', async () => {
    const world = await startWorld({ leaseMs: 400 })
    const { slack, model, app } = world
    const long = 'A paragraph of the answer, with some words.\n\n'.repeat(1_000)
    model.script = saying(long, 1)
    slack.fail('chat.startStream', { kind: 'ratelimited', retryAfter: 60 }, { times: 100 })
    const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'go' })
    await slack.until(() => slack.callsTo('chat.postMessage').length === 3)
    app.kill()
    const next = await world.another()
    slack.connect(`${next.url}/slack/events`)
    await settled(world)
    expectWhole(world, slack.dm.id, said.ts, long)
    expect(model.prompts).toHaveLength(1)
  })

  const never = new Promise(() => {})

  function wait(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms))
  }
})

describe('when the place is closed to us', () => {
  test('a channel the bot was removed from: the answer comes as a direct message', async () => {
    const world = await startWorld()
    const { slack, model } = world
    model.script = async function* (prompt) {
      slack.kick(slack.general.id)
      yield* saying(text)(prompt, new AbortController().signal)
    }
    slack.say({ user: slack.ana.id, channel: slack.general.id, text: `<@${slack.install.botUser}> go` })
    await settled(world)
    expect(seen(world, slack.dm.id)).toContain(text)
    expect(answers(slack, slack.dm.id)[0]!.text).toContain('I could not answer in #general')
  })

  test('an archived channel, after the answer began: it comes as a direct message', async () => {
    const world = await startWorld()
    const { slack, model } = world
    model.script = saying(text, 2, async () => {
      await slack.until(() => slack.callsTo('chat.startStream')[0]?.done)
      slack.archive(slack.general.id)
    })
    slack.say({ user: slack.ana.id, channel: slack.general.id, text: `<@${slack.install.botUser}> go` })
    await settled(world)
    expect(seen(world, slack.dm.id)).toContain(text)
  })

  test('a thread whose first message is deleted meanwhile goes on', async () => {
    const world = await startWorld()
    const { slack, model } = world
    const parent = slack.say({ user: slack.ben.id, channel: slack.general.id, text: 'A question for all' })
    model.script = saying(text, 3, async () => {
      await slack.until(() => slack.callsTo('chat.startStream')[0]?.done)
      if (slack.screen(slack.general.id, { thread: parent.ts }).messages[0]?.text.includes('A question'))
        slack.remove({ channel: slack.general.id, ts: parent.ts })
    })
    const mention = `<@${slack.install.botUser}> go`
    slack.say({ user: slack.ana.id, channel: slack.general.id, text: mention, thread: parent.ts })
    await settled(world)
    expectWhole(world, slack.general.id, parent.ts)
  })

  test('a thread that is gone: in direct messages it is answered outside of it', async () => {
    const world = await startWorld()
    const { slack, model } = world
    model.script = saying(text)
    const gone = { kind: 'error', error: 'thread_not_found' } as const
    slack.fail('chat.startStream', gone, { times: 100 })
    slack.fail('chat.postMessage', gone, { times: 100, when: (args) => args.thread_ts !== undefined })
    slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'go' })
    await settled(world)
    expect(seen(world, slack.dm.id)).toBe(text)
  })
})

test.each([{ kind: 'status', status: 503 }, { kind: 'cut' }] as const)(
  'while Slack’s API is down (%j), the answer waits, and is whole and there once when it is back',
  async (fault) => {
    const world = await startWorld()
    const { slack, model } = world
    // Someone who is known: of others nobody could say who they are.
    slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hello' })
    await settled(world)
    model.script = saying(text, 3)
    slack.fail('*', fault, { times: 10_000 })
    const said = slack.say({ user: slack.ana.id, channel: slack.general.id, text: `<@${slack.install.botUser}> go` })
    expect(await said.acked()).toBe(true)
    // It was tried to be posted, and looked for before it would be again.
    await slack.until(() => slack.callsTo('conversations.replies').length > 2)
    slack.heal()
    await settled(world)
    expectWhole(world, slack.general.id, said.ts)
    expect(model.prompts).toHaveLength(2)
  },
)

test('someone who was never met is answered when Slack can say again who they are', async () => {
  const world = await startWorld()
  const { slack } = world
  const outage = slack.fail('users.info', { kind: 'status', status: 503 }, { times: 4 })
  const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hello' })
  await settled(world)
  expect(outage.hits).toBe(4)
  expectWhole(world, slack.dm.id, said.ts, 'You said: Hello')
})

test('Slack’s own stop of a stream after five minutes loses nothing', async () => {
  const world = await startWorld()
  const { slack, model } = world
  model.script = saying(text, 3, async () => {
    await slack.until(() => slack.callsTo('chat.startStream')[0]?.done)
    for (const { messages } of slack.state.channels.values())
      for (const { stream } of messages) if (stream) stream.startedAt -= 301_000
    await new Promise((resolve) => setTimeout(resolve, 40))
  })
  const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'go' })
  await settled(world)
  expect(seen(world, slack.dm.id, said.ts)).toBe(text)
  expect(slack.screen(slack.dm.id, { thread: said.ts }).status).toBe('')
})

test('a revoked token is noticed once, and nothing is tried for ever', async () => {
  const world = await startWorld()
  const { slack, model } = world
  model.script = async function* (prompt) {
    slack.revokeTokens()
    yield* saying(text)(prompt, new AbortController().signal)
  }
  slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'go' })
  await settled(world)
  expect(world.logged('error').filter((line) => line.includes('SLACK_BOT_TOKEN'))).toHaveLength(1)
})

test('one channel that must wait holds up no other', async () => {
  const world = await startWorld()
  const { slack } = world
  slack.fail('chat.startStream', { kind: 'error', error: 'channel_type_not_supported' }, { times: 100 })
  slack.fail('chat.postMessage', { kind: 'ratelimited', retryAfter: 2 }, { channel: slack.general.id })
  slack.say({ user: slack.ana.id, channel: slack.general.id, text: `<@${slack.install.botUser}> slow` })
  await slack.until(() => slack.callsTo('chat.postMessage').length === 1)
  const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'fast' })
  await slack.until(
    () => answers(slack, slack.dm.id, said.ts).length === 1 && slack.callsTo('chat.postMessage')[1]?.status,
  )
  expect(slack.callsTo('chat.postMessage').map(({ args, status }) => [args.channel, status])).toEqual([
    [slack.general.id, 429],
    [slack.dm.id, 200],
  ])
  await settled(world)
  expect(slack.callsTo('chat.postMessage')).toHaveLength(3)
})
