import { afterEach, describe, expect, it } from 'vitest'
import type { Store } from '../../src/store.ts'
import type { Accepted, Place, PlatformChat } from '../../src/types.ts'
import { echo, hanging, type Instance, message, Screen, ScriptedModel, startInstance, until } from '../support/world.ts'

type Opened = { store: Store; again(): Promise<Store>; close(): Promise<void> }

/** What chat platforms need beyond the web page, over any store engine; `open` as for `turnsContract`. */
export function platformContract(name: string, open: () => Promise<Opened>): void {
  describe(`places, people and changed messages over ${name}`, () => {
    const closing: (() => Promise<void>)[] = []
    afterEach(async () => {
      for (const close of closing.splice(0).reverse()) await close()
    })

    /** Leases are long, so that a busy machine loses none, but where an instance is killed. */
    const world: MakeWorld = async ({ leaseMs = 10_000 } = {}) => {
      const opened = await open()
      closing.push(opened.close)
      const screen = new Screen()
      const model = new ScriptedModel()
      async function instance(store: Store): Promise<Instance> {
        const made = await startInstance({ store, adapters: [screen], model, leaseMs })
        closing.push(made.end)
        return made
      }
      const one = await instance(opened.store)
      return { store: opened.store, screen, model, one, another: async () => instance(await opened.again()) }
    }

    peopleContract(world)
    placesContract(world)
    editedContract(world)
    deletedContract(world)
  })
}

interface World {
  store: Store
  screen: Screen
  model: ScriptedModel
  one: Instance
  another(): Promise<Instance>
}

type MakeWorld = (options?: { leaseMs?: number }) => Promise<World>

const dm: Place = { surface: 'slack', workspace: 'T1', channel: 'D1', direct: true }

function stored(accepted: Accepted): { conversation: string; turn: string } {
  if (!('turn' in accepted)) throw new Error(`Not stored: ${accepted.status}`)
  return accepted
}

/** Ask, and wait until the answer is stored and shown. */
async function ask({ one, screen }: World, ...sent: Parameters<typeof message>) {
  const incoming = message(...sent)
  const { conversation, turn } = stored(await one.chat.accept(incoming))
  await one.chat.settled(conversation, turn, 5_000)
  await until(() => screen.final().some((shown) => shown.turn === incoming.ids[0] && shown.state !== 'text'))
  return { id: incoming.ids[0] ?? '', conversation, turn }
}

const shownOf = ({ screen }: World, id: string) => screen.final().filter((shown) => shown.turn === id)
const textsOf = async ({ store }: World, conversation: string) =>
  (await store.conversations.read(conversation, { messages: 100 }))?.messages.map((one) => one.text)
const lastPrompt = ({ model }: World) => model.prompts.at(-1)?.messages.map((one) => one.text)

function peopleContract(world: MakeWorld): void {
  it('tells who a sender is: the one who is answered, met once', async () => {
    const { one, screen, store } = await world()
    const sender = { surface: 'slack', workspace: 'T1', id: 'U1' } as const
    const user = await one.chat.who(sender)
    expect(user).toMatchObject({ name: 'Name of U1', identities: ['slack:T1:U1'] })
    const { conversation } = stored(await one.chat.accept(message('hello')))
    await until(() => screen.final()[0]?.state === 'done')
    const found = await store.conversations.read(conversation, { messages: 1 })
    expect(found?.conversation.participants).toEqual([user.id])
    expect(await one.chat.who(sender)).toMatchObject({ id: user.id })
  })

  it('tells in plain words who may not', async () => {
    const { one, screen } = await world()
    screen.profiles.set('U9', { name: 'Guest', guest: true })
    const guest = one.chat.who({ surface: 'slack', workspace: 'T1', id: 'U9' })
    await expect(guest).rejects.toMatchObject({ code: 'refused_guest', notice: { text: expect.stringMatching(/\w/) } })
  })
}

