import { describe, expect, test } from 'vitest'
import { Fault } from '../../src/errors.ts'
import { type PeopleWorld, startPeople } from './people.ts'
import { cleanUp, saying } from './world.ts'

cleanUp()

const last = ({ teams }: PeopleWorld, chat: string) => teams.screen(chat).answers.at(-1)!
const titled = (prompt: string) => expect.stringContaining(prompt)

/** Ana, who wrote in Slack before. */
async function startAna() {
  const world = await startPeople()
  const { teams } = world
  const ana = await world.joined(teams.ana)
  await world.inSlack('Plan the offsite')
  return { ...world, ana, personal: teams.personal.id }
}

describe('“continue” in the personal chat', () => {
  test('shows the conversations of every surface, and goes on with the one that is chosen', async () => {
    const world = await startAna()
    const { personal, model, ana } = world
    await world.says(personal, 'Something else')
    await world.says(personal, 'continue')
    const list = last(world, personal)
    expect(list.text).toContain('Which conversation shall go on?')
    expect(list.cards[0]).toContain('Plan the offsite')
    expect(list.cards[0]).toContain('from Slack · 2 messages · just now')
    // The one that goes on here anyway is not offered.
    expect(list.cards[0]).not.toContain('Something else')
    expect(list.buttons.map(({ title }) => title)).toEqual(['Continue here'])
    await world.presses(personal, 'Continue here')
    expect(last(world, personal)).toMatchObject({
      id: list.id,
      text: 'Done: this chat goes on with it. Just write.',
      cards: [titled('Plan the offsite')],
      buttons: [],
    })
    await world.says(personal, 'And the budget?')
    expect(model.prompts.at(-1)?.messages.map(({ text }) => text)).toEqual([
      'Plan the offsite',
      'You said: Plan the offsite',
      'And the budget?',
    ])
    expect((await world.listOf(ana)).map(({ count }) => count)).toEqual([4, 2])
  })

  test('after an answer that was cut short asks for the rest of it, however often it is delivered', async () => {
    const world = await startAna()
    const { personal, model, teams } = world
    model.script = async function* () {
      yield { type: 'text', text: 'Half of' }
      yield {
        ...{ type: 'end', stop: 'length', model: 'scripted' },
        usage: { input: 1, output: 1, cacheRead: 0, cacheWrite: 0 },
      } as const
    }
    await world.says(personal, 'A long one')
    model.script = saying('it all')
    const said = teams.say({ in: personal, text: 'continue' })
    await said.first
    await world.settled()
    expect(last(world, personal).text).toBe('it all')
    expect(model.prompts.at(-1)?.messages.at(-1)?.text).toBe('continue')
    await teams.redeliver(said)
    await world.settled()
    expect(teams.screen(personal).answers.map(({ text }) => text)).toEqual([
      expect.stringContaining('Half of'),
      'it all',
    ])
    await world.says(personal, 'continue')
    expect(last(world, personal).text).toContain('Which conversation shall go on?')
  })

  test('delivered again while another question is answered is still the same wish', async () => {
    const world = await startAna()
    const { personal, model, teams } = world
    const said = teams.say({ in: personal, text: 'continue' })
    await said.first
    await world.settled()
    const open = Promise.withResolvers<void>()
    model.script = async function* (prompt, signal) {
      await open.promise
      yield* saying('Yes', 1)(prompt, signal)
    }
    await teams.say({ in: personal, text: 'A question' }).first
    await teams.redeliver(said)
    open.resolve()
    await world.settled()
    expect(model.prompts.map(({ messages }) => messages.at(-1)?.text)).not.toContain('continue')
    expect(teams.screen(personal).answers.filter(({ text }) => text.includes('Which conversation'))).toHaveLength(1)
  })

  test('of a conversation that others read makes a copy, once, however often it is pressed', async () => {
    const world = await startPeople()
    const { teams, store } = world
    const personal = teams.personal.id
    await world.says(teams.group.id, 'What shall we eat?')
    const ana = await world.userOf(teams.ana)
    await world.says(personal, 'continue')
    expect(last(world, personal).cards[0]).toContain('with others on Microsoft Teams')
    const button = 'Continue here'
    await Promise.all([world.press(personal, button).first, world.press(personal, button).first])
    await world.settled()
    expect(teams.screen(personal).answers).toHaveLength(1)
    expect(last(world, personal).text).toContain('a copy for you alone')
    const [copy, original, ...more] = await world.listOf(ana)
    expect(more).toEqual([])
    expect([copy!.direct, original!.direct]).toEqual([true, false])
    await world.says(personal, 'Only for me')
    expect((await store.conversations.read(original!.id, { messages: 10 }))?.messages).toHaveLength(2)
  })

  test('with nothing to go on with says so, and leads to the web', async () => {
    const world = await startPeople({ config: { publicUrl: 'https://chat.example.com' } })
    const personal = world.teams.personal.id
    await world.says(personal, 'Continue')
    expect(last(world, personal)).toMatchObject({
      text: 'There is no other conversation of yours yet that could go on here.',
      buttons: [{ title: 'All of them on the web', action: { url: 'https://chat.example.com/' } }],
    })
  })

  test('pressed by somebody else tells nothing and changes nothing', async () => {
    const world = await startAna()
    const { personal, teams } = world
    await world.says(personal, 'continue')
    const data = last(world, personal).buttons[0]!.action.data!
    const ben = await world.userOf(teams.ben)
    await teams.say({ in: teams.bensPersonal.id, value: data }).first
    await teams.say({ in: teams.group.id, value: data }).first
    await world.settled()
    for (const chat of [teams.bensPersonal.id, teams.group.id])
      expect(last(world, chat).text).toBe('There is nothing here, or it is not yours to see.')
    expect(await world.listOf(ben)).toEqual([])
  })

  test('of a conversation that is gone says so', async () => {
    const world = await startAna()
    const { personal, ana, store } = world
    await world.says(personal, 'continue')
    const [{ id } = { id: '' }] = await world.listOf(ana)
    await store.conversations.remove(id)
    await world.presses(personal, 'Continue here')
    expect(last(world, personal).text).toBe('There is nothing here, or it is not yours to see.')
  })

  test('pressed while the store fails is done when Teams brings it again', async () => {
    let broken = false
    const world = await startPeople({
      redeliver: false,
      wrap: (store) => ({
        ...store,
        places: {
          ...store.places,
          read: store.places.read.bind(store.places),
          mute: store.places.mute.bind(store.places),
          amend: store.places.amend.bind(store.places),
          async point(place, conversation) {
            if (broken) throw new Fault('store_unavailable')
            return store.places.point(place, conversation)
          },
        },
      }),
    })
    const { teams } = world
    await world.joined(teams.ana)
    await world.inSlack('Plan the offsite')
    await world.says(teams.personal.id, 'continue')
    broken = true
    const pressed = world.press(teams.personal.id, 'Continue here')
    expect((await pressed.first).status).toBe(503)
    broken = false
    expect((await teams.redeliver(pressed)).status).toBe(202)
    await world.settled()
    expect(last(world, teams.personal.id).text).toContain('Done: this chat goes on with it.')
  })

  test('shows titles as they were written', async () => {
    const world = await startPeople()
    const { teams } = world
    await world.joined(teams.ana)
    await world.inSlack('**Bold** [here](https://evil.example) <at>Ben</at>')
    await world.says(teams.personal.id, 'continue')
    const { text, cards } = last(world, teams.personal.id)
    expect(text).not.toContain('evil')
    expect(cards[0]).toContain('**Bold** [here](https://evil.example) <at>Ben</at>')
    const card = JSON.stringify(teams.callsTo('post').at(-1)?.body)
    expect(card).not.toMatch(/"TextBlock"/)
  })
})

