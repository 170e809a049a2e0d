import { describe, expect, test } from 'vitest'
import { zeroWidth } from '../../adapters/slack/guard.ts'
import { answers, cleanUp, saying, settled, startWorld, type World } from './world.ts'

cleanUp()

const text = `${'A paragraph of the answer, with some words.\n\n'.repeat(30)}The end.`
const withoutHistory = ['app_mentions:read', 'assistant:write', 'chat:write', 'users:read']

/** Ana asks in a channel or in her direct messages. */
function ask({ slack }: World, where: 'channel' | 'dm') {
  const { id: channel } = where === 'dm' ? slack.dm : slack.general
  const mention = where === 'dm' ? '' : `<@${slack.install.botUser}> `
  const { ts } = slack.say({ user: slack.ana.id, channel, text: `${mention}go` })
  return { channel, ts }
}

/** The answer's messages, all at rest and nothing left thinking. */
function shown({ slack }: World, { channel, ts }: { channel: string; ts: string }): string[] {
  const { status, session, stoppable } = slack.screen(channel, { thread: ts })
  expect({ status, stoppable, session: session ?? 'active' }).toEqual({
    status: '',
    stoppable: false,
    session: 'active',
  })
  const messages = answers(slack, channel, ts)
  expect(messages.map(({ state }) => state)).toEqual(messages.map(() => 'final'))
  return messages.map(({ source }) => source.replaceAll(zeroWidth, ''))
}

/** When so many calls of a method were answered. */
const answered = ({ slack }: World, method: string, count = 1): Promise<unknown> =>
  slack.until(() => slack.callsTo(method).filter(({ endedAt }) => endedAt).length >= count)

/** Everything that Slack still had to do is done. */
const idle = ({ slack }: World): Promise<unknown> =>
  slack.until(() => slack.calls.every(({ endedAt, pending }) => endedAt && !pending))

describe.each(['channel', 'dm'] as const)('in a %s, a message that Slack begins', (where) => {
  test('while the answer is written, though its reply got lost, becomes the answer', async () => {
    const world = await startWorld()
    const { slack, model } = world
    slack.fail('chat.startStream', { kind: 'cut', done: true })
    model.script = saying(text, 3, () => slack.until(() => slack.callsTo('chat.startStream')[0]?.done))
    const asked = ask(world, where)
    await settled(world)
    expect(shown(world, asked)).toEqual([text])
    expect(slack.callsTo('chat.postMessage')).toHaveLength(0)
  })

  test.each(['cut', 'status'] as const)(
    'when the answer stands already, its reply lost (%s), is taken away',
    async (kind) => {
      const world = await startWorld({ config: { limits: { carriedOutMs: 3_000 } } })
      const { slack, model } = world
      const done = answered(world, 'chat.postMessage')
      slack.fail('chat.startStream', kind === 'cut' ? { kind, done } : { kind, status: 504, done })
      model.script = saying(text, 3)
      const asked = ask(world, where)
      await settled(world)
      await idle(world)
      expect(slack.callsTo('chat.startStream')[0]!.done).toBe(true)
      expect(shown(world, asked)).toEqual([text])
    },
  )

  test('for one who was killed, when the successor’s answer stands already, is taken away', async () => {
    const world = await startWorld({ leaseMs: 400, config: { limits: { carriedOutMs: 3_000 } } })
    const { slack, model, app } = world
    slack.fail('chat.startStream', { kind: 'slow', wait: answered(world, 'chat.postMessage'), work: 'last' })
    model.script = saying(text, 2, () => new Promise(() => {}))
    const asked = ask(world, where)
    await slack.until(() => slack.callsTo('chat.startStream').length === 1)
    app.kill()
    model.script = saying(text)
    const next = await world.another()
    slack.connect(`${next.url}/slack/events`)
    await settled(world)
    await idle(world)
    expect(slack.callsTo('chat.startStream')[0]!.done).toBe(true)
    expect(shown(world, asked)).toEqual([text])
  })

  test('and gives up, because nobody ended it, becomes the answer too', async () => {
    const world = await startWorld()
    const { slack, model } = world
    slack.fail('chat.startStream', { kind: 'cut', done: true })
    model.script = saying(text, 3, async () => {
      await slack.until(() => slack.callsTo('chat.startStream')[0]?.done)
      for (const { messages } of slack.state.channels.values())
        for (const { stream } of messages) if (stream) stream.startedAt -= 301_000
    })
    const asked = ask(world, where)
    await settled(world)
    expect(shown(world, asked)).toEqual([text])
  })
})

test('it is found behind the two hundred messages that others wrote meanwhile, too', async () => {
  const world = await startWorld()
  const { slack, model } = world
  slack.fail('chat.startStream', { kind: 'cut', done: true })
  const answer = saying(text, 2, () => slack.until(() => slack.callsTo('chat.startStream')[0]?.done))
  const { id: channel, team } = slack.general
  model.script = async function* (prompt, signal) {
    for (let i = 0; i < 210; i++)
      slack.state.add({ channel, team, user: slack.ben.id, text: `Line ${i}`, thread: asked.ts })
    yield* answer(prompt, signal)
  }
  const asked = ask(world, 'channel')
  await settled(world)
  expect(shown(world, asked)).toEqual([text])
})

