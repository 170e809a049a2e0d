import { expect, test } from 'vitest'
import { Fault } from '../../src/errors.ts'
import { answers, cleanUp, settled, startWorld } from './world.ts'

cleanUp()

test('in Socket Mode, messages, commands and buttons come through the websocket', async () => {
  const world = await startWorld({ socketMode: true })
  const { slack } = world
  await slack.until(() => slack.sockets.connections > 0)
  const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hello' })
  expect(await said.acked()).toBe(true)
  await settled(world)
  const [answer] = answers(slack, slack.dm.id, said.ts)
  expect(answer!.source).toBe('You said: Hello')
  const click = slack.click({ user: slack.ana.id, channel: slack.dm.id, ts: answer!.ts, button: '👍' })
  expect((await click.answer).failure).toBeUndefined()
  await slack.command({ user: slack.ana.id, channel: slack.general.id, command: '/ask', text: 'help' }).answer
  expect(answers(slack, slack.general.id)[0]!.text).toContain('In a thread with me')
})

test('what could not be stored is not acknowledged, and answered when it comes again', async () => {
  const world = await startWorld({ socketMode: true })
  const { slack, store } = world
  await slack.until(() => slack.sockets.connections > 0)
  const accept = store.inbox.accept
  let failures = 1
  store.inbox.accept = async (...args) => {
    if (failures-- > 0) throw new Fault('store_unavailable')
    return accept(...args)
  }
  const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hello' })
  expect((await said.deliveries[0]!.first).failure).toBeDefined()
  expect(await said.acked()).toBe(true)
  await settled(world)
  expect(answers(slack, slack.dm.id, said.ts)).toHaveLength(1)
})

test('an envelope without an event does no harm', async () => {
  const world = await startWorld({ socketMode: true })
  const { slack } = world
  await slack.until(() => slack.sockets.connections > 0)
  expect(await slack.rateLimitApp().acked).toBe(true)
  const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hello' })
  await settled(world)
  expect(answers(slack, slack.dm.id, said.ts)).toHaveLength(1)
})

test('a connection that Slack ends is followed by another at once', async () => {
  const world = await startWorld({ socketMode: true })
  const { slack } = world
  await slack.until(() => slack.sockets.connections > 0)
  slack.sockets.disconnect('refresh_requested')
  await slack.until(() => slack.callsTo('apps.connections.open').length > 1 && slack.sockets.connections > 0)
  const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hello' })
  await settled(world)
  expect(answers(slack, slack.dm.id, said.ts)).toHaveLength(1)
})

test('Slack may be down when we begin', async () => {
  const world = await startWorld({
    socketMode: true,
    prepare: (slack) => void slack.fail('apps.connections.open', { kind: 'status', status: 503 }, { times: 2 }),
  })
  const { slack } = world
  await slack.until(() => slack.sockets.connections > 0)
  const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hello' })
  await settled(world)
  expect(answers(slack, slack.dm.id, said.ts)).toHaveLength(1)
})
