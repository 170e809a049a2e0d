import { describe, expect, test } from 'vitest'
import { Fault as StoreFault } from '../../src/errors.ts'
import type { JsonObject } from '../../src/types.ts'
import { type Fault, fakeClock } from '../support/teams/index.ts'
import { until } from '../support/world.ts'
import { aMoment, cleanUp, saying, startWorld, type World } from './world.ts'

cleanUp()

const text = `${'A paragraph of the answer, with some words.\n\n'.repeat(20)}The end.`
const streamOf = (body: JsonObject): JsonObject | undefined =>
  (body.entities as JsonObject[] | undefined)?.find(({ type }) => type === 'streaminfo')

/** The calls of one answer, by what they are for. */
const steps = {
  'the first of a stream': (body: JsonObject) => streamOf(body)?.streamSequence === 1,
  'a piece of a stream': (body: JsonObject) => streamOf(body)?.streamType === 'streaming',
  'the end of a stream': (body: JsonObject) => streamOf(body)?.streamType === 'final',
}

const passing: Fault[] = [
  { kind: 'status', status: 429, retryAfter: 1 },
  { kind: 'status', status: 429 },
  { kind: 'status', status: 412 },
  { kind: 'status', status: 503 },
  { kind: 'status', status: 500 },
  { kind: 'cut' },
]
const done: Fault[] = [
  { kind: 'status', status: 500, done: true },
  { kind: 'status', status: 502, done: true },
  { kind: 'status', status: 504, done: true },
  { kind: 'cut', done: true },
  { kind: 'garbage', done: true },
]
const never: Fault = { kind: 'slow', wait: new Promise(() => {}), work: 'last' }
const unheard: Fault = { kind: 'slow', wait: new Promise(() => {}), work: 'first' }

/** What people are left with: nothing but whole messages, once all streams have had their time. */
async function left(world: World & { clock: ReturnType<typeof fakeClock> }, conversation: string) {
  await world.settled()
  await world.clock.advance(121_000)
  const { answers, streaming } = world.teams.screen(conversation)
  expect(streaming).toBe(false)
  return answers.filter((answer) => answer.text !== '')
}

/** A world whose time is ours; what sleeps in it wakes at once. */
async function startFast(more: Parameters<typeof startWorld>[0] = {}) {
  const clock = fakeClock()
  const world = await startWorld({ ...more, clock: { ...clock, after: (ms, run) => clock.after(ms, run) } })
  const timer = setInterval(() => void clock.advance(100), 5)
  const settled = async (): Promise<void> => {
    await world.settled()
    clearInterval(timer)
  }
  return { ...world, clock, settled }
}

describe.each(Object.entries(steps))('when %s fails once in the personal chat', (_, when) => {
  test.each([...passing, ...done])('with %j, the answer is whole and there once', async (fault) => {
    const world = await startFast()
    const { teams, model } = world
    model.script = saying(text, 3, aMoment)
    const rule = teams.fail('post', fault, { when })
    await teams.say({ in: teams.personal.id, text: 'Go' }).first
    const answers = await left(world, teams.personal.id)
    expect(rule.hits).toBe(1)
    expect(answers).toMatchObject([{ text, state: 'final', aiLabel: true, feedback: true }])
  })
})

describe.each([
  'streamNotAllowed',
  'streamExpired',
  'streamQuota',
  'streamCompleted',
  'streamPrefix',
  'streamTooBig',
] as const)('when Teams says %s', (error) => {
  test.each(Object.entries(steps))('to %s, the answer is whole and there once', async (_, when) => {
    const world = await startFast()
    const { teams, model } = world
    model.script = saying(text, 3, aMoment)
    teams.fail('post', error, { when })
    await teams.say({ in: teams.personal.id, text: 'Go' }).first
    const answers = await left(world, teams.personal.id)
    // Where the end is refused for no reason, what was streamed is taken away, or has run out.
    expect(
      answers
        .filter(({ state }) => state === 'final')
        .map((answer) => answer.text)
        .join('\n\n'),
    ).toBe(text)
    expect(answers.every(({ state }) => state === 'final')).toBe(true)
  })
})

