import { describe, expect, test } from 'vitest'
import { hanging } from '../support/world.ts'
import { answers, cleanUp, saying, settled, startWorld, type World } from './world.ts'

cleanUp()

async function asked(world: World, text = 'Hello', channel = world.slack.dm.id) {
  const said = world.slack.say({ user: world.slack.ana.id, channel, text })
  await settled(world)
  return said
}

async function stored({ app, slack }: World) {
  const user = await app.instance.chat.who({ surface: 'slack', workspace: slack.team.id, id: slack.ana.id })
  const { items } = await app.instance.chat.conversations.list(user.id, { limit: 10 })
  return Promise.all(items.map(({ id }) => app.instance.chat.conversations.open(user.id, id, { limit: 50 })))
}

describe('feedback', () => {
  test('👍 is stored with the answer', async () => {
    const world = await startWorld()
    const { slack } = world
    const said = await asked(world)
    const [answer] = answers(slack, slack.dm.id, said.ts)
    const click = slack.click({ user: slack.ana.id, channel: slack.dm.id, ts: answer!.ts, button: '👍' })
    expect((await click.answer).status).toBe(200)
    const [conversation] = await stored(world)
    expect(conversation!.messages[1]!.rating).toMatchObject({ value: 'up' })
    expect(slack.modal(slack.ana.id)).toBeUndefined()
  })

  test('👎 asks what was wrong, and the comment is stored as well', async () => {
    const world = await startWorld()
    const { slack } = world
    const said = await asked(world)
    const [answer] = answers(slack, slack.dm.id, said.ts)
    await slack.click({ user: slack.ana.id, channel: slack.dm.id, ts: answer!.ts, button: '👎' }).answer
    await slack.until(() => slack.modal(slack.ana.id))
    expect((await stored(world))[0]!.messages[1]!.rating).toMatchObject({ value: 'down' })
    const { errors } = await slack.submit(slack.ana.id, { comment: 'Too short' })
    expect(errors).toEqual({})
    expect((await stored(world))[0]!.messages[1]!.rating).toMatchObject({ value: 'down', comment: 'Too short' })
  })

  test('of someone who took no part is refused in plain words', async () => {
    const world = await startWorld()
    const { slack } = world
    const said = await asked(world, `<@${slack.install.botUser}> hi`, slack.general.id)
    const [answer] = answers(slack, slack.general.id, said.ts)
    await slack.click({ user: slack.ben.id, channel: slack.general.id, ts: answer!.ts, button: '👍' }).answer
    const note = await slack.until(() => slack.screen(slack.general.id).messages.find(({ ephemeral }) => ephemeral))
    expect(note.text).toContain('not yours to see')
  })
})

describe('answer again', () => {
  test('replaces the stored answer, and two clicks are one', async () => {
    const world = await startWorld()
    const { slack, model } = world
    model.script = saying('The first answer.')
    const said = await asked(world)
    const [answer] = answers(slack, slack.dm.id, said.ts)
    model.script = saying('The second answer.')
    const click = () =>
      slack.click({ user: slack.ana.id, channel: slack.dm.id, ts: answer!.ts, button: 'Answer again' }).answer
    const attempts = await Promise.all([click(), click()])
    expect(attempts.map(({ status }) => status)).toEqual([200, 200])
    await settled(world)
    expect(answers(slack, slack.dm.id, said.ts).map(({ source }) => source)).toEqual([
      'The first answer.',
      'The second answer.',
    ])
    const [conversation] = await stored(world)
    expect(conversation!.messages.map(({ text }) => text)).toEqual(['Hello', 'The second answer.'])
    expect(model.prompts).toHaveLength(2)
  })
})

