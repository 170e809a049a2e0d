import { afterEach, describe, expect, it } from 'vitest'
import { Fault } from '../../src/errors.ts'
import type { Store } from '../../src/store.ts'
import type { Accepted, LiveEvent, Message, Prompt } from '../../src/types.ts'
import {
  echo,
  failing,
  hanging,
  type Instance,
  message,
  Screen,
  ScriptedModel,
  startInstance,
  until,
} from '../support/world.ts'

/** What the turn engine promises, over any store engine: `open` gives a store on empty data, `again` one more on the same. */
export function turnsContract(
  name: string,
  open: () => Promise<{ store: Store; again(): Promise<Store>; close(): Promise<void> }>,
) {
  describe(`turns over ${name}`, () => {
    let closing: (() => Promise<void>)[] = []
    afterEach(async () => {
      for (const close of closing.reverse()) await close()
      closing = []
    })

    async function world(options: { maxTurns?: number; cacheMs?: number } = {}) {
      const opened = await open()
      closing.push(opened.close)
      const screen = new Screen()
      const model = new ScriptedModel()
      const instances: Instance[] = []
      async function instance(store = opened.store): Promise<Instance> {
        const made = await startInstance({ store, adapters: [screen], model, ...options })
        closing.push(made.end)
        instances.push(made)
        return made
      }
      const one = await instance()
      const another = async () => instance(await opened.again())
      return { ...opened, screen, model, one, another }
    }

    const turnOf = (accepted: Accepted) => {
      if (accepted.status !== 'accepted' && accepted.status !== 'duplicate') throw new Error(accepted.status)
      return accepted
    }
    async function stored(store: Store, conversation: string): Promise<Message[]> {
      return (await store.conversations.read(conversation, { messages: 1000 }))?.messages ?? []
    }

    it('answers a message once, stores both sides and shows the final text', async () => {
      const { one, screen, store } = await world()
      const { conversation, turn } = turnOf(await one.chat.accept(message('hello')))
      await one.chat.settled(conversation, turn, 5_000)
      await until(() => screen.final()[0]?.state === 'done')
      expect(screen.final()).toEqual([expect.objectContaining({ state: 'done', text: 'You said: hello' })])
      const [question, answer] = await stored(store, conversation)
      expect(question).toMatchObject({ role: 'user', text: 'hello', author: { name: 'Name of U1' } })
      expect(answer).toMatchObject({
        role: 'assistant',
        text: 'You said: hello',
        answer: { stop: 'end', model: 'scripted' },
      })
      await until(async () => (await store.inbox.depth()) === 0)
    })

    it('asks the model before the surface shows that an answer is on its way', async () => {
      const { one, screen, model } = await world()
      model.script = (prompt) => {
        screen.calls.push('asked')
        return echo(prompt)
      }
      // Who is asking is known from then on.
      for (const text of ['one', 'two']) {
        await one.chat.accept(message(text))
        await until(() => screen.final().some(({ state, text: said }) => state === 'done' && said.endsWith(text)))
      }
      const calls = screen.calls.filter((call) => call === 'asked' || call.endsWith('started')).slice(2)
      expect(calls).toEqual(['asked', expect.stringMatching(/started$/)])
      expect(screen.calls.indexOf(calls[1]!)).toBeLessThan(screen.calls.findLastIndex((call) => call.endsWith('text')))
    })

    it('costs three store calls one after the other, and one beside the model', async () => {
      const { store, close } = await open()
      closing.push(close)
      const calls: string[] = []
      const counted = new Proxy(store, {
        get: (from, port) => {
          const value = Reflect.get(from, port, from)
          if (port === 'bus' || typeof value !== 'object') return value
          return new Proxy(value as object, {
            get: (methods, name) => {
              const method = Reflect.get(methods, name, methods)
              if (typeof method !== 'function') return method
              return (...args: unknown[]) => {
                if (name !== 'sweep') calls.push(`${String(port)}.${String(name)}`)
                return method.apply(methods, args)
              }
            },
          })
        },
      })
      const screen = new Screen()
      screen.delivery = 'pull'
      screen.openReply = () => {
        const nothing = async () => {}
        return { paceMs: 0, started: nothing, text: nothing, done: nothing, stopped: nothing, failed: nothing }
      }
      // Titles are made by the model alone here, and only once.
      const one = await startInstance({
        store: counted,
        adapters: [screen],
        model: new ScriptedModel(),
        leaseMs: 60_000,
      })
      closing.push(one.end)
      const ask = async () => {
        const { conversation, turn } = turnOf(await one.chat.accept(message('hello', { in: 'D1' })))
        expect(await one.chat.settled(conversation, turn, 5_000)).toBe(true)
        return conversation
      }
      const conversation = await ask()
      await until(
        async () => (await store.conversations.read(conversation, { messages: 1 }))?.conversation.titledBy === 'model',
      )
      calls.length = 0
      await ask()
      expect(calls.filter((call) => call !== 'conversations.join')).toEqual([
        'inbox.accept',
        'conversations.read',
        'leases.commit',
      ])
      expect(calls.filter((call) => call === 'conversations.join')).toHaveLength(1)
    })

    it('answers a message once however often and wherever it is delivered', async () => {
      const { one, another, screen, model } = await world()
      const two = await another()
      const sent = message('once', { ids: ['a', 'b'] })
      const twin = { ...sent, ids: ['b', 'c'] }
      const results = await Promise.all(
        [sent, twin, sent, twin, sent].map((each, i) => (i % 2 ? one : two).chat.accept(each)),
      )
      const { conversation, turn } = turnOf(results[0] as Accepted)
      expect(results.filter((result) => result.status === 'accepted')).toHaveLength(1)
      await two.chat.settled(conversation, turn, 5_000)
      expect(turnOf(await one.chat.accept(sent))).toEqual({ status: 'duplicate', conversation, turn })
      await until(() => screen.final()[0]?.state === 'done')
      expect(screen.final()).toHaveLength(1)
      expect(model.prompts).toHaveLength(1)
    })

    it('answers one conversation in the order of arrival, with what was said before', async () => {
      const { one, another, screen, model } = await world()
      const two = await another()
      for (const [i, text] of ['first', 'second', 'third', 'fourth'].entries()) {
        await (i % 2 ? one : two).chat.accept(message(text))
      }
      await until(() => screen.final().filter(({ state }) => state === 'done').length === 4)
      expect(screen.final().map(({ text }) => text)).toEqual(
        ['first', 'second', 'third', 'fourth'].map((text) => `You said: ${text}`),
      )
      const last = model.prompts.at(-1) as Prompt
      expect(last.messages.map(({ text }) => text)).toEqual([
        'first',
        'You said: first',
        'second',
        'You said: second',
        'third',
        'You said: third',
        'fourth',
      ])
    })

    it('holds on to a message that came at the very moment the one before it was over', async () => {
      const { store, close } = await open()
      closing.push(close)
      const screen = new Screen()
      const model = new ScriptedModel()
      const renewed: string[] = []
      const asked: number[] = []
      const leases: Store['leases'] = {
        ...store.leases,
        settle(claim, next) {
          const step = store.leases.settle(claim, next)
          if (claim.incoming.text === 'first') {
            model.script = hanging('…')
            void one.chat.accept(message('second', { ids: ['second'] }))
          }
          return step
        },
        async renew(claim, ms) {
          if (claim.incoming.text === 'second') asked.push(Date.now())
          const kept = await store.leases.renew(claim, ms)
          if (kept) renewed.push(claim.incoming.text)
          return kept
        },
      }
      // The lease is not offered on, as when an instance has no room: the second message is claimed by its accept.
      const settle = leases.settle
      leases.settle = (claim) => settle(claim)
      const one = await startInstance({ store: { ...store, leases }, adapters: [screen], model, leaseMs: 1_000 })
      closing.push(one.end)
      await one.chat.accept(message('first'))
      // Far longer than its lease without one.
      await until(() => renewed.filter((text) => text === 'second').length === 6)
      // Not before a third of it was used up.
      expect(asked.slice(1).filter((at, i) => at - asked[i]! < 333)).toEqual([])
      expect(model.prompts).toHaveLength(2)
      const user = await one.chat.who({ surface: 'slack', workspace: 'T1', id: 'U1' })
      const { items } = await one.chat.conversations.list(user.id, { limit: 1 })
      await one.chat.stop(user.id, items[0]?.id ?? '')
      await until(() => screen.final().some(({ turn, state }) => turn === 'second' && state === 'stopped'))
    })

    it('lets other conversations go on while one is slow', async () => {
      const { one, screen, model } = await world()
      model.script = (prompt, signal) =>
        prompt.messages.at(-1)?.text === 'slow' ? hanging('…')(prompt, signal) : echo(prompt)
      await one.chat.accept(message('slow', { in: 'D1' }))
      await one.chat.accept(message('quick', { in: 'D2' }))
      await until(() => screen.final().some(({ text }) => text === 'You said: quick'))
      expect(screen.final().some(({ state, text }) => state === 'done' && text.includes('slow'))).toBe(false)
    })

    it('keeps what is over its limit of turns due, and answers it when there is room', async () => {
      const { one, screen } = await world({ maxTurns: 2 })
      await Promise.all(Array.from({ length: 12 }, (_, i) => one.chat.accept(message(`m${i}`, { in: `D${i}` }))))
      await until(() => screen.final().filter(({ state }) => state === 'done').length === 12)
      expect(screen.final()).toHaveLength(12)
    })

    it('stops a running answer from another instance, keeps what was shown and says so', async () => {
      const { one, another, screen, model, store } = await world()
      const two = await another()
      model.script = hanging('The beginning')
      const { conversation, turn } = turnOf(await one.chat.accept(message('tell me')))
      await until(() => screen.final().some(({ text }) => text === 'The beginning'))
      const user = (await until(
        async () => (await store.conversations.read(conversation, { messages: 1 }))?.conversation.participants[0],
      )) as string
      await two.chat.stop(user, conversation)
      await one.chat.settled(conversation, turn, 5_000)
      await until(() => screen.final()[0]?.state === 'stopped')
      expect(screen.final()).toEqual([expect.objectContaining({ text: 'The beginning', state: 'stopped' })])
      const answer = (await stored(store, conversation))[1]
      expect(answer).toMatchObject({ text: 'The beginning', answer: { stop: 'stopped', notice: { code: 'stopped' } } })
    })

    it('stops what waits behind a running answer too, and goes on with what comes later', async () => {
      const { one, screen, model, store } = await world()
      model.script = hanging('…')
      const { conversation } = turnOf(await one.chat.accept(message('one')))
      await one.chat.accept(message('two'))
      await until(() => model.prompts.length === 1)
      await one.turns.stop(conversation)
      await until(() => screen.final().filter(({ state }) => state === 'stopped').length === 2)
      model.script = echo
      await one.chat.accept(message('three'))
      await until(() => screen.final().some(({ text }) => text === 'You said: three'))
      expect(model.prompts).toHaveLength(2)
      expect(
        (await stored(store, conversation))
          .filter(({ role }) => role === 'assistant')
          .map(({ answer }) => answer?.stop),
      ).toEqual(['stopped', 'stopped', 'end'])
    })

    it.each([
      ['before any text', [] as string[], 'failed', 'model_busy'],
      ['after some text', ['Half of'], 'done', 'Half of'],
    ])('tells plainly when the model fails %s', async (_when, pieces, state, text) => {
      const { one, screen, model, store } = await world()
      model.script = failing(new Fault('model_busy'), ...pieces)
      const { conversation } = turnOf(await one.chat.accept(message('hello')))
      await until(() => screen.final()[0]?.state === state)
      expect(screen.final()).toEqual([expect.objectContaining({ state, text })])
      const answer = (await stored(store, conversation))[1]
      expect(answer?.answer?.stop).toBe(pieces.length ? 'broken' : 'failed')
      expect(answer?.answer?.notice?.code).toBe(pieces.length ? 'cut_broken' : 'model_busy')
      model.script = echo
      await one.chat.accept(message('again'))
      await until(() => screen.final().some((each) => each.state === 'done' && each.text.endsWith('again')))
    })

    it('trims and asks once more when the prompt was too long for the model', async () => {
      const { one, screen, model } = await world()
      let asked = 0
      model.script = (prompt, signal) =>
        asked++ === 0 ? failing(new Fault('context_overflow'))(prompt, signal) : echo(prompt)
      await one.chat.accept(message('long'))
      await until(() => screen.final()[0]?.state === 'done')
      expect(asked).toBe(2)
      model.script = failing(new Fault('context_overflow'))
      await one.chat.accept(message('far too long'))
      await until(() => screen.final()[1]?.state === 'failed')
      expect(screen.final()[1]?.text).toBe('context_overflow')
    })

    it('replaces the last question and its answer when it is asked anew', async () => {
      const { one, store } = await world()
      const first = turnOf(await one.chat.accept(message('hello')))
      await one.chat.settled(first.conversation, first.turn, 5_000)
      const second = turnOf(await one.chat.accept(message('hullo', { replaces: first.turn })))
      await one.chat.settled(second.conversation, second.turn, 5_000)
      expect((await stored(store, first.conversation)).map(({ text }) => text)).toEqual(['hullo', 'You said: hullo'])
    })

    it('refuses guests in plain words, stores nothing of it and does not ask the model', async () => {
      const { one, screen, model, store } = await world()
      screen.profiles.set('U9', { name: 'Guest', guest: true })
      const { conversation } = turnOf(await one.chat.accept(message('let me in', { from: 'U9', in: 'D9' })))
      await until(() => screen.final()[0]?.state === 'failed')
      expect(screen.final()[0]?.text).toBe('refused_guest')
      expect(model.prompts).toHaveLength(0)
      await until(async () => (await store.conversations.read(conversation, { messages: 1 })) === null)
    })

    it('offers a finished answer again when the platform did not take it, without asking the model again', async () => {
      const { one, screen, model } = await world()
      screen.failures.push('done')
      await one.chat.accept(message('hello'))
      await until(() => screen.final()[0]?.state === 'done')
      expect(model.prompts).toHaveLength(1)
      expect(screen.final()).toHaveLength(1)
    })

    it('gives up on a message that can never be shown, and goes on with the next', async () => {
      const { one, screen, model } = await world()
      const openReply = screen.openReply.bind(screen)
      screen.openReply = (address, draft) => {
        if (address.turn === 'poison') throw new Error('an address of an older version')
        return openReply(address, draft)
      }
      await one.chat.accept(message('poison', { address: { turn: 'poison' } }))
      await one.chat.accept(message('next'))
      await until(() => screen.final()[0]?.state === 'done')
      expect(screen.final()).toEqual([expect.objectContaining({ text: 'You said: next' })])
      expect(model.prompts).toHaveLength(1)
    })

    it('gives up on a question that ends every process that tries it, and says so', async () => {
      const { one, screen, another: survivor } = await world()
      let tries = 0
      screen.prepare = async () => {
        tries++
        // As far as anyone outside can see, this is what a crash looks like: no more renewals, nothing released.
        return new Promise(() => {})
      }
      const doomed: Instance[] = [one]
      await one.chat.accept(message('boom'))
      for (let i = 1; i <= 4; i++) {
        await until(() => tries === i)
        doomed.at(-1)?.kill()
        doomed.push(await survivor())
      }
      await until(() => screen.final()[0]?.state === 'failed')
      expect(screen.final()).toEqual([expect.objectContaining({ text: 'gave_up' })])
    })

    it('lets a failed preview be a preview: the final text still comes', async () => {
      const { one, screen } = await world()
      screen.failures.push('text')
      await one.chat.accept(message('hello'))
      await until(() => screen.final()[0]?.state === 'done')
      expect(screen.final()).toEqual([expect.objectContaining({ text: 'You said: hello' })])
    })

    it('answers an identical question of the same person from the store when told to, and marks it', async () => {
      const { one, model, store } = await world({ cacheMs: 60_000 })
      for (const channel of ['D1', 'D2']) {
        const { conversation, turn } = turnOf(await one.chat.accept(message('same', { in: channel })))
        await one.chat.settled(conversation, turn, 5_000)
        const cached = (await stored(store, conversation))[1]?.answer?.cached
        expect(cached).toBe(channel === 'D2' ? true : undefined)
      }
      const other = turnOf(await one.chat.accept(message('same', { in: 'D3', from: 'U2' })))
      await one.chat.settled(other.conversation, other.turn, 5_000)
      expect(model.prompts).toHaveLength(2)
    })

    it('shows the same live text to watchers on both instances, early and late, and ends them', async () => {
      const { one, another, model, screen } = await world()
      const two = await another()
      let finish = () => {}
      model.script = async function* () {
        yield { type: 'text', text: 'Hello ' }
        await new Promise<void>((resolve) => {
          finish = resolve
        })
        yield { type: 'text', text: 'world' }
        yield { type: 'end', stop: 'end', model: 'm', usage: { input: 1, output: 1, cacheRead: 0, cacheWrite: 0 } }
      }
      const { conversation, turn } = turnOf(await one.chat.accept(message('hi')))
      const seen = [one, two, one, two].map(() => ({ text: '', ended: 0 }))
      const follow = (instance: Instance, i: number) =>
        instance.chat.watch(conversation, turn, undefined, (event: LiveEvent) => {
          const mine = seen[i] as { text: string; ended: number }
          if (event.type === 'text') mine.text = mine.text.slice(0, event.offset) + event.text
          if (event.type === 'reset') mine.text = event.text
          if (event.type === 'end') mine.ended++
        })
      follow(one, 0)
      follow(two, 1)
      await until(() => screen.final()[0]?.text === 'Hello ')
      follow(one, 2)
      follow(two, 3)
      await until(() => seen.every(({ text }) => text === 'Hello '))
      finish()
      await until(() => seen.every(({ ended }) => ended === 1))
      expect(seen.map(({ text }) => text)).toEqual(Array(4).fill('Hello world'))
    })

    it('hands over a running answer at shutdown; another instance finishes the same message', async () => {
      const { one, another, screen, model, store } = await world()
      model.script = hanging('Half')
      const { conversation } = turnOf(await one.chat.accept(message('hello')))
      await until(() => screen.final()[0]?.text === 'Half')
      model.script = echo
      await one.turns.drain(0)
      await expect(one.chat.accept(message('too late', { in: 'D7' }))).rejects.toMatchObject({ code: 'draining' })
      const two = await another()
      await until(() => screen.final()[0]?.state === 'done')
      expect(screen.final()).toEqual([expect.objectContaining({ text: 'You said: hello' })])
      expect((await stored(store, conversation)).map(({ text }) => text)).toEqual(['hello', 'You said: hello'])
      expect(two.turns.draining).toBe(false)
    })

    it('ends with exactly one whole answer for each message, wherever an instance is killed', async () => {
      // Counts every call that reaches the store or the surface, and kills the first instance at the n-th.
      for (let at = 1; at <= 18; at++) {
        const { store, again, screen, model, another, close } = await killWorld()
        const dead = Promise.withResolvers<void>()
        const doomed: Instance = await startInstance({
          store: countdown(store, at, () => {
            doomed.kill()
            dead.resolve()
          }),
          adapters: [screen],
          model,
        })
        const sent = [message('one', { ids: [`one${at}`] }), message('two', { ids: [`two${at}`] })]
        await Promise.race([dead.promise, Promise.all(sent.map((each) => doomed.chat.accept(each)))])
        await Promise.race([
          dead.promise,
          until(() => screen.final().filter(({ state }) => state === 'done').length === 2),
        ])
        doomed.kill()
        const survivor = await another(await again())
        // The platform redelivers what was never acknowledged; what was acknowledged comes again for good measure.
        for (const each of sent) await survivor.chat.accept(each)
        await until(() => screen.final().filter(({ state }) => state === 'done').length >= 2)
        await until(async () => (await store.inbox.depth()) === 0)
        expect(
          screen
            .final()
            .map(({ text, state }) => `${state}: ${text}`)
            .sort(),
          `killed at call ${at}`,
        ).toEqual(['done: You said: one', 'done: You said: two'])
        await survivor.turns.drain(0)
        await close()
      }
    }, 60_000)

    async function killWorld() {
      const opened = await open()
      const screen = new Screen()
      const model = new ScriptedModel()
      const another = (store: Store) => startInstance({ store, adapters: [screen], model })
      return { ...opened, screen, model, another }
    }
    function countdown(store: Store, at: number, boom: () => void): Store {
      let calls = 0
      const counted = <T extends object>(target: T): T =>
        new Proxy(target, {
          get(from, key) {
            const value = Reflect.get(from, key, from)
            if (typeof value !== 'function') return value
            return async (...args: unknown[]) => {
              const result = await value.apply(from, args)
              // After the effect, before the reply: the worst moment.
              if (++calls === at) boom()
              return result
            }
          },
        })
      return {
        ...store,
        inbox: counted(store.inbox),
        leases: counted(store.leases),
        conversations: counted(store.conversations),
        users: counted(store.users),
        bus: store.bus,
        ping: store.ping,
        close: store.close,
      }
    }
  })
}
