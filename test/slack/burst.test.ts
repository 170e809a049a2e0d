import { expect, test } from 'vitest'
import { answers, cleanUp, settled, startWorld } from './world.ts'

cleanUp()

test('a burst of 600 mentions in a second: each acknowledged when it is stored, each answered once, within Slack’s limits', {
  timeout: 180_000,
}, async () => {
  // Slack lets one message a second into a channel: ten minutes, of which a hundred pass in one of ours. How fast they are
  // acknowledged is measured by the benchmarks; here a busy machine must not make Slack give up.
  const speed = 100
  const world = await startWorld({ limits: true, echo: 'none', speed, ackTimeoutMs: 60_000 * speed })
  const { slack, store, model } = world
  const stored = new Set<string>()
  const { accept } = store.inbox
  store.inbox.accept = async (...args) => {
    const result = await accept(...args)
    stored.add(args[0].incoming.ids[0]!)
    return result
  }
  const channels = Array.from({ length: 20 }, (_, i) =>
    slack.addChannel({ name: `room ${i}`, members: [slack.ana.id, slack.install.botUser] }),
  )
  const late: string[] = []
  const all = Array.from({ length: 600 }, (_, i) => {
    const { id: channel } = channels[i % channels.length]!
    const said = slack.say({ user: slack.ana.id, channel, text: `<@${slack.install.botUser}> number ${i}` })
    for (const delivery of said.deliveries)
      void delivery.first.then((attempt) => {
        if (attempt.status === 200 && !stored.has(`message:${slack.team.id}:${channel}:${said.ts}`)) late.push(said.ts)
      })
    return { ...said, i }
  })
  for (const said of all) expect(await said.acked()).toBe(true)
  expect(late).toEqual([])
  await settled(world)
  expect(model.prompts).toHaveLength(600)
  for (const { channel, ts, i } of all)
    expect(answers(slack, channel, ts).map(({ source, state }) => [source, state])).toEqual([
      [`You said: Ana Lima: number ${i}`, 'final'],
    ])
  // The limits were met, and nothing was sent against them again and again.
  const refused = slack.calls.filter(({ status }) => status === 429)
  expect(refused.length).toBeGreaterThan(0)
  expect(refused.length).toBeLessThan(slack.calls.length / 2)
  expect(slack.calls.filter(({ status }) => status === 429 || status === 200)).toHaveLength(slack.calls.length)
})