describe('answer again, where the question was refused and not kept', () => {
  test.each(['the first of its conversation', 'one that follows'])('(%s), says so', async (which) => {
    const world = await startWorld()
    const { slack, model, app } = world
    const before = which === 'one that follows' ? await asked(world) : undefined
    // Who is asking cannot be found out, for a reason nobody expected.
    const other = await world.another()
    slack.connect(`${other.url}/slack/events`)
    app.kill()
    const find = world.store.users.find
    let failures = before ? 100 : 1
    world.store.users.find = async (identity) => {
      if (failures-- > 0) throw new Error('a defect')
      return find.call(world.store.users, identity)
    }
    const said = slack.say({
      user: slack.ana.id,
      channel: slack.dm.id,
      text: 'Hello?',
      ...(before && { thread: before.ts }),
    })
    await settled(world)
    world.store.users.find = find
    const prompts = model.prompts.length
    const failed = answers(slack, slack.dm.id, (before ?? said).ts).at(-1)!
    await slack.click({ user: slack.ana.id, channel: slack.dm.id, ts: failed.ts, button: 'Answer again' }).answer
    await slack.until(() => answers(slack, slack.dm.id).find(({ text }) => text.includes('nothing to answer again')))
    await settled(world)
    expect(model.prompts).toHaveLength(prompts)
  })
})

describe('stopping', () => {
  test.each(['word', 'button'] as const)('by %s ends the answer at once and keeps what was shown', async (by) => {
    const world = await startWorld()
    const { slack, model } = world
    model.script = hanging('Once upon a time')
    const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Tell me a story' })
    await slack.until(() => answers(slack, slack.dm.id, said.ts).length === 1)
    if (by === 'word') slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'stop', thread: said.ts })
    else slack.stop({ user: slack.ana.id, channel: slack.dm.id, thread: said.ts })
    await settled(world)
    const { messages, status, stoppable } = slack.screen(slack.dm.id, { thread: said.ts })
    const shown = messages.filter(({ ours }) => ours)
    expect(shown).toHaveLength(1)
    expect(shown[0]!.source).toBe('Once upon a time')
    expect(shown[0]!.text).toContain('Stopped.')
    expect({ status, stoppable }).toEqual({ status: '', stoppable: false })
    expect((await stored(world))[0]!.messages[1]).toMatchObject({
      text: 'Once upon a time',
      answer: { stop: 'stopped' },
    })
  })

  test('on another instance than the one that answers', async () => {
    const world = await startWorld()
    const { slack, model } = world
    model.script = hanging('Once upon a time')
    const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Tell me a story' })
    await slack.until(() => answers(slack, slack.dm.id, said.ts).length === 1)
    const other = await world.another()
    slack.connect(`${other.url}/slack/events`)
    slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'stop', thread: said.ts })
    await settled(world)
    expect(answers(slack, slack.dm.id, said.ts)[0]!.text).toContain('Stopped.')
  })

  test('what does not run is said so, to those who ask us', async () => {
    const world = await startWorld()
    const { slack } = world
    slack.say({ user: slack.ana.id, channel: slack.general.id, text: 'stop' })
    const said = slack.say({ user: slack.ana.id, channel: slack.general.id, text: `<@${slack.install.botUser}> stop` })
    // No thread has begun in which one person alone could be shown something.
    const shown = await slack.until(() => answers(slack, slack.general.id).find(({ ephemeral }) => ephemeral))
    expect(shown.text).toBe('There is nothing to stop here.')
    expect(answers(slack, slack.general.id, said.ts)).toEqual([])
  })
})

test('new begins a new conversation in the same thread', async () => {
  const world = await startWorld()
  const { slack, model } = world
  const said = await asked(world, 'one')
  slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'new', thread: said.ts })
  await slack.until(() => answers(slack, slack.dm.id, said.ts).length === 2)
  slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'two', thread: said.ts })
  await settled(world)
  expect(model.prompts.map(({ messages }) => messages.length)).toEqual([1, 1])
  expect(await stored(world)).toHaveLength(2)
})