function placesContract(world: MakeWorld): void {
  it('begins a fresh conversation in a place on demand', async () => {
    const all = await world()
    expect(await all.one.chat.current(dm)).toBeNull()
    const first = await ask(all, 'first')
    expect(await all.one.chat.current(dm)).toBe(first.conversation)
    await all.one.chat.begin(dm)
    expect(await all.one.chat.current(dm)).toBeNull()
    const second = await ask(all, 'second')
    expect(second.conversation).not.toBe(first.conversation)
    expect(lastPrompt(all)).toEqual(['second'])
    expect(await all.one.chat.current(dm)).toBe(second.conversation)
  })

  it('answers follow-ups in a conversation only, and not in a muted place', async () => {
    const all = await world()
    const { chat } = all.one
    const followUp = (text: string) => message(text, { followUp: true })
    const early = followUp('early')
    expect(await chat.accept(early)).toEqual({ status: 'ignored' })
    const { conversation } = await ask(all, 'to you')
    expect(await ask(all, 'and more', { followUp: true })).toMatchObject({ conversation })
    expect(lastPrompt(all)).toEqual(['to you', 'You said: to you', 'and more'])
    await chat.mute(dm)
    expect(await chat.accept(followUp('among us'))).toEqual({ status: 'ignored' })
    await ask(all, 'to you again')
    await ask(all, 'and once more', { followUp: true })
    expect(all.model.prompts).toHaveLength(4)
    expect(shownOf(all, early.ids[0] ?? '')).toEqual([])
  })

  it('stops what runs and waits in the conversation of a place, from any instance', async () => {
    const all = await world()
    const two = await all.another()
    expect(await two.chat.stopHere(dm)).toBe(false)
    all.model.script = hanging('…')
    const sent = [message('one'), message('two')]
    for (const incoming of sent) await all.one.chat.accept(incoming)
    const other = message('elsewhere', { in: 'D2' })
    await all.one.chat.accept(other)
    await until(() => all.model.prompts.length === 2)
    expect(await two.chat.stopHere(dm)).toBe(true)
    await until(() => sent.every(({ ids }) => shownOf(all, ids[0] ?? '')[0]?.state === 'stopped'))
    await until(async () => (await all.store.inbox.depth()) === 1)
    expect(await two.chat.stopHere(dm)).toBe(false)
    expect(shownOf(all, other.ids[0] ?? '')[0]?.state).toBe('text')
    expect(all.model.prompts).toHaveLength(2)
  })
}

/** A first message that is being answered until it is stopped, and those behind it. */
async function busy(all: World, ...texts: string[]) {
  all.model.script = (prompt, signal) =>
    prompt.messages.at(-1)?.text.endsWith('first') ? hanging('…')(prompt, signal) : echo(prompt)
  const first = stored(await all.one.chat.accept(message('first')))
  await until(() => all.model.prompts.length === 1)
  const behind = texts.map((text) => message(text))
  for (const incoming of behind) await all.one.chat.accept(incoming)
  return { ...first, behind, free: () => all.one.chat.stopHere(dm) }
}

const amend = (chat: PlatformChat, id: string | undefined, text: string | null) => chat.amend(dm, id ?? '', text)