test('where there is no streaming, a personal chat gets a message', async () => {
  const world = await startFast()
  const { teams, model } = world
  model.script = saying(text, 3, aMoment)
  teams.fail('post', 'streamNotAllowed', { times: 100, when: (body) => streamOf(body) !== undefined })
  await teams.say({ in: teams.personal.id, text: 'Go' }).first
  expect(await left(world, teams.personal.id)).toMatchObject([{ text, aiLabel: true }])
  expect(teams.callsTo('post').filter(({ body }) => streamOf(body ?? {}))).toHaveLength(1)
})

const message = (body: JsonObject): boolean => body.type === 'message'

describe('when the message to a group fails', () => {
  test.each(passing.slice(0, 4))('with %j, it is posted when Teams takes it', async (fault) => {
    const world = await startFast()
    const { teams, model } = world
    model.script = saying(text, 1)
    teams.fail('post', fault, { when: message, times: 2 })
    await teams.say({ in: teams.group.id, text: 'Go' }).first
    expect(await left(world, teams.group.id)).toMatchObject([{ text, state: 'final' }])
  })

  test.each(done.slice(0, 4))('with %j, it is not posted again, and a word is said about it', async (fault) => {
    const world = await startFast({ config: { publicUrl: 'https://chat.example' } })
    const { teams, model } = world
    model.script = saying(text, 1)
    teams.fail('post', fault, { when: message })
    await teams.say({ in: teams.group.id, text: 'Go' }).first
    const [answer, note, ...more] = await left(world, teams.group.id)
    expect(more).toEqual([])
    expect(answer).toMatchObject({ text, state: 'final' })
    expect(note!.text).toContain('I cannot tell whether it arrived')
    expect(note!.buttons.map(({ title }) => title)).toEqual(['Show the answer', 'Open on the web'])
  })

  test('with an answer that tells nothing, it is there once', async () => {
    const world = await startFast()
    const { teams, model } = world
    model.script = saying(text, 1)
    teams.fail('post', { kind: 'garbage', done: true }, { when: message })
    await teams.say({ in: teams.group.id, text: 'Go' }).first
    expect(await left(world, teams.group.id)).toMatchObject([{ text, state: 'final' }])
  })

  describe('and nobody can tell whether it arrived, though it did not', () => {
    /** A group in which the words about it stand, and what presses their button. */
    async function missing(answer: string) {
      const world = await startFast()
      const { teams, model } = world
      model.script = saying(answer, 1)
      teams.fail('post', { kind: 'status', status: 502 }, { when: message })
      await teams.say({ in: teams.group.id, text: 'Go' }).first
      const note = (await left(world, teams.group.id)).find(({ buttons }) => buttons.length > 0)
      return {
        ...world,
        note: note!,
        press: async (from?: string) => {
          await teams.press(note!.id, 'Show the answer', from === undefined ? {} : { from }).outcome
          await world.settled()
          return teams.screen(teams.group.id).answers
        },
      }
    }

    test('who misses it gets it in place of the words about it, without asking the model again', async () => {
      const { press, note, model, teams, store } = await missing(text)
      expect(await press()).toMatchObject([{ id: note.id, text, state: 'final', aiLabel: true, buttons: [] }])
      expect(model.prompts).toHaveLength(1)
      expect(await teams.rate(note.id, 'like').outcome).toEqual({ ok: true })
      const user = await store.users.find(`teams:${teams.tenantId}:${teams.ana.aadObjectId}`)
      const { items } = await store.conversations.list(user!.id, { limit: 1 })
      const { messages } = (await store.conversations.read(items[0]!.conversation.id, { messages: 2 }))!
      expect(messages.at(-1)!.rating).toMatchObject({ value: 'up' })
    })

    test('a long one is shown as a whole, whichever of its messages is missing', async () => {
      const long = Array.from({ length: 700 }, (_, index) => `Paragraph ${index} ${'word '.repeat(20)}end.`)
      const { press, teams, note } = await missing(long.join('\n\n'))
      // What did arrive stands there already.
      const before = teams.screen(teams.group.id).answers.filter(({ id }) => id !== note.id)
      const [first, ...more] = (await press()).filter(({ id }) => !before.some((one) => one.id === id))
      expect(first!.id).toBe(note.id)
      expect([first!, ...more].map((answer) => answer.text).join('\n\n')).toBe(long.join('\n\n'))
    })

    test('only who took part gets it, and only where the words about it stand', async () => {
      const { press, teams, note, settled } = await missing(text)
      const [still, told] = await press(teams.ben.id)
      expect(still!.text).toBe(note.text)
      expect(told!.text).toContain('not yours to see')
      const value = { chat: 'show', conversation: 'c', turn: 't' }
      await teams.say({ in: teams.group.id, value, replyTo: told!.id }).first
      await settled()
      expect(teams.screen(teams.group.id).answers.some((answer) => answer.text === text)).toBe(false)
    })

    test('while the store is away the press is not acknowledged, so that Teams brings it again', async () => {
      const { teams, note, store, press } = await missing(text)
      const { get } = store.cache
      store.cache.get = async () => {
        throw new StoreFault('store_unavailable')
      }
      const pressed = teams.press(note.id, 'Show the answer')
      expect(await pressed.first).toMatchObject({ status: 503 })
      store.cache.get = get
      expect(await press()).toMatchObject([{ text, buttons: [] }])
    })
  })

  test.each([...passing, ...done])('while it grows, with %j, it ends up whole and there once', async (fault) => {
    const world = await startFast({ config: { limits: { patienceMs: 0 } } })
    const { teams, model } = world
    model.script = saying(text, 4, aMoment)
    teams.fail('put', fault, { times: 2 })
    await teams.say({ in: teams.group.id, text: 'Go' }).first
    expect(await left(world, teams.group.id)).toMatchObject([{ text, state: 'final', buttons: [] }])
  })
})

