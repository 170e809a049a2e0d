import { describe, expect, test } from 'vitest'
import { hanging } from '../support/world.ts'
import { answers, cleanUp, saying, settled, spreadOver, startWorld } from './world.ts'

cleanUp()

/** Two instances, to which Slack's requests go by turns: the two events of one mention are never at the same one. */
async function startTwo(...[options]: Parameters<typeof startWorld>) {
  const world = await startWorld({ echo: 'none', ...options })
  await spreadOver(world, [world.app, await world.another()])
  return { world, ...world }
}

/** What everyone sees that the bot wrote, and what only one person sees. */
function written({ slack }: Awaited<ReturnType<typeof startTwo>>) {
  return [...slack.state.channels.keys()].flatMap((channel) =>
    slack.state.channels.get(channel)!.messages.filter(({ bot }) => bot?.app === slack.app.id),
  )
}

test('a gesture that Slack tells as two messages is answered once, though each instance gets one of them', async () => {
  const two = await startTwo()
  const { world, slack, model } = two
  const answer = saying('Only once.', 2)
  model.script = async function* (prompt, signal) {
    // No model is as fast as the store.
    await new Promise((resolve) => setTimeout(resolve, 300))
    yield* answer(prompt, signal)
  }
  const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hello', double: 'message' })
  expect(await said.acked()).toBe(true)
  expect(said.deliveries).toHaveLength(2)
  await settled(world)
  expect(written(two)).toHaveLength(1)
})

test('the same words twice are two questions', async () => {
  const { world, slack, model } = await startTwo()
  for (let i = 0; i < 2; i++) slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hello' })
  await settled(world)
  expect(model.prompts).toHaveLength(2)
})

test.each(['new', 'mute', 'help', 'stop'])('“%s” by a mention is answered once', async (word) => {
  const two = await startTwo()
  const { world, slack } = two
  const said = slack.say({ user: slack.ana.id, channel: slack.general.id, text: `<@${slack.install.botUser}> ${word}` })
  expect(await said.acked()).toBe(true)
  expect(said.deliveries).toHaveLength(2)
  await slack.until(() => written(two).length > 0)
  await settled(world)
  expect(written(two)).toHaveLength(1)
})

test('“stop” by a mention stops, and does not say that there was nothing to stop', async () => {
  const two = await startTwo()
  const { world, slack, model } = two
  model.script = hanging('Once upon a time')
  const mention = `<@${slack.install.botUser}>`
  const said = slack.say({ user: slack.ana.id, channel: slack.general.id, text: `${mention} tell me` })
  await slack.until(() => answers(slack, slack.general.id, said.ts).length === 1)
  const stop = slack.say({ user: slack.ana.id, channel: slack.general.id, text: `${mention} stop`, thread: said.ts })
  expect(await stop.acked()).toBe(true)
  await settled(world)
  expect(written(two).map(({ ephemeral }) => ephemeral)).toEqual([undefined])
  expect(answers(slack, slack.general.id, said.ts)[0]!.text).toContain('Stopped.')
})

describe.each(['channel', 'dm'] as const)('in a %s', (where) => {
  test.each(['word', 'button'] as const)(
    'stopping by %s at one instance ends the answer of another, though no call of Slack’s API comes back',
    async (by) => {
      const world = await startWorld()
      const { slack, model } = world
      const aborted = Promise.withResolvers<void>()
      const story = hanging('Once upon a time')
      model.script = (prompt, signal) => {
        signal.addEventListener('abort', () => aborted.resolve(), { once: true })
        return story(prompt, signal)
      }
      const { id: channel } = where === 'dm' ? slack.dm : slack.general
      const text = `<@${slack.install.botUser}> tell me`
      const { ts: thread } = slack.say({ user: slack.ana.id, channel, text })
      await slack.until(() => answers(slack, channel, thread).length === 1)
      const other = await world.another()
      await slack.until(() => slack.callsTo('auth.test').filter(({ endedAt }) => endedAt).length === 2)
      slack.connect(`${other.url}/slack/events`)

      const back = Promise.withResolvers<void>()
      slack.fail('*', { kind: 'slow', wait: back.promise, work: 'last' }, { times: 1_000 })
      if (by === 'word') slack.say({ user: slack.ana.id, channel, text: 'stop', thread })
      else slack.stop({ user: slack.ana.id, channel, thread })
      await aborted.promise

      back.resolve()
      await settled(world)
      const { messages, status, stoppable } = slack.screen(channel, { thread })
      const shown = messages.filter(({ ours }) => ours)
      expect(shown.map(({ source }) => source)).toEqual(['Once upon a time'])
      expect(shown[0]!.text).toContain('Stopped.')
      expect({ status, stoppable }).toEqual({ status: '', stoppable: false })
    },
  )
})

test('“new” that is brought again later does not end the conversation that was begun since', async () => {
  const { world, slack, model } = await startTwo()
  const first = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'one' })
  await settled(world)
  const fresh = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'new', thread: first.ts })
  await settled(world)
  slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'two', thread: first.ts })
  await settled(world)
  for (let i = 0; i < 2; i++) expect((await slack.redeliver(fresh.deliveries[0]!)).status).toBe(200)
  slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'three', thread: first.ts })
  await settled(world)
  expect(model.prompts.map(({ messages }) => messages.length)).toEqual([1, 1, 3])
})

test('a word that could not be obeyed is obeyed when it comes again', async () => {
  const { world, slack, store, model } = await startTwo({ retries: false })
  const first = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'one' })
  await settled(world)
  const { point } = store.places
  store.places.point = async () => {
    store.places.point = point
    throw new Error('the store is away')
  }
  const fresh = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'new', thread: first.ts })
  expect(await fresh.acked()).toBe(false)
  expect((await slack.redeliver(fresh.deliveries[0]!)).status).toBe(200)
  slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'two', thread: first.ts })
  await settled(world)
  expect(model.prompts.map(({ messages }) => messages.length)).toEqual([1, 1])
})
