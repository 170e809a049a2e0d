import { describe, expect, test } from 'vitest'
import { Fault } from '../../src/errors.ts'
import { fakeClock } from '../support/teams/index.ts'
import { failing, hanging, until } from '../support/world.ts'
import { aMoment, cleanUp, saying, startWorld, type World } from './world.ts'

cleanUp()

const personal = ({ teams }: World) => teams.screen(teams.personal.id)

/** Waits until the bot's last message shows this. */
function showing({ teams }: World, conversation: string, words: string): Promise<unknown> {
  return teams.until(() => teams.screen(conversation).answers.at(-1)?.text.includes(words))
}

describe('in the personal chat', () => {
  test('an answer is streamed, and becomes one labelled message that can be rated', async () => {
    const world = await startWorld()
    const { teams, model, settled } = world
    const seen = new Set<string>()
    const text = 'One two three four five six seven eight nine ten'
    model.script = saying(text, 4, async () => {
      await teams.until(() => personal(world).answers[0]?.state === 'streaming')
      seen.add(personal(world).answers[0]!.text)
      await aMoment()
    })
    await teams.say({ in: teams.personal.id, text: 'Count' }).first
    await settled()
    expect(personal(world)).toMatchObject({
      answers: [{ text, state: 'final', aiLabel: true, feedback: true, buttons: [] }],
    })
    expect(personal(world).streaming).toBe(false)
    expect(seen.size).toBeGreaterThan(1)
    expect([...seen].every((shown) => text.startsWith(shown))).toBe(true)
  })

  test('something is shown before the model says a word', async () => {
    const world = await startWorld()
    const { teams, model, settled } = world
    const open = Promise.withResolvers<void>()
    model.script = async function* (prompt, signal) {
      await open.promise
      yield* saying('Yes', 1)(prompt, signal)
    }
    await teams.say({ in: teams.personal.id, text: 'Hi' }).first
    await teams.until(() => personal(world).answers[0]?.state === 'informative')
    open.resolve()
    await settled()
    expect(personal(world).answers).toMatchObject([{ text: 'Yes' }])
  })

  test('Teams’ Stop ends the turn, and nothing more is sent', async () => {
    const world = await startWorld()
    const { teams, model, settled, store } = world
    model.script = async function* (prompt, signal) {
      yield* saying('One two', 1)(prompt, signal)
    }
    const pressed = Promise.withResolvers<void>()
    model.script = async function* (_prompt, signal) {
      yield { type: 'text', text: 'One ' }
      await pressed.promise
      yield { type: 'text', text: 'two ' }
      yield* hanging('three')(_prompt, signal)
    }
    await teams.say({ in: teams.personal.id, text: 'Count' }).first
    await showing(world, teams.personal.id, 'One')
    teams.stop(teams.personal.id)
    pressed.resolve()
    await settled()
    expect(personal(world).answers).toMatchObject([{ text: 'One ', state: 'stopped' }])
    const refused = teams.callsTo('post').findIndex(({ status }) => status === 403)
    expect(teams.callsTo('post').slice(refused + 1)).toEqual([])
    const [conversation] = await listed(world)
    const { messages } = (await store.conversations.read(conversation!, { messages: 10 }))!
    expect(messages.at(-1)?.answer?.stop).toBe('stopped')
  })

  test('“stop” ends it, keeps what was shown, and offers to answer again', async () => {
    const world = await startWorld()
    const { teams, model, settled } = world
    model.script = hanging('Half an answer')
    await teams.say({ in: teams.personal.id, text: 'Go' }).first
    await showing(world, teams.personal.id, 'Half')
    await teams.say({ in: teams.personal.id, text: 'stop' }).first
    await settled()
    const [answer] = personal(world).answers
    expect(answer).toMatchObject({ text: 'Half an answer\n\n*Stopped.*', state: 'final', feedback: false })
    expect(answer!.buttons.map(({ title }) => title)).toEqual(['Answer again'])
    model.script = saying('A whole answer', 2)
    await teams.press(answer!.id, 'Answer again').outcome
    await teams.press(answer!.id, 'Answer again').outcome
    await settled()
    expect(personal(world).answers.map(({ text }) => text)).toEqual(['Half an answer\n\n*Stopped.*', 'A whole answer'])
    expect(model.prompts.at(-1)?.messages.at(-1)?.text).toBe('Go')
  })

  test('a failure is told in plain words, with a way on', async () => {
    const world = await startWorld()
    const { teams, model, settled } = world
    model.script = failing(new Fault('model_busy'))
    await teams.say({ in: teams.personal.id, text: 'Go' }).first
    await settled()
    const [answer] = personal(world).answers
    expect(answer).toMatchObject({ state: 'final', aiLabel: false, feedback: false })
    expect(answer!.text).toBe('The language model is very busy right now. Please try again in a minute.')
    expect(answer!.buttons.map(({ title }) => title)).toEqual(['Answer again'])
  })

  test('an answer that was cut short says so', async () => {
    const world = await startWorld()
    const { teams, model, settled } = world
    model.script = failing(new Fault('model_unavailable'), 'A piece of `code')
    await teams.say({ in: teams.personal.id, text: 'Go' }).first
    await settled()
    expect(personal(world).answers).toMatchObject([{ state: 'final', aiLabel: true }])
    expect(personal(world).answers[0]!.text).toMatch(/^A piece of `code\n\n\*The connection .* broke off/)
  })

  test('a table is nothing that Teams shows raw, and a wide one is a card', async () => {
    const world = await startWorld()
    const { teams, model, settled } = world
    const wide = 'so many words in a cell that it would wrap in a code block'
    model.script = saying(
      `# Both\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n![x](https://x.example/y.png)\n\n| A | B |\n|---|---|\n| ${wide} | ${wide} |\n\nEnd <b>.`,
      7,
      aMoment,
    )
    await teams.say({ in: teams.personal.id, text: 'Go' }).first
    await settled()
    const [answer] = personal(world).answers
    expect(answer).toMatchObject({ raw: [], state: 'final' })
    expect(answer!.cards).toHaveLength(1)
    expect(answer!.cards[0]).toContain(wide)
    expect(answer!.text).toContain('*Table 1 is below.*')
  })

  test('an answer of more than 80 kB is messages in a row', async () => {
    const world = await startWorld()
    const { teams, model, settled } = world
    const text = Array.from({ length: 700 }, (_, index) => `Paragraph ${index} ${'word '.repeat(20)}end.`).join('\n\n')
    model.script = saying(text, 50)
    await teams.say({ in: teams.personal.id, text: 'Go' }).first
    await settled()
    const { answers } = personal(world)
    expect(answers.length).toBe(3)
    expect(answers.map((answer) => answer.text).join('\n\n')).toBe(text)
    expect(answers.every(({ state, aiLabel }) => state === 'final' && aiLabel)).toBe(true)
    expect(answers.map(({ feedback }) => feedback)).toEqual([false, false, true])
  })

  test('beyond two minutes the same message goes on by being updated', async () => {
    const clock = fakeClock()
    const time = tick(clock)
    const world = await startWorld({ clock, limits: true, config: { limits: { streamGapMs: 1_000 } } })
    const { teams, model, settled } = world
    model.script = saying('one two three four', 4, async (piece) => {
      if (piece === 1) {
        await showing(world, teams.personal.id, 'one')
        await time.jump(115_000)
      }
      if (piece === 2) {
        await teams.until(() => personal(world).answers[0]?.state === 'final')
        expect(personal(world).answers[0]!.buttons.map(({ title }) => title)).toEqual(['Stop'])
        await time.jump(30_000)
      }
    })
    await teams.say({ in: teams.personal.id, text: 'Go' }).first
    await settled()
    time.stop()
    expect(personal(world).answers).toMatchObject([
      { text: 'one two three four', state: 'final', edited: true, buttons: [] },
    ])
  })

  test('a stream that Teams ended first becomes the same message all the same', async () => {
    const clock = fakeClock()
    const time = tick(clock)
    const world = await startWorld({ clock, limits: true, config: { limits: { streamGapMs: 1_000, streamMs: 1e9 } } })
    const { teams, model, settled } = world
    model.script = saying('one two three', 2, async () => {
      await showing(world, teams.personal.id, 'one')
      await time.jump(125_000)
    })
    await teams.say({ in: teams.personal.id, text: 'Go' }).first
    await settled()
    time.stop()
    expect(personal(world).answers).toMatchObject([{ text: 'one two three', state: 'final', edited: true }])
  })

  test('calls keep Teams’ pace of one a second', async () => {
    const clock = fakeClock()
    const time = tick(clock)
    const world = await startWorld({ clock, limits: true, config: { limits: { streamGapMs: 1_000 } } })
    const { teams, model, settled } = world
    model.script = saying('word '.repeat(40), 20, aMoment)
    await teams.say({ in: teams.personal.id, text: 'Go' }).first
    await settled()
    time.stop()
    expect(teams.callsTo('post').filter(({ status }) => status === 429)).toEqual([])
    expect(personal(world).answers).toMatchObject([{ text: 'word '.repeat(40), state: 'final' }])
  })
})