function editedContract(world: MakeWorld): void {
  it('knows nothing of a message that never came', async () => {
    const { one } = await world()
    expect(await amend(one.chat, 'never', 'x')).toEqual({ when: 'unknown' })
    expect(await amend(one.chat, 'never', null)).toEqual({ when: 'unknown' })
  })

  it('answers the new text of a message that was edited while it waited', async () => {
    const all = await world()
    const { conversation, turn, behind } = await busy(all, 'old words')
    const id = behind[0]?.ids[0] ?? ''
    expect(await amend(all.one.chat, id, 'new words')).toMatchObject({ when: 'waiting', conversation })
    await all.one.turns.stop(conversation, turn)
    await until(() => shownOf(all, id)[0]?.state === 'done')
    expect(shownOf(all, id)[0]?.text).toBe('You said: new words')
    expect(await textsOf(all, conversation)).toEqual(['first', '…', 'new words', 'You said: new words'])
    expect(JSON.stringify(all.model.prompts)).not.toContain('old words')
  })

  it('stores the new text of a message that was edited while it was answered, and makes no title of the old one', async () => {
    const all = await world()
    const two = await all.another()
    const written = Promise.withResolvers<void>()
    all.model.script = async function* (prompt) {
      await written.promise
      yield* echo(prompt)
    }
    const incoming = message('old words')
    const { conversation, turn } = stored(await all.one.chat.accept(incoming))
    await until(() => all.model.prompts.length === 1)
    const when = { when: 'running', conversation, turn }
    expect(await amend(two.chat, incoming.ids[0], 'new words')).toEqual(when)
    written.resolve()
    await until(() => all.screen.final()[0]?.state === 'done')
    expect(await textsOf(all, conversation)).toEqual(['new words', 'You said: old words'])
    await ask(all, 'next')
    expect(lastPrompt(all)).toEqual(['new words', 'You said: old words', 'next'])
    const found = await all.store.conversations.read(conversation, { messages: 0 })
    expect(found?.conversation.title).not.toContain('old words')
  })

  it('has the successor of a crashed instance answer the new text, in the same message', async () => {
    const all = await world({ leaseMs: 300 })
    all.model.script = hanging('Half')
    const incoming = message('old words')
    const { conversation } = stored(await all.one.chat.accept(incoming))
    await until(() => all.screen.final()[0]?.text === 'Half')
    expect(await amend(all.one.chat, incoming.ids[0], 'new words')).toMatchObject({ when: 'running' })
    all.one.kill()
    all.model.script = echo
    await all.another()
    await until(() => all.screen.final()[0]?.state === 'done')
    expect(all.screen.final()).toEqual([expect.objectContaining({ text: 'You said: new words' })])
    expect(await textsOf(all, conversation)).toEqual(['new words', 'You said: new words'])
  })

  it('changes the stored question of a message that was edited after its answer, also when its place moved on', async () => {
    const all = await world()
    const first = await ask(all, 'old words')
    await all.one.chat.begin(dm)
    await ask(all, 'something else')
    const { conversation, turn } = first
    expect(await amend(all.one.chat, first.id, 'new words')).toEqual({ when: 'answered', conversation, turn })
    expect(await textsOf(all, conversation)).toEqual(['new words', 'You said: old words'])
    await all.store.places.point(dm, conversation)
    await ask(all, 'next')
    expect(lastPrompt(all)).toEqual(['new words', 'You said: old words', 'next'])
  })

  it('prepares the new text as it would have the old one, and keeps what was quoted', async () => {
    const all = await world()
    const calls: [string, boolean][] = []
    all.screen.prepare = async ({ text }, first) => {
      calls.push([text, first])
      const named = text.replace('<@U2>', '@Bob')
      return first ? { text: named, quotes: [{ author: 'Bob', text: 'Tea?' }] } : { text: named }
    }
    const { behind, conversation, turn } = await busy(all, 'hello')
    const id = behind[0]?.ids[0] ?? ''
    await amend(all.one.chat, id, 'hello <@U2>')
    await all.one.turns.stop(conversation, turn)
    await until(() => shownOf(all, id)[0]?.state === 'done')
    expect(calls).toEqual([
      ['first', true],
      ['hello <@U2>', false],
    ])
    const quoted = 'Earlier messages, quoted for context:\n> Bob: Tea?\n\nfirst'
    expect(lastPrompt(all)).toEqual([quoted, expect.stringContaining('…'), 'hello @Bob'])
    expect(await textsOf(all, conversation)).toEqual(['first', '…', 'hello @Bob', 'You said: hello @Bob'])
  })
}

