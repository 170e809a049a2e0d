import { describe, expect, test } from 'vitest'
import { until } from '../support/world.ts'
import { answers, cleanUp, settled, startWorld, userOf } from './world.ts'

cleanUp()

/** Ana and Ben both spoke with the bot in a channel. */
async function startTalk() {
  const world = await startWorld()
  const { slack } = world
  const ask = async (user: string, thread?: string) => {
    const said = slack.say({
      user,
      channel: slack.general.id,
      text: `<@${slack.install.botUser}> hello`,
      ...(thread && { thread }),
    })
    await settled(world)
    return said
  }
  const { ts } = await ask(slack.ana.id)
  await ask(slack.ben.id, ts)
  const seen = async (id: string) => {
    const user = await userOf(world, id)
    return (await world.app.instance.chat.conversations.list(user.id, { limit: 9 })).items.length
  }
  const told = async (deliveries: { acked: Promise<boolean> }[]) => {
    expect(deliveries.length).toBeGreaterThan(0)
    for (const { acked } of deliveries) expect(await acked).toBe(true)
  }
  return { world, slack, ts, ask, seen, told }
}

describe('who leaves a channel', () => {
  test('sees no more of its conversations, until they are there again', async () => {
    const { slack, seen, told } = await startTalk()
    expect([await seen(slack.ana.id), await seen(slack.ben.id)]).toEqual([1, 1])
    await told(slack.leave({ user: slack.ana.id, channel: slack.general.id }))
    expect([await seen(slack.ana.id), await seen(slack.ben.id)]).toEqual([0, 1])
    await told(slack.join({ user: slack.ana.id, channel: slack.general.id }))
    expect(await seen(slack.ana.id)).toBe(1)
  })

  test('and writes there again is there again, if we did not hear of it', async () => {
    const { world, slack, ts, ask, seen, told } = await startTalk()
    await told(slack.leave({ user: slack.ana.id, channel: slack.general.id }))
    slack.general.members.add(slack.ana.id)
    await ask(slack.ana.id, ts)
    await slack.until(() => answers(slack, slack.general.id, ts).length === 3)
    // It is stored in the wake of her message.
    await until(async () => (await seen(slack.ana.id)) === 1)
    expect(world.logged('warn')).toEqual([])
  })

  test('is brought again by Slack if it could not be stored', async () => {
    const { world, slack, seen } = await startTalk()
    const { left } = world.store.absences
    let failures = 0
    world.store.absences.left = async (...args) => {
      if (failures++ === 0) throw new Error('the store is away')
      return left.apply(world.store.absences, args)
    }
    const [delivery] = slack.leave({ user: slack.ana.id, channel: slack.general.id })
    expect((await delivery!.first).status).toBe(503)
    await slack.redeliver(delivery!)
    expect(await seen(slack.ana.id)).toBe(0)
  })
})

test('the bot’s own coming and going is nobody’s', async () => {
  const { slack, seen, told } = await startTalk()
  await told(slack.kick(slack.general.id))
  expect([await seen(slack.ana.id), await seen(slack.ben.id)]).toEqual([1, 1])
})