describe('in groups and channels', () => {
  test('a quick answer is one message', async () => {
    const { teams, settled } = await startWorld()
    await teams.say({ in: teams.group.id, text: 'Hello' }).first
    await settled()
    const { answers } = teams.screen(teams.group.id)
    expect(answers).toMatchObject([
      { text: 'You said: Ana Marsh: Hello', state: 'final', aiLabel: true, feedback: true },
    ])
    expect(answers[0]).toMatchObject({ edited: false, suggested: [] })
  })

  test('typing is shown again as long as the model says nothing', async () => {
    const { teams, model, settled } = await startWorld({ config: { limits: { typingMs: 20 } } })
    const typed = () => teams.callsTo('post').filter(({ body }) => body?.type === 'typing').length
    model.script = saying('At last.', 1, () => teams.until(() => typed() >= 3))
    await teams.say({ in: teams.group.id, text: 'Go' }).first
    await settled()
    expect(teams.screen(teams.group.id).answers).toMatchObject([{ text: 'At last.', state: 'final' }])
    expect(teams.screen(teams.group.id).typing).toBe(false)
  })

  test('a slow one shows typing, then grows with a Stop button, and stays one message', async () => {
    const world = await startWorld({ config: { limits: { patienceMs: 50 } } })
    const { teams, model, settled } = world
    const seen = new Set<string>()
    model.script = saying('One two three four five six', 6, async (piece) => {
      if (piece === 1) await teams.until(() => teams.screen(teams.group.id).typing)
      await new Promise((resolve) => setTimeout(resolve, 60))
      const growing = teams.screen(teams.group.id).answers[0]
      if (!growing) return
      seen.add(growing.text)
      expect(growing.buttons.map(({ title }) => title)).toEqual(['Stop'])
    })
    await teams.say({ in: teams.group.id, text: 'Go' }).first
    await settled()
    expect(seen.size).toBeGreaterThan(1)
    expect(teams.screen(teams.group.id).answers).toMatchObject([
      { text: 'One two three four five six', buttons: [], aiLabel: true, feedback: true },
    ])
    expect(teams.callsTo('post').filter(({ body }) => body?.type === 'message')).toHaveLength(1)
  })

  test('its Stop button stops it', async () => {
    const world = await startWorld({ config: { limits: { patienceMs: 0 } } })
    const { teams, model, settled } = world
    model.script = async function* (prompt, signal) {
      yield { type: 'text', text: 'Half' }
      await aMoment()
      yield* hanging(' an answer')(prompt, signal)
    }
    await teams.say({ in: teams.group.id, text: 'Go' }).first
    await showing(world, teams.group.id, 'answer')
    await teams.press(teams.screen(teams.group.id).answers[0]!.id, 'Stop').outcome
    await settled()
    expect(teams.screen(teams.group.id).answers).toMatchObject([{ text: 'Half an answer\n\n*Stopped.*' }])
  })

  test('an answer in a channel stays in its thread, which remembers', async () => {
    const { teams, model, settled } = await startWorld()
    const said = teams.say({ in: teams.general.id, text: 'Hello' })
    await said.first
    await settled()
    await teams.say({ in: said.conversation, text: 'And now?' }).first
    await settled()
    const { answers } = teams.screen(said.conversation)
    expect(answers.map(({ text }) => text)).toEqual(['You said: Ana Marsh: Hello', 'You said: Ana Marsh: And now?'])
    expect(model.prompts[1]!.messages).toHaveLength(3)
    await teams.say({ in: teams.general.id, text: 'Elsewhere' }).first
    await settled()
    expect(model.prompts[2]!.messages).toHaveLength(1)
  })

  test('in the middle of a thread it says that it could see its mentions alone, once', async () => {
    const { teams, settled } = await startWorld()
    const others = teams.say({ in: teams.general.id, text: 'Just us', mention: false })
    await others.first
    await settled()
    expect(teams.screen(others.conversation).answers).toEqual([])
    await teams.say({ in: others.conversation, text: 'What do you think?' }).first
    await settled()
    await teams.say({ in: others.conversation, text: 'And now?' }).first
    await settled()
    const texts = teams.screen(others.conversation).answers.map(({ text }) => text)
    expect(texts).toHaveLength(2)
    expect(texts[0]).toContain('I only see the messages of this thread that mention me')
    expect(texts[1]).toBe('You said: Ana Marsh: And now?')
  })

  test('what goes on in a thread it talks in is for it, too, where Teams shows it, until it is muted', async () => {
    const { teams, settled } = await startWorld()
    const said = teams.say({ in: teams.general.id, text: 'Hello' })
    await said.first
    await teams.say({ in: said.conversation, text: 'Without a mention', mention: false }).first
    await settled()
    expect(teams.screen(said.conversation).answers).toHaveLength(2)
    await teams.say({ in: said.conversation, text: 'mute' }).first
    await teams.say({ in: said.conversation, text: 'Between us', mention: false }).first
    await settled()
    expect(teams.screen(said.conversation).answers.at(-1)!.text).toBe(
      'I keep quiet here now, until someone mentions me.',
    )
    await teams.say({ in: said.conversation, text: 'Back' }).first
    await settled()
    expect(teams.screen(said.conversation).answers.at(-1)!.text).toContain('Back')
  })

  test('people that an answer names are mentioned', async () => {
    const { teams, model, settled } = await startWorld()
    model.script = saying('Ask @Ben Okafor, @Ana Marsh (`@Ana Marsh`) or @Nobody.', 1)
    const ben = { id: teams.ben.id, name: teams.ben.name }
    await teams.say({ in: teams.group.id, text: 'Who knows, <at>Ben Okafor</at>?', mentions: [ben] }).first
    await settled()
    const [answer] = teams.screen(teams.group.id).answers
    expect(answer!.mentions.sort()).toEqual(['Ana Marsh', 'Ben Okafor'])
    expect(model.prompts[0]!.messages[0]!.text).toContain('Who knows, @Ben Okafor?')
  })

  test('an open table or a heading is nothing raw there, too', async () => {
    const { teams, model, settled } = await startWorld()
    model.script = saying('## Title\n\n| a | b |\n|---|---|\n| 1 | 2 |', 1)
    await teams.say({ in: teams.group.id, text: 'Go' }).first
    await settled()
    expect(teams.screen(teams.group.id).answers).toMatchObject([{ raw: [] }])
  })
})

