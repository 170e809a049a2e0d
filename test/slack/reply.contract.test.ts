import { expect, test } from 'vitest'
import { notice } from '../../src/errors.ts'
import { replyContract } from '../contracts/reply/index.ts'
import { openSlackReplies, slackTraits } from './replies.ts'
import { answers, cleanUp, saying, settled, startWorld } from './world.ts'

cleanUp()

replyContract('Slack, direct messages', slackTraits, () => openSlackReplies('direct'))
replyContract('Slack, a thread of a channel', slackTraits, () => openSlackReplies('channel'))

test('the answer to a command that was held back as a whole leaves why', async () => {
  const world = await startWorld()
  const { slack, model } = world
  model.script = async function* () {
    const usage = { input: 1, output: 0, cacheRead: 0, cacheWrite: 0 }
    yield { type: 'end', stop: 'guardrail', model: 'scripted', usage }
  }
  await slack.command({ user: slack.ana.id, channel: slack.random.id, command: '/ask', text: 'Hm?' }).answer
  await settled(world)
  const shown = answers(slack, slack.random.id)
  expect(shown.at(-1)!.text).toContain(notice('guardrail').text)
})

test('a process that was not told yet who it is at Slack finds what another has posted', async () => {
  const world = await startWorld({ leaseMs: 400 })
  const { slack, model, app } = world
  model.script = saying('All of it.', 1)
  slack.fail('chat.startStream', { kind: 'error', error: 'not_allowed_token_type' }, { times: 9 })
  slack.fail('chat.postMessage', { kind: 'slow', wait: new Promise(() => {}), work: 'first' })
  const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'go' })
  await slack.until(() => slack.callsTo('chat.postMessage').length === 1)
  app.kill()
  const told = Promise.withResolvers<void>()
  slack.fail('auth.test', { kind: 'slow', wait: told.promise, work: 'last' })
  const { instance } = await world.another()
  const waits = () => instance.log.lines.some(({ text }) => text.includes('was not taken by its surface'))
  await slack.until(() => waits() || slack.callsTo('chat.postMessage').length > 1)
  told.resolve()
  await settled(world)
  expect(answers(slack, slack.dm.id, said.ts).map(({ source }) => source)).toEqual(['All of it.'])
  expect(slack.callsTo('chat.postMessage')).toHaveLength(1)
})