describe('“continue” in a group or a channel', () => {
  const asked = async (more: Parameters<typeof startPeople>[0] = {}) => {
    const world = await startPeople(more)
    const { teams } = world
    const ana = await world.joined(teams.ana)
    await world.inSlack('Secret plans')
    return { ...world, ana, personal: teams.personal.id, group: teams.group.id }
  }

  test('lists nothing there, asks in the personal chat who shall read it, and brings a copy', async () => {
    const world = await asked()
    const { personal, group, teams, ana, model } = world
    await world.says(group, 'continue')
    expect(last(world, group)).toMatchObject({
      text: titled('your conversations are called is private'),
      buttons: [],
    })
    await world.says(personal, 'continue')
    expect(last(world, personal).text).toContain('goes on with it in the group chat')
    await world.presses(personal, 'Bring it there')
    expect(last(world, personal)).toMatchObject({
      text: titled('Everyone in that group chat will be able to read all its 2 messages'),
      cards: [titled('Secret plans')],
    })
    expect(teams.screen(group).answers).toHaveLength(1)
    await world.presses(personal, 'Bring it there')
    expect(last(world, personal)).toMatchObject({ text: titled('a copy of it goes on in the group chat'), buttons: [] })
    expect(last(world, group)).toMatchObject({ text: titled('A conversation was brought here'), cards: [] })
    expect(JSON.stringify(teams.screen(group).answers)).not.toContain('Secret plans')
    await world.says(group, 'Go on')
    expect(
      model.prompts
        .at(-1)
        ?.messages.map(({ text }) => text)
        .join(),
    ).toContain('Secret plans')
    // What was private stays as it was.
    expect((await world.listOf(ana)).map(({ direct, count }) => ({ direct, count }))).toEqual([
      { direct: false, count: 4 },
      { direct: true, count: 2 },
    ])
  })

  test('is brought into the thread of the channel where it was asked for', async () => {
    const world = await asked()
    const { personal, teams } = world
    const said = teams.say({ in: teams.projects.id, text: 'continue' })
    await said.first
    await world.settled()
    await world.says(personal, 'continue')
    await world.presses(personal, 'Bring it there')
    expect(last(world, personal).text).toContain('Everyone in the team of that channel will be able to read')
    await world.presses(personal, 'Bring it there')
    expect(last(world, said.conversation).text).toContain('A conversation was brought here')
    expect(teams.screen(teams.projects.id).answers.map(({ root }) => root)).toEqual([said.id, said.id])
  })

  test('is brought once, however often it is pressed, and not at all when it is cancelled', async () => {
    const world = await asked()
    const { personal, group, teams, ana } = world
    await world.says(group, 'continue')
    await world.says(personal, 'continue')
    await world.presses(personal, 'Bring it there')
    const again = world.press(personal, 'Bring it there')
    await Promise.all([again.first, world.press(personal, 'Bring it there').first])
    await world.settled()
    expect(await world.listOf(ana)).toHaveLength(2)
    expect(teams.screen(group).answers).toHaveLength(2)

    await world.says(group, 'continue')
    await world.says(personal, 'continue')
    await world.presses(personal, 'Bring it there', { nth: 1 })
    await world.presses(personal, 'Cancel')
    expect(last(world, personal).text).toBe('All right: nothing was changed.')
    expect(await world.listOf(ana)).toHaveLength(2)
  })

  test('is not brought when nobody asked for it there', async () => {
    const world = await asked()
    const { personal, teams, ana } = world
    const [conversation] = await world.listOf(ana)
    const value = { choose: 'bring anyway', conversation: conversation!.id }
    await teams.say({ in: personal, value }).first
    await world.settled()
    expect(last(world, personal).text).toContain('was asked too long ago')
    expect(await world.listOf(ana)).toHaveLength(1)
  })

  test('goes on with what belongs there without a question and without a copy', async () => {
    const world = await asked()
    const { personal, group, ana } = world
    await world.says(group, 'Lunch?')
    await world.says(group, 'new')
    await world.says(group, 'continue')
    await world.says(personal, 'continue')
    await world.presses(personal, 'Bring it there')
    expect(last(world, personal).text).toContain('Done: it goes on in the group chat')
    await world.says(group, 'Pizza?')
    expect((await world.listOf(ana)).map(({ direct, count }) => ({ direct, count }))).toEqual([
      { direct: false, count: 4 },
      { direct: true, count: 2 },
    ])
  })

  test('who may not use the bot is told so, and nothing is written down', async () => {
    const world = await asked()
    const { group, teams } = world
    await world.says(group, 'continue', teams.gus.id)
    expect(last(world, group).text).toContain('only answers full members')
  })
})