describe('messages that change', () => {
  test('an edited question that waits is answered as it is now', async () => {
    const world = await startWorld()
    const { teams, model, settled } = world
    const open = Promise.withResolvers<void>()
    model.script = async function* (prompt, signal) {
      await open.promise
      yield* saying(`About: ${prompt.messages.at(-1)!.text}`, 1)(prompt, signal)
    }
    await teams.say({ in: teams.personal.id, text: 'First' }).first
    const second = teams.say({ in: teams.personal.id, text: 'Secnd' })
    await second.first
    await teams.edit(second.id, 'Second').first
    open.resolve()
    await settled()
    expect(personal(world).answers.map(({ text }) => text)).toEqual(['About: First', 'About: Second'])
  })

  test('one that is answered can be answered again, and a deleted one stops its answer', async () => {
    const world = await startWorld()
    const { teams, model, settled } = world
    const said = teams.say({ in: teams.personal.id, text: 'Wat' })
    await said.first
    await settled()
    const edit = teams.edit(said.id, 'What')
    await edit.first
    await teams.redeliver(edit)
    await settled()
    expect(personal(world).answers).toHaveLength(2)
    const offer = personal(world).answers[1]!
    expect(offer.text).toContain('You changed your question')
    await teams.press(offer.id, 'Answer again').outcome
    await settled()
    expect(personal(world).answers.at(-1)!.text).toBe('You said: What')
    model.script = hanging('Never mind')
    const wrong = teams.say({ in: teams.personal.id, text: 'Oops' })
    await wrong.first
    await showing(world, teams.personal.id, 'Never')
    await teams.remove(wrong.id).first
    await settled()
    expect(personal(world).streaming).toBe(false)
    await teams.undelete(wrong.id).first
    await settled()
  })

  test('a deleted question is forgotten, and known again when it is brought back, without a word about it', async () => {
    const world = await startWorld()
    const { teams, model, settled } = world
    const heard = async (text: string): Promise<string[]> => {
      await teams.say({ in: teams.personal.id, text }).first
      await settled()
      return model.prompts.at(-1)!.messages.map((message) => message.text)
    }
    const said = teams.say({ in: teams.personal.id, text: 'My name is Nora' })
    await said.first
    await settled()
    await teams.remove(said.id).first
    expect((await heard('One')).join()).not.toContain('Nora')
    await teams.undelete(said.id).first
    expect(await heard('Two')).toContain('My name is Nora')
    expect(personal(world).answers).toHaveLength(3)
  })
})