describe('a message that is edited', () => {
  test('before its answer begins: the new text is answered', async () => {
    const world = await startWorld()
    const { slack, model } = world
    model.script = hanging('Wait')
    const first = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'one' })
    await slack.until(() => answers(slack, slack.dm.id, first.ts).length === 1)
    const second = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'tow', thread: first.ts })
    expect(await second.acked()).toBe(true)
    for (const told of slack.edit({ channel: slack.dm.id, ts: second.ts, text: 'two' }))
      expect(await told.acked).toBe(true)
    model.script = saying('Done.')
    const user = await world.app.instance.chat.who({ surface: 'slack', workspace: slack.team.id, id: slack.ana.id })
    const [conversation] = (await world.app.instance.chat.conversations.list(user.id, { limit: 1 })).items
    const { pending } = await world.app.instance.chat.conversations.open(user.id, conversation!.id, { limit: 1 })
    await world.app.instance.chat.stop(user.id, conversation!.id, pending[0]!.turn)
    await settled(world)
    expect(model.prompts.at(-1)!.messages.at(-1)!.text).toBe('two')
    // Nothing is offered: what was answered is what stands there.
    expect(answers(slack, slack.dm.id, first.ts)).toHaveLength(2)
  })

  test('while its answer is written: another answer is offered', async () => {
    const world = await startWorld()
    const { slack, model } = world
    const edited = Promise.withResolvers<void>()
    model.script = saying('One answer.', 2, () => edited.promise)
    const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Helo' })
    await slack.until(() => answers(slack, slack.dm.id, said.ts).length === 1)
    slack.edit({ channel: slack.dm.id, ts: said.ts, text: 'Hello' })
    await slack.until(() => answers(slack, slack.dm.id, said.ts).some(({ text }) => text.includes('You changed')))
    edited.resolve()
    await settled(world)
    expect((await stored(world))[0]!.messages[0]!.text).toBe('Hello')
  })

  test('after its answer: the stored question changes, and another answer is offered', async () => {
    const world = await startWorld()
    const { slack, model } = world
    const said = await asked(world, 'Helo')
    slack.edit({ channel: slack.dm.id, ts: said.ts, text: 'Hello &amp; welcome' })
    const offer = await slack.until(() =>
      answers(slack, slack.dm.id, said.ts).find(({ text }) => text.includes('changed')),
    )
    expect((await stored(world))[0]!.messages[0]!.text).toBe('Hello & welcome')
    model.script = saying('Now for the new one.')
    await slack.click({ user: slack.ana.id, channel: slack.dm.id, ts: offer.ts, button: 'Answer again' }).answer
    await settled(world)
    expect((await stored(world))[0]!.messages.map(({ text }) => text)).toEqual([
      'Hello & welcome',
      'Now for the new one.',
    ])
  })

  test('because a link unfurled: nothing happens', async () => {
    const world = await startWorld()
    const { slack } = world
    const said = await asked(world)
    slack.unfurl({ channel: slack.dm.id, ts: said.ts })
    await settled(world)
    expect(answers(slack, slack.dm.id, said.ts)).toHaveLength(1)
  })
})

test('a message that is deleted while it is answered: the answer stops, and its text leaves the history', async () => {
  const world = await startWorld()
  const { slack, model } = world
  model.script = hanging('Well, your secret')
  const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'My secret' })
  await slack.until(() => answers(slack, slack.dm.id, said.ts).length === 1)
  slack.remove({ channel: slack.dm.id, ts: said.ts })
  await settled(world)
  expect(JSON.stringify(await stored(world))).not.toContain('My secret')
})

test('a message that is deleted before its answer begins is not answered, not even with “stopped”', async () => {
  const world = await startWorld()
  const { slack, model } = world
  model.script = hanging()
  const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'My secret' })
  await slack.until(() => model.prompts.length === 1)
  slack.remove({ channel: slack.dm.id, ts: said.ts })
  await settled(world)
  // Its thread is gone with it.
  expect(slack.state.channels.get(slack.dm.id)!.messages).toEqual([])
})