describe('when the first message that grows fails', () => {
  const words = 'If an unfinished beginning of it stands above, please pass over that.'

  async function grown(fault: Fault) {
    const world = await startFast({ config: { limits: { patienceMs: 0 } } })
    const { teams, model } = world
    model.script = saying(text, 5, aMoment)
    const rule = teams.fail('post', fault, { when: message })
    await teams.say({ in: teams.group.id, text: 'Go' }).first
    const answers = await left(world, teams.group.id)
    expect(rule.hits).toBe(1)
    return answers
  }

  test.each(passing.slice(0, 4))('with %j, nothing of it is seen', async (fault) => {
    expect(await grown(fault)).toMatchObject([{ text, state: 'final', buttons: [] }])
  })

  test.each(passing.slice(4))(
    'with %j, so that it might be there, a word about it stands below the answer',
    async (fault) => {
      const [answer, ...more] = await grown(fault)
      expect(more).toEqual([])
      expect(answer!.text).toBe(`${text}\n\n*Teams had a problem while I wrote this. ${words}*`)
    },
  )

  test.each(done)('with %j, so that it stands there for good, none comes after it but the answer', async (fault) => {
    const [beginning, answer, ...more] = await grown(fault)
    expect(more).toEqual([])
    expect(text.startsWith(beginning!.text)).toBe(true)
    expect(answer!.text.startsWith(text)).toBe(true)
    expect(answer!.text).toContain(words)
  })
})

