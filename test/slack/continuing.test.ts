import { describe, expect, test } from 'vitest'
import type { ModelEvent } from '../../src/types.ts'
import { age, answers, askedOnTheWeb, cleanUp, saying, settled, startWorld, userOf, type World } from './world.ts'

cleanUp()

const publicUrl = 'https://chat.example.com'

/** Ana has a conversation on the web page. */
async function startAtHome() {
  const world = await startWorld({ config: { publicUrl } })
  const ana = await userOf(world, world.slack.ana.id)
  const web = await askedOnTheWeb(world, ana, 'A question on the web')
  return { world, slack: world.slack, ana, web }
}

/** What the person is shown last, with buttons in it. */
function list({ slack }: World, channel: string, thread?: string) {
  return slack.until(() => answers(slack, channel, thread).findLast(({ buttons }) => buttons.length > 0))
}

function said({ slack }: World, channel: string, words: string, thread?: string) {
  return slack.until(() => answers(slack, channel, thread).findLast(({ text }) => text.includes(words)))
}

const valueFor = (message: Awaited<ReturnType<typeof list>>, conversation: string): string =>
  message.buttons.find(({ value }) => value.includes(conversation))!.value

describe('“continue” in direct messages', () => {
  test('shows the conversations of every surface, and the chosen one goes on in that thread, history and all', async () => {
    const { world, slack, web } = await startAtHome()
    slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'A question in Slack' })
    await settled(world)
    const order = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Continue' })
    const shown = await list(world, slack.dm.id, order.ts)
    expect(shown.text).toContain('A question on the web')
    expect(shown.text).toContain('from the web')
    expect(shown.text).toContain('from Slack')
    expect(shown.source).toContain(`${publicUrl}/c/${web}`)
    expect(shown.buttons.filter(({ label }) => label === 'Continue here')).toHaveLength(2)
    const click = slack.click({
      user: slack.ana.id,
      channel: slack.dm.id,
      ts: shown.ts,
      button: valueFor(shown, web),
    })
    expect((await click.answer).status).toBe(200)
    await said(world, slack.dm.id, 'Done: “A question on the web” goes on in this thread.', order.ts)
    slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'and then?', thread: order.ts })
    await settled(world)
    expect(world.model.prompts.at(-1)!.messages.map(({ text }) => text)).toEqual([
      'A question on the web',
      'You said: A question on the web',
      'and then?',
    ])
    const { conversation } = await world.app.instance.chat.conversations.open(
      (await userOf(world, slack.ana.id)).id,
      web,
      {
        limit: 1,
      },
    )
    expect(conversation.count).toBe(4)
  })

  test('has nothing to offer to someone new, and says so', async () => {
    const world = await startWorld()
    const { slack } = world
    const order = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'continue' })
    await said(world, slack.dm.id, 'There is no other conversation of yours yet', order.ts)
    expect(world.model.prompts).toEqual([])
  })

  test('makes a copy of what others read, and says so', async () => {
    const { world, slack } = await startAtHome()
    slack.say({ user: slack.ana.id, channel: slack.general.id, text: `<@${slack.install.botUser}> For all to read` })
    await settled(world)
    const order = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'continue' })
    const shown = await list(world, slack.dm.id, order.ts)
    expect(shown.text).toContain('with others on Slack')
    const value = shown.buttons[0]!.value
    await slack.click({ user: slack.ana.id, channel: slack.dm.id, ts: shown.ts, button: value }).answer
    await said(world, slack.dm.id, 'I made a copy of it for you alone', order.ts)
    const { items } = await world.app.instance.chat.conversations.list((await userOf(world, slack.ana.id)).id, {
      limit: 9,
    })
    // The copy, the one in the channel, and the one on the web.
    expect(items.map(({ direct }) => direct).toSorted()).toEqual([false, true, true])
  })

  test('pressed twice makes one copy', async () => {
    const { world, slack, ana } = await startAtHome()
    slack.say({ user: slack.ana.id, channel: slack.general.id, text: `<@${slack.install.botUser}> For all to read` })
    await settled(world)
    const order = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'continue' })
    const { ts, buttons } = await list(world, slack.dm.id, order.ts)
    const button = buttons[0]!.value
    const press = () => slack.click({ user: slack.ana.id, channel: slack.dm.id, ts, button })
    const presses = [press(), press()]
    for (const { answer } of presses) expect((await answer).status).toBe(200)
    await said(world, slack.dm.id, 'Done:', order.ts)
    expect((await world.app.instance.chat.conversations.list(ana.id, { limit: 9 })).items).toHaveLength(3)
    expect(answers(slack, slack.dm.id, order.ts)).toHaveLength(1)
  })

  test('after an answer that reached its length limit, is the question for its rest', async () => {
    const world = await startWorld()
    const { slack, model } = world
    model.script = async function* (): AsyncIterable<ModelEvent> {
      yield { type: 'text', text: 'The first half' }
      yield {
        type: 'end',
        stop: 'length',
        model: 'scripted',
        usage: { input: 1, output: 1, cacheRead: 0, cacheWrite: 0 },
      }
    }
    const first = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Tell me all' })
    await settled(world)
    model.script = saying('and the second half.')
    const next = slack.say({
      user: slack.ana.id,
      channel: slack.dm.id,
      text: 'continue',
      thread: first.ts,
      double: 'event',
    })
    await settled(world)
    // Told again when the answer is there, it is no order either.
    for (const delivery of next.deliveries) await slack.redeliver(delivery)
    await settled(world)
    expect(model.prompts.map(({ messages }) => messages.at(-1)!.text)).toEqual(['Tell me all', 'continue'])
    expect(answers(slack, slack.dm.id, first.ts).map(({ source }) => source)).toEqual([
      'The first half',
      'and the second half.',
    ])
  })

  test('after a whole answer offers the others, and says how to have more', async () => {
    const { world, slack, web } = await startAtHome()
    const first = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Tell me all' })
    await settled(world)
    slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'continue', thread: first.ts })
    const shown = await said(world, slack.dm.id, 'Which conversation', first.ts)
    expect(shown.buttons.filter(({ label }) => label === 'Continue here').map(({ value }) => value)).toEqual([
      expect.stringContaining(web),
    ])
    expect(shown.text).toContain('write “go on”')
  })

  test('of a conversation that was deleted since, is told in plain words', async () => {
    const { world, slack, ana, web } = await startAtHome()
    const order = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'continue' })
    const { ts } = await list(world, slack.dm.id, order.ts)
    await world.app.instance.chat.conversations.remove(ana.id, web)
    await slack.click({ user: slack.ana.id, channel: slack.dm.id, ts, button: 'Continue here' }).answer
    await said(world, slack.dm.id, 'There is nothing here, or it is not yours to see.')
  })
})