describe('/ask', () => {
  test('answers to the person alone, also where the bot is not', async () => {
    const world = await startWorld()
    const { slack } = world
    const { answer } = slack.command({
      user: slack.ana.id,
      channel: slack.random.id,
      command: '/ask',
      text: 'what is 1 &lt; 2?',
    })
    expect((await answer).status).toBe(200)
    await settled(world)
    const shown = answers(slack, slack.random.id)
    expect(shown.map(({ ephemeral }) => ephemeral)).toEqual([true, true])
    expect(shown[0]!.text).toBe('You asked: what is 1 < 2?')
    expect(shown[1]!.source).toBe('You said: what is 1 < 2?')
    expect(slack.screen(slack.random.id, { as: slack.ben.id }).messages).toEqual([])
  })

  test('remembers what was said by command, until new', async () => {
    const world = await startWorld()
    const { slack, model } = world
    const ask = async (text: string) => {
      await slack.command({ user: slack.ana.id, channel: slack.general.id, command: '/ask', text }).answer
      await settled(world)
    }
    await ask('one')
    await ask('two')
    await ask('new')
    await ask('three')
    expect(model.prompts.map(({ messages }) => messages.length)).toEqual([1, 3, 1])
  })

  test('in_channel answers for all', async () => {
    const world = await startWorld()
    const { slack } = world
    await slack.command({ user: slack.ana.id, channel: slack.general.id, command: '/ask', text: 'in_channel hello' })
      .answer
    await settled(world)
    const shown = slack.screen(slack.general.id, { as: slack.ben.id }).messages
    expect(shown.map(({ text }) => text)).toEqual(['@Ana Lima asks: hello', expect.stringContaining('You said: hello')])
  })

  test('sends a long answer as a direct message', async () => {
    const world = await startWorld()
    const { slack, model } = world
    const long = 'A paragraph of the answer, with some words.\n\n'.repeat(1_200)
    model.script = saying(long)
    await slack.command({ user: slack.ana.id, channel: slack.general.id, command: '/ask', text: 'hello' }).answer
    await settled(world)
    expect(
      answers(slack, slack.dm.id)
        .map(({ source }) => source)
        .join(''),
    ).toBe(long)
    expect(answers(slack, slack.general.id).at(-1)!.text).toContain('direct message')
  })

  test.each([
    { kind: 'cut', done: true },
    { kind: 'cut' },
    { kind: 'status', status: 502, done: true },
    { kind: 'slow', wait: 2_000, work: 'last' },
  ] as const)(
    'whose answer gets lost (%j) is not said twice there, but comes as a direct message too',
    async (fault) => {
      const world = await startWorld({ config: { limits: { callMs: 1_000 } } })
      const { slack } = world
      const rule = slack.fail('response_url', fault)
      await slack.command({ user: slack.ana.id, channel: slack.general.id, command: '/ask', text: 'in_channel hello' })
        .answer
      await settled(world)
      expect(rule.hits).toBe(1)
      await slack.until(() => slack.callsTo('response_url').every(({ endedAt }) => endedAt))
      const [asked, ...said] = answers(slack, slack.general.id)
      expect(asked!.text).toBe('@Ana Lima asks: hello')
      expect(said.map(({ source }) => source)).toEqual(
        'done' in fault || fault.kind === 'slow' ? ['You said: hello'] : [],
      )
      const [direct, ...more] = answers(slack, slack.dm.id)
      expect(more).toEqual([])
      expect(direct!.text).toContain('You said: hello')
      expect(direct!.text).toContain('Slack did not confirm that my answer reached #general, so here it is.')
    },
  )

  test('whose first process dies while it answers is not said twice there, but comes as a direct message', async () => {
    const world = await startWorld({ leaseMs: 400 })
    const { slack, app, model } = world
    slack.fail('response_url', { kind: 'slow', wait: new Promise(() => {}), work: 'first' })
    await slack.command({ user: slack.ana.id, channel: slack.general.id, command: '/ask', text: 'in_channel hello' })
      .answer
    await slack.until(() => slack.callsTo('response_url')[0]?.done)
    app.kill()
    const next = await world.another()
    slack.connect(`${next.url}/slack/events`)
    await settled(world)
    expect(answers(slack, slack.general.id).map(({ source }) => source)).toEqual([
      expect.any(String),
      'You said: hello',
    ])
    expect(answers(slack, slack.dm.id).map(({ source }) => source)).toEqual(['You said: hello'])
    expect(model.prompts).toHaveLength(1)
  })

  test.each([
    ['help', 'In a thread with me'],
    ['', 'In a thread with me'],
    ['stop', 'nothing to stop'],
    ['new', 'begins a new conversation'],
    ['mute', 'Slack does not tell me in which thread'],
  ])('%j is answered at once', async (text, words) => {
    const world = await startWorld({ config: { publicUrl: 'https://chat.example.com' } })
    const { slack, model } = world
    await slack.command({ user: slack.ana.id, channel: slack.general.id, command: '/ask', text }).answer
    expect(answers(slack, slack.general.id)[0]!.text).toContain(words)
    expect(model.prompts).toEqual([])
  })

  test('stop ends the answer that is being written to a command', async () => {
    const world = await startWorld()
    const { slack, model } = world
    const begun = Promise.withResolvers<void>()
    const story = hanging('Once upon a time')
    model.script = async function* (prompt, signal) {
      for await (const event of story(prompt, signal)) {
        yield event
        begun.resolve()
      }
    }
    const run = (text: string) =>
      slack.command({ user: slack.ana.id, channel: slack.general.id, command: '/ask', text }).answer
    await run('tell me')
    await begun.promise
    await run('stop')
    await settled(world)
    const [asked, ...said] = answers(slack, slack.general.id).map(({ text }) => text)
    expect(asked).toBe('You asked: tell me')
    expect(said.toSorted()).toEqual([expect.stringContaining('Once upon a time'), 'Stopped.'])
  })
})