describe('a short answer', () => {
  test.each(passing.slice(0, 4))('that Teams does not take for a moment (%j) comes then', async (fault) => {
    const world = await startFast()
    const { teams } = world
    teams.fail('post', fault)
    await teams.say({ in: teams.group.id, text: 'help' }).first
    expect(await left(world, teams.group.id)).toMatchObject([{ text: expect.stringContaining('Mention me') }])
  })

  test.each(done)('that may have arrived (%j) is not said twice', async (fault) => {
    const world = await startFast()
    const { teams } = world
    teams.fail('post', fault)
    await teams.say({ in: teams.group.id, text: 'help' }).first
    expect(await left(world, teams.group.id)).toHaveLength(1)
  })
})

test('a click is answered in time, however slow a look-up is', async () => {
  const { teams, settled, logged } = await startWorld({ config: { limits: { invokeMs: 50 } } })
  await teams.say({ in: teams.group.id, text: 'Hi' }).first
  await settled()
  const slow = Promise.withResolvers<void>()
  const rule = teams.fail('member', { kind: 'slow', wait: slow.promise })
  const [answer] = teams.screen(teams.group.id).answers
  expect(await teams.rate(answer!.id, 'like', '', teams.ben.id).outcome).toEqual({ ok: true })
  expect(rule.hits).toBe(1)
  slow.resolve()
  await settled()
  expect(logged('warn')).toEqual([])
})

test('a message that is too big for Teams is cut smaller', async () => {
  const world = await startFast()
  const { teams, model } = world
  const long = Array.from({ length: 300 }, (_, index) => `Paragraph ${index} ${'word '.repeat(20)}end.`).join('\n\n')
  model.script = saying(long, 1)
  for (const chat of [teams.personal, teams.group]) {
    teams.fail('post', 'tooBig', { when: message, conversation: chat.id })
    await teams.say({ in: chat.id, text: 'Go' }).first
  }
  await world.settled()
  for (const chat of [teams.personal, teams.group]) {
    const { answers } = teams.screen(chat.id)
    expect(answers.length).toBeGreaterThan(1)
    expect(answers.map((answer) => answer.text).join('\n\n')).toBe(long)
  }
})

describe('what Teams finds fault with', () => {
  const wide = 'so many words in a cell that it would wrap in a code block'
  const table = `| A | B |\n|---|---|\n| ${wide} | ${wide} |`

  test.each(['personal', 'group'] as const)('is sent to a %s chat as mere text', async (place) => {
    const world = await startFast()
    const { teams, model } = world
    model.script = saying(`Look, @Ana Marsh:\n\n${table}`, 2, aMoment)
    const strict = { kind: 'status', status: 400, code: 'BadSyntax', message: 'Bad card' } as const
    teams.fail('post', strict, { when: (body) => body.attachments !== undefined, times: 10 })
    await teams.say({ in: teams[place].id, text: 'Go' }).first
    const answers = await left(world, teams[place].id)
    expect(answers).toHaveLength(1)
    expect(answers[0]).toMatchObject({ state: 'final', cards: [], mentions: [], raw: [] })
    expect(answers[0]!.text).toContain(wide)
  })

  test('whatever it is like, ends its turn', async () => {
    const { teams, settled } = await startWorld()
    const strict = { kind: 'status', status: 400, code: 'BadSyntax', message: 'Bad' } as const
    teams.fail('post', strict, { when: message, times: 100 })
    await teams.say({ in: teams.group.id, text: 'Go' }).first
    await settled()
    expect(teams.callsTo('post').filter(({ body }) => body?.type === 'message')).toHaveLength(2)
  })
})

test('a connector that is slow for half a minute is not asked twice', async () => {
  const world = await startFast()
  const { teams, model } = world
  model.script = saying(text, 3, aMoment)
  teams.fail('post', { kind: 'slow', wait: 30_000 }, { times: 3 })
  await teams.say({ in: teams.group.id, text: 'Go' }).first
  await teams.say({ in: teams.personal.id, text: 'Go' }).first
  await world.settled()
  expect(teams.screen(teams.group.id).answers).toMatchObject([{ text, state: 'final' }])
  expect(await left(world, teams.personal.id)).toMatchObject([{ text, state: 'final' }])
})

