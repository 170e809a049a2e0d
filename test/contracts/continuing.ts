import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { audienceOf } from '../../src/ids.ts'
import type { Store } from '../../src/store.ts'
import type { Place, User } from '../../src/types.ts'
import { type Instance, message, Screen, ScriptedModel, startInstance, until } from '../support/world.ts'

const dm: Place = { surface: 'slack', workspace: 'T1', channel: 'D1', direct: true }
const otherDm: Place = { surface: 'slack', workspace: 'T1', channel: 'D2', direct: true }
const channel: Place = { surface: 'slack', workspace: 'T1', channel: 'C1', thread: '1.1', direct: false }
const thread: Place = { ...channel, thread: '2.2' }
const elsewhere: Place = { ...channel, channel: 'C2' }

/** One conversation anywhere, and private stays private; over any store engine. */
export function continuingContract(name: string, open: () => Promise<{ store: Store; close(): Promise<void> }>): void {
  describe(`going on with a conversation elsewhere, over ${name}`, () => {
    const closing: (() => Promise<void>)[] = []
    let store: Store
    let one: Instance
    let model: ScriptedModel
    let screen: Screen
    let ann: User
    let bob: User

    beforeEach(async () => {
      const opened = await open()
      model = new ScriptedModel()
      screen = new Screen()
      store = opened.store
      closing.push(opened.close)
      await start()
      ann = await one.chat.who({ surface: 'slack', workspace: 'T1', id: 'U1' })
      bob = await one.chat.who({ surface: 'slack', workspace: 'T1', id: 'U2' })
    })
    afterEach(async () => {
      for (const close of closing.splice(0).reverse()) await close()
    })

    async function start(): Promise<void> {
      one = await startInstance({ store, adapters: [screen], model, leaseMs: 10_000 })
      closing.push(one.end)
    }
    async function ask(text: string, place: Place, from = 'U1'): Promise<string> {
      const accepted = await one.chat.accept(message(text, { place, from }))
      if (!('turn' in accepted)) throw new Error(accepted.status)
      expect(await one.chat.settled(accepted.conversation, accepted.turn, 5_000)).toBe(true)
      await until(async () => (await store.inbox.pending(accepted.conversation)).length === 0)
      return accepted.conversation
    }
    const lastPrompt = () => model.prompts.at(-1)?.messages.map(({ text }) => text)
    const participantsOf = async (id: string) =>
      (await store.conversations.read(id, { messages: 0 }))?.conversation.participants

    it('is the very same conversation from one private place to another', async () => {
      const id = await ask('remember seven', dm)
      expect(await one.chat.continue(ann.id, id, otherDm)).toEqual({ status: 'continued', conversation: id })
      expect(await ask('what was it?', otherDm)).toBe(id)
      expect(lastPrompt()).toEqual(['remember seven', 'You said: remember seven', 'what was it?'])
      // Both places go on with it, one answer after the other.
      const both = await Promise.all([ask('from here', dm), ask('from there', otherDm)])
      expect(both).toEqual([id, id])
      const { messages } = await one.chat.conversations.open(ann.id, id, { limit: 50 })
      expect(messages.map(({ role }) => role)).toEqual(Array.from({ length: 4 }, () => ['user', 'assistant']).flat())
    })

    it('is refused for a conversation of somebody else', async () => {
      const id = await ask('private', dm)
      await expect(one.chat.continue(bob.id, id, otherDm)).rejects.toMatchObject({ code: 'not_found' })
      await expect(one.chat.continue(bob.id, id, channel, true)).rejects.toMatchObject({ code: 'not_found' })
      await expect(one.chat.conversations.copy(bob.id, id)).rejects.toMatchObject({ code: 'not_found' })
      expect(await one.chat.current(otherDm)).toBeNull()
    })

    it('asks before others would see what was private, and shows them a copy then', async () => {
      const id = await ask('my secret', dm)
      expect(await one.chat.continue(ann.id, id, channel)).toMatchObject({ status: 'confirm', messages: 2 })
      expect(await one.chat.current(channel)).toBeNull()
      const result = await one.chat.continue(ann.id, id, channel, true)
      if (result.status !== 'copied') throw new Error(result.status)
      expect(await ask('and now?', channel, 'U2')).toBe(result.conversation)
      expect(lastPrompt()?.join('\n')).toContain('my secret')
      expect(await participantsOf(result.conversation)).toEqual([ann.id, bob.id])
      // What goes on in private stays there.
      expect(await ask('only for me', dm)).toBe(id)
      expect(await participantsOf(id)).toEqual([ann.id])
      await expect(one.chat.conversations.open(bob.id, id, { limit: 1 })).rejects.toMatchObject({ code: 'not_found' })
    })

    it('is a copy of one’s own where others take part', async () => {
      const id = await ask('for all', channel)
      await ask('me too', channel, 'U2')
      const result = await one.chat.continue(ann.id, id, dm)
      if (result.status !== 'copied') throw new Error(result.status)
      await ask('between us', dm)
      // Whose words are whose stays clear.
      expect(lastPrompt()?.join('\n')).toContain('Name of U2: me too')
      expect(await participantsOf(result.conversation)).toEqual([ann.id])
      const { messages } = await one.chat.conversations.open(bob.id, id, { limit: 50 })
      expect(JSON.stringify(messages)).not.toContain('between us')

      const copy = await one.chat.conversations.copy(bob.id, id)
      const found = await one.chat.conversations.open(bob.id, copy, { limit: 50 })
      expect(found.conversation).toMatchObject({ direct: true, surface: 'web', participants: [bob.id] })
      expect(found.messages.map(({ text }) => text)).toEqual([
        'for all',
        expect.stringContaining('for all'),
        'me too',
        expect.stringContaining('me too'),
      ])
    })

    it('goes on among the same readers as the same, and among others as a copy', async () => {
      const id = await ask('in the channel', channel)
      expect(await one.chat.continue(ann.id, id, thread)).toMatchObject({ status: 'continued', conversation: id })
      expect(await one.chat.continue(ann.id, id, elsewhere)).toMatchObject({ status: 'confirm' })
      expect(await one.chat.continue(ann.id, id, elsewhere, true)).toMatchObject({ status: 'copied' })
    })

    it('under a legal hold takes nothing away from what there is', async () => {
      const own = await ask('evidence', dm)
      const shared = await ask('more of it', channel)
      await store.users.update(ann.id, { hold: true })
      for (const id of [own, shared]) {
        await expect(one.chat.conversations.remove(ann.id, id)).rejects.toMatchObject({ code: 'on_hold' })
        expect(await participantsOf(id)).toEqual([ann.id])
      }
    })

    it('shows nobody what others said of an answer', async () => {
      const id = await ask('for all', channel)
      await ask('me too', channel, 'U2')
      const { messages } = await one.chat.conversations.open(ann.id, id, { limit: 9 })
      await one.chat.conversations.rate(ann.id, id, messages[0]!.turn, { value: 'down', comment: 'nonsense' })
      const exported = async (user: User) => {
        let text = ''
        for await (const piece of await one.chat.conversations.export(user.id, id, 'json')) text += piece
        return text
      }
      expect(await exported(ann)).toContain('nonsense')
      expect(await exported(bob)).toContain('me too')
      expect(await exported(bob)).not.toMatch(/nonsense|"rating"/)
    })

    it('is over in the places of an account that is parted from its owner', async () => {
      const id = await ask('my secret', dm)
      await ask('the same elsewhere', otherDm, 'U2')
      const both = (await store.users.merge(bob.id, ann.id))!
      await one.chat.continue(both.id, id, otherDm)
      const fresh: User = { ...bob, id: 'someone-fresh-0001', identities: [] }
      await store.users.detach(both.id, 'slack:T1:U2', fresh)
      // An instance that knows nobody yet.
      one.kill()
      await start()
      const asked = model.prompts.length
      await ask('what was it?', otherDm, 'U2')
      expect(model.prompts).toHaveLength(asked)
      expect(screen.final().at(-1)).toMatchObject({ state: 'failed', text: 'parted' })
      expect(await participantsOf(id)).toEqual([ann.id])
      expect((await one.chat.conversations.open(ann.id, id, { limit: 9 })).messages).toHaveLength(2)
      // The next one begins a conversation of their own, and the owner goes on with theirs.
      expect(await ask('and now?', otherDm, 'U2')).not.toBe(id)
      expect(lastPrompt()).toEqual(['and now?'])
      expect(await ask('go on', dm)).toBe(id)
      expect(lastPrompt()).toContain('my secret')
    })

    it('ends with a fresh conversation', async () => {
      const id = await ask('one', dm)
      await one.chat.continue(ann.id, id, otherDm)
      await one.chat.begin(otherDm)
      expect(await ask('two', otherDm)).not.toBe(id)
    })

    describe('who left the channel', () => {
      const left = (here: boolean) =>
        one.chat.attends(audienceOf(channel), { surface: 'slack', workspace: 'T1', id: 'U2' }, here)

      it('sees its conversations no more, until they are back', async () => {
        const id = await ask('before', channel, 'U2')
        await ask('private', otherDm, 'U2')
        await left(false)
        const listed = async () =>
          (await one.chat.conversations.list(bob.id, { limit: 10 })).items.map((each) => each.id)
        expect(await listed()).toHaveLength(1)
        expect(await one.chat.conversations.search(bob.id, 'before', 10)).toEqual([])
        for (const refused of [
          one.chat.conversations.open(bob.id, id, { limit: 1 }),
          one.chat.conversations.export(bob.id, id, 'json'),
          one.chat.conversations.copy(bob.id, id),
          one.chat.stop(bob.id, id),
        ])
          await expect(refused).rejects.toMatchObject({ code: 'not_found' })
        await left(true)
        expect(await listed()).toContain(id)
      })

      it('does not come back by parting from the account that left', async () => {
        const id = await ask('before', channel, 'U2')
        await ask('private', otherDm, 'U2')
        await store.users.attach(bob.id, 'web:local:bob')
        await left(false)
        await store.users.detach(bob.id, 'slack:T1:U2', { ...bob, id: 'someone-fresh-0001', identities: [] })
        await expect(one.chat.conversations.open(bob.id, id, { limit: 1 })).rejects.toMatchObject({ code: 'not_found' })
        const { items } = await one.chat.conversations.list(bob.id, { limit: 10 })
        expect(items.map(({ direct }) => direct)).toEqual([true])
      })

      it('is nobody’s business where they never wrote to us', async () => {
        await one.chat.attends(audienceOf(channel), { surface: 'slack', workspace: 'T1', id: 'U9' }, false)
        expect(await store.absences.among([audienceOf(channel)], ['slack:T1:U9'])).toEqual([])
      })
    })
  })
}