describe('“Ask about this”', () => {
  test('answers in the thread of the message, with the message as context', async () => {
    const world = await startWorld()
    const { slack, model } = world
    const said = slack.say({ user: slack.ben.id, channel: slack.general.id, text: 'Wir liefern am Freitag' })
    slack.messageShortcut({ user: slack.ana.id, channel: slack.general.id, ts: said.ts, callback: 'ask_about' })
    await slack.until(() => slack.modal(slack.ana.id))
    expect((await slack.submit(slack.ana.id, { question: 'What does it say?' })).errors).toEqual({})
    await settled(world)
    const asked = model.prompts[0]!.messages.at(-1)!.text
    expect(asked).toContain('Ben Okri: Wir liefern am Freitag')
    expect(asked).toContain('What does it say?')
    const [answer] = answers(slack, slack.general.id, said.ts)
    expect(answer!.text).toContain('@Ana Lima asked: What does it say?')
  })

  test('where the bot is not, answers in direct messages', async () => {
    const world = await startWorld()
    const { slack } = world
    const said = slack.say({ user: slack.ben.id, channel: slack.random.id, text: 'Hallo' })
    slack.messageShortcut({ user: slack.ana.id, channel: slack.random.id, ts: said.ts, callback: 'ask_about' })
    await slack.until(() => slack.modal(slack.ana.id))
    await slack.submit(slack.ana.id, { question: 'What does it say?' })
    await settled(world)
    expect(answers(slack, slack.dm.id)[0]!.text).toContain('What does it say?')
  })
})

test('the Home tab says who one is, what was talked about and where', async () => {
  const world = await startWorld({ config: { publicUrl: 'https://chat.example.com' } })
  const { slack } = world
  await asked(world, 'A first question')
  slack.openApp(slack.ana.id, 'home')
  const home = await slack.until(() => slack.state.homes.get(slack.ana.id))
  const text = JSON.stringify(home.content)
  expect(text).toContain('Hello Ana Lima')
  expect(text).toContain('Your last conversations')
  expect(text).toContain('https://chat.example.com/c/')
})

test('the agent’s chat has something to begin with', async () => {
  const world = await startWorld()
  const { slack } = world
  slack.openApp(slack.ana.id, 'messages')
  const prompts = await slack.until(
    () => slack.screen(slack.dm.id).prompts.length > 0 && slack.screen(slack.dm.id).prompts,
  )
  expect(prompts).toHaveLength(4)
  expect(slack.callsTo('assistant.threads.setSuggestedPrompts')[0]!.args.title).toBe('Hi! How can I help?')
})

test('attached files are not passed over in silence', async () => {
  const world = await startWorld()
  const { slack } = world
  const files = [slack.addFile({ name: 'plan.pdf' })]
  const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Read this', files })
  await settled(world)
  const [answer] = answers(slack, slack.dm.id, said.ts)
  expect(answer!.source).toContain('You said: Read this')
  expect(answer!.text).toContain('I cannot read attached files yet (“plan.pdf”)')
})

test('40,000 characters are a question like any other', async () => {
  const world = await startWorld()
  const { model } = world
  await asked(world, 'word '.repeat(8_000).trim())
  expect(model.prompts[0]!.messages.at(-1)!.text).toHaveLength(39_999)
})