describe('a conversation that is closed to us', () => {
  test.each(['botRemoved', 'blockedByUser', 'disabledByAdmin', 'conversationNotFound'] as const)(
    '(%s) ends its turn at once, and others go on',
    async (error) => {
      const world = await startWorld()
      const { teams, settled, logged } = world
      teams.fail('*', error, {
        conversation: teams.group.id,
        times: 1_000,
        when: (_, { operation }) => operation !== 'member',
      })
      await teams.say({ in: teams.group.id, text: 'Go' }).first
      await teams.say({ in: teams.personal.id, text: 'Go' }).first
      await settled()
      expect(teams.screen(teams.group.id).answers).toEqual([])
      expect(teams.screen(teams.personal.id).answers).toMatchObject([{ text: 'You said: Go' }])
      expect(logged('error')).toEqual([])
    },
  )

  test('in the middle of an answer ends its turn, too', async () => {
    const world = await startWorld()
    const { teams, model, settled } = world
    model.script = saying(text, 3, async (piece) => {
      if (piece === 1) teams.uninstall(teams.personal.id)
    })
    await teams.say({ in: teams.personal.id, text: 'Go' }).first
    await settled()
    expect(world.app.instance.log.lines.some(({ text: line }) => line.includes('can be read on the web page'))).toBe(
      true,
    )
  })
})

test('a message that somebody deleted while it grew is written anew', async () => {
  const world = await startFast({ config: { limits: { patienceMs: 0 } } })
  const { teams, model } = world
  model.script = saying(text, 3, async (piece) => {
    await aMoment()
    const [growing] = teams.screen(teams.group.id).answers
    if (piece === 2 && growing) teams.state.find(teams.state.chat(teams.group.id), growing.id)!.deleted = true
  })
  await teams.say({ in: teams.group.id, text: 'Go' }).first
  expect(await left(world, teams.group.id)).toMatchObject([{ text, state: 'final' }])
})

describe('who cannot be looked up', () => {
  test.each([{ kind: 'status', status: 502 } as const, { kind: 'status', status: 429, retryAfter: 1 } as const])(
    'for a moment (%j) is answered all the same',
    async (fault) => {
      const world = await startFast()
      const { teams, settled } = world
      teams.fail('member', fault, { times: 2 })
      await teams.say({ in: teams.personal.id, text: 'Hi' }).first
      await settled()
      expect(teams.screen(teams.personal.id).answers).toMatchObject([{ text: 'You said: Hi' }])
    },
  )
})