describe('“continue” in a channel', () => {
  async function choose() {
    const all = await startAtHome()
    const { world, slack, web } = all
    const order = slack.say({
      user: slack.ana.id,
      channel: slack.general.id,
      text: `<@${slack.install.botUser}> continue`,
    })
    const shown = await list(world, slack.general.id)
    expect(shown.ephemeral).toBe(true)
    await slack.click({ user: slack.ana.id, channel: slack.general.id, ts: shown.ts, button: valueFor(shown, web) })
      .answer
    const asked = await said(world, slack.general.id, 'Everyone in')
    return { ...all, order, asked }
  }
  const ben = (world: World) => world.slack.screen(world.slack.general.id, { as: world.slack.ben.id })

  test('asks first what becomes visible; after a yes the thread goes on with a copy, and the own one stays private', async () => {
    const { world, slack, order, asked, ana, web } = await choose()
    expect(asked.text).toContain(
      'Everyone in #general will be able to read all 2 messages of “A question on the web”. Continue here?',
    )
    expect(ben(world).messages.map(({ ours }) => ours)).toEqual([false])
    await slack.click({ user: slack.ana.id, channel: slack.general.id, ts: asked.ts, button: 'Continue here' }).answer
    await said(world, slack.general.id, 'Done: this thread goes on with a copy')
    slack.say({
      user: slack.ana.id,
      channel: slack.general.id,
      text: `<@${slack.install.botUser}> and then?`,
      thread: order.ts,
    })
    await settled(world)
    expect(world.model.prompts.at(-1)!.messages).toHaveLength(3)
    const { conversation } = await world.app.instance.chat.conversations.open(ana.id, web, { limit: 1 })
    expect(conversation).toMatchObject({ direct: true, count: 2 })
  })

  test('after a no, nothing goes on there', async () => {
    const { world, slack, asked, ana } = await choose()
    await slack.click({ user: slack.ana.id, channel: slack.general.id, ts: asked.ts, button: 'Cancel' }).answer
    await said(world, slack.general.id, 'Cancelled: nothing was changed.')
    expect((await world.app.instance.chat.conversations.list(ana.id, { limit: 9 })).items).toHaveLength(1)
  })

  test('after a quarter of an hour, the question is too old to be answered', async () => {
    const { world, slack, asked, ana } = await choose()
    age(world, slack.general.id, asked.ts)
    await slack.click({ user: slack.ana.id, channel: slack.general.id, ts: asked.ts, button: 'Continue here' }).answer
    await said(world, slack.general.id, 'too old')
    expect((await world.app.instance.chat.conversations.list(ana.id, { limit: 9 })).items).toHaveLength(1)
  })

  test('by someone else’s press is refused', async () => {
    const { world, slack, asked, ana } = await choose()
    const message = slack.state.message(slack.general.id, asked.ts)!
    delete message.ephemeral
    await slack.click({ user: slack.ben.id, channel: slack.general.id, ts: asked.ts, button: 'Continue here' }).answer
    await said(world, slack.general.id, 'These buttons are for someone else.')
    expect((await world.app.instance.chat.conversations.list(ana.id, { limit: 9 })).items).toHaveLength(1)
  })
})