describe('orders', () => {
  test('new begins afresh; help, and stop without anything to stop, say what there is', async () => {
    const world = await startWorld({ config: { publicUrl: 'https://chat.example/bot' } })
    const { teams, model, settled } = world
    const say = async (text: string): Promise<string> => {
      await teams.say({ in: teams.personal.id, text }).first
      await settled()
      return personal(world).answers.at(-1)!.text
    }
    expect(await say('continue on the web')).toContain('https://chat.example/bot/')
    await say('One')
    const [conversation] = await listed(world)
    expect(await say('continue on the web')).toBe(
      `[Continue this conversation on the web](https://chat.example/bot/c/${conversation})`,
    )
    await say('Two')
    expect(model.prompts.at(-1)!.messages).toHaveLength(3)
    expect(await say('new')).toContain('begins a new conversation')
    await say('Three')
    expect(model.prompts.at(-1)!.messages).toHaveLength(1)
    expect(await say('stop')).toBe('There is nothing to stop here.')
    expect(await say('help')).toContain('**new**')
    expect(await say('mute')).toContain('only between us')
  })

  test('delivered twice are obeyed once', async () => {
    const world = await startWorld()
    const { teams, settled } = world
    const other = await world.another()
    const said = teams.say({ in: teams.personal.id, text: 'help' })
    await said.first
    await teams.redeliver(said)
    await teams.redeliver(said, other.url)
    await settled()
    expect(personal(world).answers).toHaveLength(1)
  })

  test('too many at once are told to wait', async () => {
    const world = await startWorld()
    const { teams, model, settled } = world
    model.script = hanging('Slow')
    for (let index = 0; index < 25; index++) await teams.say({ in: teams.personal.id, text: `Message ${index}` }).first
    await until(() => personal(world).answers.some(({ text }) => text.startsWith('There are already many')))
    model.script = saying('Quick', 1)
    await teams.say({ in: teams.personal.id, text: 'stop' }).first
    await settled()
  })
})