test('a message that Slack is slow to begin grows as soon as it is there', async () => {
  const world = await startWorld({ config: { limits: { callMs: 1_000 } } })
  const { slack, model } = world
  slack.fail('chat.startStream', { kind: 'slow', wait: 1_500, work: 'last' })
  model.script = saying(text, 4, async (piece) => piece === 3 && answered(world, 'chat.startStream'))
  const asked = ask(world, 'channel')
  await settled(world)
  expect(shown(world, asked)).toEqual([text])
  expect(slack.callsTo('chat.postMessage')).toHaveLength(0)
  expect(slack.callsTo('chat.startStream')).toHaveLength(1)
})

test('a later message of a long answer, begun when the answer stands already, is taken away', async () => {
  const world = await startWorld({ config: { limits: { carriedOutMs: 3_000 } } })
  const { slack, model } = world
  const long = 'A paragraph of the answer, with some words.\n\n'.repeat(250)
  slack.fail('chat.startStream', { kind: 'cut', done: answered(world, 'chat.postMessage') }, { skip: 1 })
  model.script = saying(long, 12, () => new Promise((resolve) => setTimeout(resolve, 25)))
  const asked = ask(world, 'dm')
  await settled(world)
  await idle(world)
  expect(slack.callsTo('chat.startStream').map(({ done }) => done)).toEqual([true, true])
  expect(shown(world, asked).join('')).toBe(long)
})

test('the next question in the thread waits until it is clear, and its answer is left alone', async () => {
  const world = await startWorld()
  const { slack, model } = world
  slack.fail('chat.startStream', { kind: 'cut', done: answered(world, 'chat.postMessage') })
  model.script = saying(text, 2)
  const asked = ask(world, 'dm')
  await answered(world, 'chat.postMessage')
  model.script = saying('Another one.', 2)
  slack.say({ user: slack.ana.id, channel: asked.channel, text: 'and now?', thread: asked.ts })
  await settled(world)
  await idle(world)
  expect(shown(world, asked)).toEqual([text, 'Another one.'])
})

describe('where an app may look once a minute', () => {
  test('the answer does not wait for that', async () => {
    const world = await startWorld()
    const { slack, model } = world
    slack.fail('conversations.replies', { kind: 'ratelimited', retryAfter: 1 })
    slack.fail('chat.startStream', { kind: 'cut', done: true })
    model.script = saying(text, 2, () => slack.until(() => slack.callsTo('chat.startStream')[0]?.done))
    const asked = ask(world, 'dm')
    await answered(world, 'chat.postMessage')
    expect(slack.callsTo('conversations.replies').map(({ status }) => status)).toEqual([429])
    await settled(world)
    expect(shown(world, asked)).toEqual([text])
  })
})

describe('without the history scopes', () => {
  test('what Slack only was slow to begin is taken away all the same', async () => {
    const world = await startWorld({ scopes: withoutHistory, config: { limits: { callMs: 1_000 } } })
    const { slack, model } = world
    slack.fail('chat.startStream', { kind: 'slow', wait: answered(world, 'chat.postMessage'), work: 'last' })
    model.script = saying(text, 2)
    const asked = ask(world, 'channel')
    await settled(world)
    expect(slack.callsTo('chat.startStream')[0]!.done).toBe(true)
    expect(shown(world, asked)).toEqual([text])
  })

  test('what was begun with its reply lost stays, but the answer is whole and nobody is left thinking', async () => {
    const world = await startWorld({ scopes: withoutHistory })
    const { slack, model } = world
    slack.fail('chat.startStream', { kind: 'cut', done: true })
    model.script = saying(text, 2, () => slack.until(() => slack.callsTo('chat.startStream')[0]?.done))
    const asked = ask(world, 'channel')
    await settled(world)
    const { messages, status, stoppable } = slack.screen(asked.channel, { thread: asked.ts })
    const ours = messages.filter((message) => message.ours)
    expect(ours.map(({ source, state }) => [source === text, state])).toEqual([
      [false, 'streaming'],
      [true, 'final'],
    ])
    expect({ status, stoppable }).toEqual({ status: '', stoppable: false })
  })

  test('a post whose reply got lost is repeated once, and says that it may stand there twice', async () => {
    const world = await startWorld({ scopes: withoutHistory })
    const { slack, model } = world
    slack.fail('chat.startStream', { kind: 'error', error: 'channel_type_not_supported' }, { times: 100 })
    slack.fail('chat.postMessage', { kind: 'cut', done: true })
    model.script = saying(text)
    const asked = ask(world, 'channel')
    await settled(world)
    const [first, again, ...more] = answers(slack, asked.channel, asked.ts)
    expect(more).toEqual([])
    expect(first!.source).toBe(text)
    expect(again!.text).toContain('The end.')
    expect(again!.text).toContain('Slack did not confirm this message, so it may stand here twice.')
    expect(first!.text).not.toContain('may stand here twice')
  })
})

test('a post outside of threads whose reply got lost is found there, and not repeated', async () => {
  const world = await startWorld()
  const { slack, model } = world
  slack.fail('chat.startStream', { kind: 'error', error: 'thread_not_found' }, { times: 100 })
  const inThread = { times: 100, when: (args: Record<string, unknown>) => args.thread_ts !== undefined }
  slack.fail('chat.postMessage', { kind: 'error', error: 'thread_not_found' }, inThread)
  slack.fail('chat.postMessage', { kind: 'cut', done: true })
  model.script = saying(text)
  const { channel } = ask(world, 'dm')
  await settled(world)
  expect(answers(slack, channel).map(({ source }) => source.replaceAll(zeroWidth, ''))).toEqual([text])
})
