import { describe, expect, it } from 'vitest'
import { createAfterwards } from '../src/afterwards.ts'
import { Fault } from '../src/errors.ts'
import type { Conversation, Message, ModelEvent, Prompt } from '../src/types.ts'
import { quietLog } from './support/log.ts'
import { sqliteOpener } from './support/sqlite.ts'
import {
  echo,
  failing,
  freeLimits,
  hanging,
  message,
  Screen,
  type Script,
  ScriptedModel,
  startInstance,
  until,
} from './support/world.ts'

const openStore = sqliteOpener()
const usage = { input: 1, output: 1, cacheRead: 0, cacheWrite: 0 }

/** A model that answers as usual and does its cheap jobs as told. */
class Cheap extends ScriptedModel {
  jobs: Prompt[] = []
  job: Script = async function* () {
    yield { type: 'text', text: '"A fine title."' }
    yield { type: 'end', stop: 'end', model: 'cheap', usage }
  }
  override stream(prompt: Prompt, signal: AbortSignal): AsyncIterable<ModelEvent> {
    if (prompt.purpose === 'answer') return super.stream(prompt, signal)
    this.jobs.push(prompt)
    return this.job(prompt, signal)
  }
}

async function world(model = new Cheap(), screen = new Screen()) {
  const store = await openStore()
  const one = await startInstance({ store, adapters: [screen], model })
  async function ask(text: string, more = {}) {
    const accepted = await one.chat.accept(message(text, more))
    if (!('turn' in accepted)) throw new Error(accepted.status)
    await one.chat.settled(accepted.conversation, accepted.turn, 5_000)
    return accepted.conversation
  }
  const read = async (id: string): Promise<Conversation> =>
    (await store.conversations.read(id, { messages: 1 }))!.conversation
  return { store, one, ask, read, model }
}

describe('in the wake of a turn', () => {
  it('a conversation gets its first words as a title at once, and then the model’s', async () => {
    const { ask, read, model } = await world()
    let say = () => {}
    model.job = async function* () {
      await new Promise<void>((resolve) => {
        say = resolve
      })
      yield { type: 'text', text: 'Title: “Rivers of Europe”.\nIt is about rivers.' }
      yield { type: 'end', stop: 'end', model: 'cheap', usage }
    }
    const id = await ask('Which rivers are the longest in Europe?')
    expect(await read(id)).toMatchObject({ title: 'Which rivers are the longest in Europe?', titledBy: 'text' })
    say()
    await until(async () => (await read(id)).titledBy === 'model')
    expect((await read(id)).title).toBe('Rivers of Europe')
  })

  it('the title is asked for once, and a person’s own title stays', async () => {
    const { ask, read, model, store } = await world()
    const id = await ask('hello')
    await until(async () => (await read(id)).titledBy === 'model')
    await ask('more')
    expect(model.jobs).toHaveLength(1)
    expect(model.jobs[0]?.turn).toBe(model.prompts[0]?.turn)
    const other = await ask('hello', { in: 'D2' })
    await store.conversations.update(other, { title: { text: 'Mine', by: 'user' } })
    await ask('more', { in: 'D2' })
    expect((await read(other)).title).toBe('Mine')
  })

  it('a failing cheap model leaves the first words, and nobody notices', async () => {
    const { ask, read, model, one } = await world()
    model.job = failing(new Fault('model_busy'))
    const id = await ask('What is a title?')
    await until(() => one.log.lines.some(({ text }) => text.includes('no title')))
    expect(await read(id)).toMatchObject({ title: 'What is a title?', titledBy: 'text' })
  })

  it('what fell out of the window is told in short, and the next prompt has it', async () => {
    const model = new Cheap()
    model.limits = { context: 600, output: 100 }
    model.job = async function* (prompt) {
      yield { type: 'text', text: prompt.purpose === 'summary' ? 'They spoke of many words.' : 'Words' }
      yield { type: 'end', stop: 'end', model: 'cheap', usage }
    }
    const { ask, read } = await world(model)
    let id = ''
    for (let i = 0; i < 14; i++) id = await ask(`${i} ${'words '.repeat(20)}`)
    await until(async () => (await read(id)).summary !== undefined)
    expect((await read(id)).summary?.text).toBe('They spoke of many words.')
    await ask('and now?')
    expect(model.prompts.at(-1)?.messages[0]?.text).toContain('They spoke of many words.')
    expect(model.prompts.at(-1)?.messages.length).toBeLessThan(14)
  })

  it('without a summary the window is only trimmed', async () => {
    const model = new Cheap()
    model.limits = { context: 600, output: 100 }
    model.job = failing(new Fault('model_unavailable'))
    const { ask, read } = await world(model)
    let id = ''
    for (let i = 0; i < 14; i++) id = await ask(`${i} ${'words '.repeat(20)}`)
    expect((await read(id)).summary).toBeUndefined()
    expect(model.prompts.at(-1)?.messages.length).toBeLessThan(14)
    expect(model.prompts.at(-1)?.messages.at(-1)?.text).toContain('13 words')
  })

  it('ends at once when the service stops', async () => {
    const log = quietLog()
    const model = new Cheap()
    model.job = hanging()
    const update = async (): Promise<boolean> => {
      throw new Error('nothing is to be stored')
    }
    const conversations = { update } as never
    const afterwards = createAfterwards({ model, conversations, limits: freeLimits, log })
    const answer = { text: 'Hi', stop: 'end' as const, model: 'm' }
    afterwards.committed({
      turn: 't',
      conversation: 'c',
      asker: { user: 'u', surface: 'slack', workspace: 'T1' },
      before: undefined,
      question: 'q',
      answer,
      dropped: 0,
    })
    await until(() => model.jobs.length === 1)
    await afterwards.close()
    expect(log.lines.map(({ level }) => level)).toEqual(['info'])
  })
})