function deletedContract(world: MakeWorld): void {
  it('never answers a message that was deleted while it waited', async () => {
    const all = await world()
    const { conversation, turn, behind } = await busy(all, 'taken back', 'kept')
    const [gone = '', kept = ''] = behind.map(({ ids }) => ids[0] ?? '')
    expect(await amend(all.one.chat, gone, null)).toMatchObject({ when: 'waiting', conversation })
    await all.one.turns.stop(conversation, turn)
    await until(() => shownOf(all, kept)[0]?.state === 'done')
    expect(shownOf(all, gone)).toEqual([])
    expect(await textsOf(all, conversation)).toEqual(['first', '…', 'kept', 'You said: kept'])
    expect((await all.one.chat.accept(behind[0]!)).status).toBe('duplicate')
    await until(async () => (await all.store.inbox.depth()) === 0)
    expect(all.model.prompts).toHaveLength(2)
  })

  it('stops the answer to a message that is deleted, on whichever instance, and keeps both out of every prompt', async () => {
    const all = await world()
    const two = await all.another()
    all.model.script = hanging('About your secret: ')
    const incoming = message('my secret')
    const { conversation, turn } = stored(await all.one.chat.accept(incoming))
    await until(() => all.screen.final()[0]?.state === 'text')
    expect(await amend(two.chat, incoming.ids[0], null)).toEqual({ when: 'running', conversation, turn })
    await until(() => all.screen.final()[0]?.state === 'stopped')
    expect(await textsOf(all, conversation)).toEqual(['', 'About your secret: '])
    all.model.script = echo
    await ask(all, 'something else')
    expect(lastPrompt(all)).toEqual(['something else'])
    const found = await all.store.conversations.read(conversation, { messages: 0 })
    expect(found?.conversation.title).not.toContain('secret')
  })

  it('brings the answer to a deleted message to an end when its instance crashed, without asking the model', async () => {
    const all = await world({ leaseMs: 300 })
    all.model.script = hanging('Half')
    const prepared: string[] = []
    all.screen.prepare = async ({ text }) => {
      prepared.push(text)
      return { text }
    }
    const incoming = message('my secret')
    const { conversation } = stored(await all.one.chat.accept(incoming))
    await until(() => all.screen.final()[0]?.text === 'Half')
    all.one.kill()
    const survivor = await startedBeside(all)
    expect(await amend(survivor.chat, incoming.ids[0], null)).toMatchObject({ conversation })
    await until(() => all.screen.final()[0]?.state === 'stopped')
    expect(all.screen.final()).toHaveLength(1)
    expect((await textsOf(all, conversation))?.[0]).toBe('')
    expect(prepared.filter((text) => text === '')).toEqual([])
  })

  /** Its model has nothing to say, so that a turn which it took over before the deletion runs until then. */
  async function startedBeside(all: World): Promise<Instance> {
    all.model.script = hanging()
    return all.another()
  }

  it('empties the stored question of a message that was deleted after its answer', async () => {
    const all = await world()
    await ask(all, 'one')
    const second = await ask(all, 'my secret')
    await ask(all, 'three')
    expect(await amend(all.one.chat, second.id, null)).toMatchObject({ when: 'answered', turn: second.turn })
    await ask(all, 'four')
    expect(lastPrompt(all)).toEqual(['one', 'You said: one', 'three', 'You said: three', 'four'])
    expect((await textsOf(all, second.conversation))?.slice(2, 4)).toEqual(['', 'You said: my secret'])
  })

  it('empties a question that was asked again meanwhile, and stops its new answer', async () => {
    const all = await world()
    const first = await ask(all, 'my secret')
    all.model.script = hanging('Again: ')
    const again = message('', { replaces: first.turn })
    await all.one.chat.accept(again)
    await until(() => shownOf(all, again.ids[0] ?? '')[0]?.state === 'text')
    expect(await amend(all.one.chat, first.id, null)).toMatchObject({ when: 'running' })
    await until(() => shownOf(all, again.ids[0] ?? '')[0]?.state === 'stopped')
    expect(await textsOf(all, first.conversation)).toEqual(['', 'Again: '])
  })
}
