import { expect, test } from 'vitest'
import { notice } from '../../src/errors.ts'
import { replyContract } from '../contracts/reply/index.ts'
import { openSlackReplies, slackTraits } from './replies.ts'
import { answers, cleanUp, settled, startWorld } from './world.ts'

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