describe('/ask continue', () => {
  const run = ({ slack }: World, text: string) =>
    slack.command({ user: slack.ana.id, channel: slack.random.id, command: '/ask', text }).answer

  test('lets what is asked by command go on with the chosen conversation, also where the bot is not', async () => {
    const { world, slack, web } = await startAtHome()
    await run(world, 'continue')
    const shown = await list(world, slack.random.id)
    expect(shown.ephemeral).toBe(true)
    await slack.click({ user: slack.ana.id, channel: slack.random.id, ts: shown.ts, button: valueFor(shown, web) })
      .answer
    await said(world, slack.random.id, 'goes on with it')
    await run(world, 'and then?')
    await settled(world)
    expect(world.model.prompts.at(-1)!.messages).toHaveLength(3)
  })

  test('leads to the conversation of these commands on the web page', async () => {
    const { world, slack, ana } = await startAtHome()
    await run(world, 'hello')
    await settled(world)
    await run(world, 'continue')
    const shown = await said(world, slack.random.id, 'Which conversation')
    const [newest] = (await world.app.instance.chat.conversations.list(ana.id, { limit: 1 })).items
    expect(shown.buttons.find(({ label }) => label === 'Continue on the web')!.url).toBe(`${publicUrl}/c/${newest!.id}`)
  })
})

test('someone who may not use the bot is told so', async () => {
  const world = await startWorld()
  const { slack } = world
  const guest = slack.addPerson({ realName: 'Gil Guest', guest: 'multi' })
  const dm = slack.state.dm(guest.id, slack.install.botUser)
  const order = slack.say({ user: guest.id, channel: dm.id, text: 'continue' })
  await said(world, dm.id, 'only answers full members', order.ts)
})