describe('killed', () => {
  const places = ['personal', 'group'] as const
  const kinds = { personal: steps, group: { 'the message': message } } as const
  const cases = places.flatMap((place) =>
    Object.entries(kinds[place]).flatMap(([step, when]) =>
      [never, unheard].map((fault) => [place, fault === never ? 'before' : 'after', step, when, fault] as const),
    ),
  )
  test.each(cases)('in a %s chat, %s Teams has done %s: one whole answer', async (place, moment, _, when, fault) => {
    const world = await startFast({ leaseMs: 300 })
    const { teams, model } = world
    const conversation = teams[place].id
    model.script = saying(text, 3, aMoment)
    const rule = teams.fail('post', fault, { when })
    await teams.say({ in: conversation, text: 'Go' }).first
    await until(() => rule.hits === 1)
    world.app.kill()
    teams.connect((await world.another()).url)
    const answers = await left(world, conversation)
    const whole = answers.filter((answer) => answer.text === text)
    const others = answers.filter((answer) => answer.text !== text)
    if (place === 'group') {
      // A bot cannot look whether its message is there: it is not posted again, and who misses it can have it.
      expect(whole).toHaveLength(moment === 'after' ? 1 : 0)
      expect(others).toMatchObject([{ text: expect.stringContaining('I can show it here') }])
      if (moment === 'after') return
      await teams.press(others[0]!.id, 'Show the answer').outcome
      await world.settled()
      expect(teams.screen(conversation).answers).toMatchObject([{ text, state: 'final', buttons: [] }])
      expect(model.prompts).toHaveLength(1)
      return
    }
    expect(whole).toHaveLength(1)
    expect(others).toEqual([])
  })

  test('before it could say that nobody can tell whether an answer arrived: its successor says so, once', async () => {
    const world = await startFast({ leaseMs: 300 })
    const { teams, model } = world
    model.script = saying(text, 1)
    teams.fail('post', { kind: 'status', status: 504, done: true }, { when: message })
    const note = teams.fail('post', never, { when: message })
    await teams.say({ in: teams.group.id, text: 'Go' }).first
    await until(() => note.hits === 1)
    world.app.kill()
    await world.another()
    const [answer, told, ...more] = await left(world, teams.group.id)
    expect(answer).toMatchObject({ text })
    expect(told!.text).toContain('I cannot tell whether it arrived')
    expect(more).toEqual([])
  })

  test.each([never, unheard])('while a message grows: one whole answer', async (fault) => {
    const world = await startFast({ leaseMs: 300, config: { limits: { patienceMs: 0 } } })
    const { teams, model } = world
    model.script = saying(text, 4, aMoment)
    const rule = teams.fail('put', fault)
    await teams.say({ in: teams.group.id, text: 'Go' }).first
    await until(() => rule.hits === 1)
    world.app.kill()
    await world.another()
    expect(await left(world, teams.group.id)).toMatchObject([{ text, state: 'final', buttons: [] }])
  })

  test('while the model works: one whole answer, no bubble beside it', async () => {
    const world = await startFast({ leaseMs: 300 })
    const { teams, model } = world
    let first = true
    model.script = async function* (prompt, signal) {
      if (!first) return yield* saying(text, 3, aMoment)(prompt, signal)
      first = false
      yield { type: 'text', text: 'Something quite different' }
      await new Promise(() => {})
    }
    await teams.say({ in: teams.personal.id, text: 'Go' }).first
    await until(() => teams.screen(teams.personal.id).answers[0]?.text.startsWith('Something'))
    world.app.kill()
    await world.another()
    const answers = await left(world, teams.personal.id)
    expect(answers).toMatchObject([{ text, state: 'final' }])
    expect(teams.screen(teams.personal.id).answers).toHaveLength(1)
  })

  test('while the first message that grows is on its way: the whole answer, and a word about the beginning', async () => {
    const world = await startFast({ leaseMs: 300, config: { limits: { patienceMs: 0 } } })
    const { teams, model } = world
    model.script = saying(text, 4, aMoment)
    const rule = teams.fail('post', unheard, { when: message })
    await teams.say({ in: teams.group.id, text: 'Go' }).first
    await until(() => rule.hits === 1)
    world.app.kill()
    await world.another()
    const [beginning, answer, ...more] = await left(world, teams.group.id)
    expect(more).toEqual([])
    expect(text.startsWith(beginning!.text)).toBe(true)
    expect(answer!.text.startsWith(text)).toBe(true)
    expect(answer!.text).toContain('unfinished beginning')
  })

  test('between two messages of a long answer: all of it once, in order', async () => {
    const world = await startFast({ leaseMs: 300 })
    const { teams, model } = world
    const long = Array.from({ length: 700 }, (_, index) => `Paragraph ${index} ${'word '.repeat(20)}end.`).join('\n\n')
    model.script = saying(long, 1)
    const rule = teams.fail('post', unheard, { when: (body) => message(body) && !streamOf(body), skip: 1 })
    await teams.say({ in: teams.personal.id, text: 'Go' }).first
    await until(() => rule.hits === 1)
    world.app.kill()
    await world.another()
    const answers = await left(world, teams.personal.id)
    expect(
      answers
        .slice(0, 3)
        .map((answer) => answer.text)
        .join('\n\n'),
    ).toBe(long)
    expect(answers.slice(3)).toMatchObject([{ text: expect.stringContaining('I can show it here') }])
  })
})