describe('a prompt', () => {
  it('has the person’s name, the surface and the day after the part that is the same for all', async () => {
    const { ask, model } = await world()
    await ask('hello')
    const [prompt] = model.prompts
    expect(prompt?.system).toBe('Be kind.')
    expect(prompt?.context).toMatch(/^You are talking with Name of U1 on Slack\. Today is \w+, \w+ \d+, \d{4}\.$/)
    for (const value of Object.values(prompt?.metadata ?? {})) expect(value).toMatch(/^[\w-]{32}$/)
    expect(JSON.stringify(prompt?.metadata)).not.toContain('slack:T1:U1')
  })

  it('has no e-mail address and no id of anybody, whatever their platform takes for a name', async () => {
    const screen = new Screen()
    const person = (name: string, email: string) => ({ name, email, emailVerified: true })
    screen.profiles.set('U0000ADA1', person('ada@example.com', 'ada@example.com'))
    screen.profiles.set('U0000BOB2', person('U0000BOB2', 'bob@example.com'))
    screen.profiles.set('U0000EVE3', person('Eve', 'eve@example.com'))
    const { ask, model } = await world(new Cheap(), screen)
    for (const from of ['U0000ADA1', 'U0000BOB2']) {
      await ask('in private', { in: `D-${from}`, from })
      await ask('for all', { in: 'C1', from })
    }
    await ask('so be it', { in: 'C1', from: 'U0000EVE3' })
    const sent = JSON.stringify([model.prompts, model.jobs])
    expect(sent).not.toMatch(/@example\.com|U0000|slack:/)
    expect(model.prompts[0]?.context).toMatch(/^You are talking with Someone on Slack\./)
    expect(sent).toContain('Eve: so be it')
  })

  it('names authors where several write, and nobody where one does', async () => {
    const { ask, model } = await world()
    await ask('in private', { in: 'D1' })
    expect(model.prompts.at(-1)?.messages[0]?.text).toBe('in private')
    await ask('in public', { in: 'C1', from: 'U1' })
    await ask('me too', { in: 'C1', from: 'U2' })
    expect(model.prompts.at(-1)?.messages.map(({ text }) => text)).toEqual([
      'Name of U1: in public',
      expect.any(String),
      'Name of U2: me too',
    ])
  })

  it('asks the same question again, with what it referred to, when a turn is repeated', async () => {
    const { one, store, model } = await world()
    const first = await one.chat.accept(message('once more'))
    if (!('turn' in first)) throw new Error(first.status)
    await one.chat.settled(first.conversation, first.turn, 5_000)
    model.script = echo
    const again = await one.chat.accept(message('', { replaces: first.turn }))
    if (!('turn' in again)) throw new Error(again.status)
    await one.chat.settled(again.conversation, again.turn, 5_000)
    const messages = (await store.conversations.read(first.conversation, { messages: 10 }))?.messages as Message[]
    expect(messages.map(({ turn, text }) => [turn, text])).toEqual([
      [again.turn, 'once more'],
      [again.turn, 'You said: once more'],
    ])
  })
})