describe('a hello', () => {
  test('tells what it is and who can read what, once, with something to ask', async () => {
    const world = await startWorld()
    const { teams, settled } = world
    await Promise.all(teams.install(teams.personal.id).map(({ first }) => first))
    await settled()
    const { answers } = personal(world)
    expect(answers).toHaveLength(1)
    expect(answers[0]).toMatchObject({ aiLabel: false, feedback: false })
    expect(answers[0]!.text).toContain('your colleagues cannot read it')
    // Beside suggestions not every client renders Markdown.
    expect(answers[0]!.text).not.toMatch(/[*_`#]/)
    expect(answers[0]!.suggested.length).toBeGreaterThan(2)
    await teams.press(answers[0]!.id, answers[0]!.suggested[0]!).outcome
    await settled()
    expect(personal(world).answers.at(-1)!.text).toContain('What can you do?')
  })

  test('in groups and channels has no suggestions, and none comes for people who join', async () => {
    const { teams, settled } = await startWorld()
    for (const chat of [teams.group, teams.general]) await Promise.all(teams.install(chat.id).map(({ first }) => first))
    await teams.join(teams.group.id, teams.olga.id).first
    await settled()
    expect(teams.screen(teams.group.id).answers).toHaveLength(1)
    expect(teams.screen(teams.group.id).answers[0]!.text).toContain('Everyone in this chat can read my answers')
    expect(teams.screen(teams.general.id).answers[0]!.text).toContain('Everyone in this team')
  })
})

describe('feedback', () => {
  test('is stored with its words, changed by the next, and thanked for with an empty 200', async () => {
    const world = await startWorld()
    const { teams, settled, store } = world
    await teams.say({ in: teams.personal.id, text: 'Hi' }).first
    await settled()
    const [answer] = personal(world).answers
    expect(await teams.rate(answer!.id, 'dislike', 'too short').outcome).toEqual({ ok: true })
    const [conversation] = await listed(world)
    const rated = async () => (await store.conversations.read(conversation!, { messages: 10 }))!.messages.at(-1)?.rating
    expect(await rated()).toMatchObject({ value: 'down', comment: 'too short' })
    expect(await teams.rate(answer!.id, 'like').outcome).toEqual({ ok: true })
    expect(await rated()).toMatchObject({ value: 'up' })
  })

  test('of someone who did not take part is thanked for and dropped', async () => {
    const world = await startWorld()
    const { teams, settled } = world
    await teams.say({ in: teams.group.id, text: 'Hi' }).first
    await settled()
    const [answer] = teams.screen(teams.group.id).answers
    expect(await teams.rate(answer!.id, 'like', '', teams.ben.id).outcome).toEqual({ ok: true })
    expect(await teams.rate(answer!.id, 'like', '', teams.gus.id).outcome).toEqual({ ok: true })
  })

  test('other invokes are declined quietly', async () => {
    const { teams, logged } = await startWorld()
    for (const name of ['message/fetchTask', 'adaptiveCard/action', 'signin/verifyState', 'task/fetch', 'x'])
      expect(await teams.invoke(name, { actionName: 'feedback' }, { in: teams.personal.id }).first).toMatchObject({
        status: 501,
        body: '',
      })
    expect(logged('error')).toEqual([])
  })
})

describe('who asks', () => {
  test('is known by tenant and object id, with name and address from Teams, looked up once', async () => {
    const { teams, settled, store } = await startWorld()
    await teams.say({ in: teams.personal.id, text: 'One' }).first
    await settled()
    await teams.say({ in: teams.group.id, text: 'Two' }).first
    await settled()
    const user = await store.users.find(`teams:${teams.tenantId}:${teams.ana.aadObjectId}`)
    expect(user).toMatchObject({
      name: 'Ana Marsh',
      emails: [{ address: 'ana.marsh@contoso.example', verifiedBy: 'teams' }],
    })
    expect(teams.callsTo('member')).toHaveLength(1)
  })

  test('a guest, and someone of another organisation in our chat, are told that they may not', async () => {
    const { teams, settled, model } = await startWorld()
    const chat = teams.addPersonal(teams.gus)
    await teams.say({ in: chat.id, text: 'Hi' }).first
    const group = teams.addGroup('Mixed', [teams.ana, teams.olga])
    await teams.say({ in: group.id, from: teams.olga.id, text: 'Hi' }).first
    await settled()
    for (const id of [chat.id, group.id])
      expect(teams.screen(id).answers[0]!.text).toContain('only answers full members')
    expect(model.prompts).toEqual([])
  })

  test('but for operators who let guests in', async () => {
    const { teams, settled, store } = await startWorld({ config: { allowGuests: true } })
    const chat = teams.addPersonal(teams.gus)
    await teams.say({ in: chat.id, text: 'Hi' }).first
    await settled()
    expect(teams.screen(chat.id).answers).toMatchObject([{ text: 'You said: Hi' }])
    // Whose address it is, nobody vouches for.
    expect(await store.users.find(`teams:${teams.tenantId}:${teams.gus.aadObjectId}`)).toMatchObject({ emails: [] })
  })

  test('somebody who joined a meeting without an account may not', async () => {
    const { teams, settled } = await startWorld()
    const nobody = teams.addPerson({ name: 'Someone', userRole: 'anonymous' })
    const group = teams.addGroup('Meeting', [teams.ana, nobody])
    await teams.say({ in: group.id, from: nobody.id, text: 'Hi' }).first
    await settled()
    expect(teams.screen(group.id).answers[0]!.text).toContain('only answers full members')
  })
})

test('files cannot be read yet, which is said; the text is answered all the same', async () => {
  const world = await startWorld()
  const { teams, settled } = world
  const { id } = teams.addFile({ name: 'plan.pdf' })
  await teams.say({ in: teams.personal.id, text: 'Look', files: [id] }).first
  await settled()
  expect(personal(world).answers[0]!.text).toBe(
    'You said: Look\n\n*I cannot read attached files yet (“plan.pdf”), so this is about the text alone.*',
  )
})

/** Time goes on while something else is waited for; `jump` lets much of it pass at once. */
function tick(clock: ReturnType<typeof fakeClock>) {
  let going = true
  let jumps: { ms: number; done: () => void }[] = []
  void (async () => {
    while (going) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      const now = jumps
      jumps = []
      await clock.advance(now.reduce((sum, { ms }) => sum + ms, 250))
      for (const { done } of now) done()
    }
  })()
  return {
    jump: (ms: number) => new Promise<void>((done) => jumps.push({ ms, done })),
    stop() {
      going = false
    },
  }
}

async function listed({ store, teams }: World): Promise<string[]> {
  const user = await store.users.find(`teams:${teams.tenantId}:${teams.ana.aadObjectId}`)
  const { items } = await store.conversations.list(user!.id, { limit: 10 })
  return items.map(({ conversation }) => conversation.id)
}
