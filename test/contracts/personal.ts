import { beforeEach, describe, expect, test } from 'vitest'
import { createAudit } from '../../src/audit.ts'
import { homeOf, newConversationId, newId } from '../../src/ids.ts'
import { createPersonal, type Personal } from '../../src/personal.ts'
import { createRetention, type Retention } from '../../src/retention.ts'
import type { Store } from '../../src/store.ts'
import type { Surface, User } from '../../src/types.ts'
import { quietLog } from '../support/log.ts'
import { answerOf, bedFor, messageAt, newLease, newUser, type Open, placeOf } from './store/kit.ts'

const day = 24 * 3_600_000

/** What people may do with what is kept about them, and what goes by its age. */
export function personalContract(open: Open): void {
  const bed = bedFor(open)
  let personal: Personal
  let retention: Retention
  let stopped: string[]

  const over = (store: Store): Personal =>
    createPersonal({
      store,
      stop: async (conversation) => void stopped.push(conversation),
      people: { changed: async () => {} },
      audit: createAudit({ records: store.records, log: quietLog(), now: bed.clock.now }),
      now: bed.clock.now,
    })

  beforeEach(() => {
    stopped = []
    personal = over(bed.store)
    retention = createRetention({
      store: bed.store,
      times: { conversationsMs: { web: 30 * day, slack: 10 * day }, auditMs: 100 * day },
      resume: personal.resume,
      audit: createAudit({ records: bed.store.records, log: quietLog(), now: bed.clock.now }),
      log: quietLog(),
      now: bed.clock.now,
    })
  })

  async function stored(name: string, more: Partial<User> = {}): Promise<User> {
    return bed.store.users.create(newUser({ name, identities: [`web:local:${name}`], ...more }))
  }

  /** A turn of this user's, answered. */
  async function said(user: User, text: string, where: { channel: string; surface?: Surface; direct?: boolean }) {
    const { channel, surface = 'web', direct = true } = where
    const place = placeOf(channel, { surface, direct })
    const incoming = messageAt(place, { text })
    const turn = newId(bed.clock.now())
    const conversation = newConversationId(homeOf(place))
    const { accepted, claim } = await bed.store.inbox.accept({ incoming, turn, conversation }, newLease())
    if (!claim || !('conversation' in accepted)) throw new Error(accepted.status)
    await bed.store.conversations.join(accepted.conversation, user.id)
    const at = bed.clock.now()
    await bed.store.leases.commit(claim, {
      messages: [
        { turn, role: 'user', text, at, surface, author: { user: user.id, name: user.name } },
        { turn, role: 'assistant', text: `about ${text}`, at, surface, answer: { stop: 'end', model: 'm' } },
      ],
      delivered: true,
      answer: answerOf(`about ${text}`),
      participants: [user.id],
    })
    return { id: accepted.conversation, turn }
  }

  const read = (id: string) => bed.store.conversations.read(id, { messages: 50 })

  async function exported(user: User) {
    let text = ''
    for await (const piece of personal.export(user)) text += piece
    return JSON.parse(text) as {
      user: { name: string; identities: string[]; password?: string }
      conversations: { messages: { text: string }[] }[]
      feedback: unknown[]
      usage: unknown[]
      audit: { data: { action: string; actor?: string } }[]
    }
  }

  describe('an export', () => {
    test('has all of it, well formed, and no secret', async () => {
      const ann = await stored('ann', { password: 'hash', formerly: [] })
      const { turn } = await said(ann, 'first', { channel: 'a' })
      await said(ann, 'second', { channel: 'b' })
      await bed.store.records.put('feedback', { id: turn, at: 1, user: ann.id, data: { value: 'up' } })
      const all = await exported(ann)
      expect(all.user).toMatchObject({ name: 'ann', identities: ['web:local:ann'] })
      expect(JSON.stringify(all)).not.toContain('hash')
      const texts = all.conversations.flatMap(({ messages }) => messages.map(({ text }) => text))
      expect(texts.toSorted()).toEqual(['about first', 'about second', 'first', 'second'])
      expect(all.feedback).toHaveLength(1)
      expect(all.audit.map(({ data }) => data.action)).toEqual(['export'])
    })

    test('of what was said in a channel they have left has their own words alone', async () => {
      const [ann, bob] = [await stored('ann', { identities: ['slack:local:ann'] }), await stored('bob')]
      const where = { channel: 'c', surface: 'slack', direct: false } as const
      await said(ann, 'ann asks', where)
      await said(bob, 'bob asks', where)
      expect(JSON.stringify(await exported(ann))).toContain('bob asks')
      await bed.store.absences.left('slack:local:c', 'slack:local:ann')
      const text = JSON.stringify(await exported(ann))
      expect(text).toContain('ann asks')
      expect(text).not.toContain('bob')
      expect(text).not.toContain('about ann asks')
    })

    test('names nobody who did something to them', async () => {
      const ann = await stored('ann')
      const at = bed.clock.now()
      const entry = (actor: string) => ({ id: newId(at), at, user: ann.id, data: { action: 'disable', actor } })
      for (const actor of ['id-of-an-admin', 'operator', ann.id]) await bed.store.records.put('audit', entry(actor))
      const { audit } = await exported(ann)
      expect(audit.map(({ data }) => data.actor).toSorted()).toEqual(
        ['an administrator', 'operator', ann.id, ann.id].toSorted(),
      )
    })

    test('of someone who never wrote is well formed too', async () => {
      expect(await exported(await stored('new'))).toMatchObject({ conversations: [], feedback: [], usage: [] })
    })
  })

  describe('forgetting someone', () => {
    test('deletes what they had alone, and their words where others take part', async () => {
      const [ann, bob] = [await stored('ann'), await stored('bob')]
      const own = await said(ann, 'a secret', { channel: 'a' })
      const shared = await said(ann, 'ann asks', { channel: 'c', surface: 'slack', direct: false })
      await said(bob, 'bob asks', { channel: 'c', surface: 'slack', direct: false })
      await bed.store.records.put('feedback', { id: own.turn, at: 1, user: ann.id, data: { value: 'up' } })
      await personal.forget(ann)

      expect(await read(own.id)).toBeNull()
      expect(stopped).toContain(own.id)
      const left = await read(shared.id)
      expect(left?.conversation.participants).toEqual([bob.id])
      const texts = JSON.stringify(left?.messages)
      expect(texts).toContain('bob asks')
      expect(texts).not.toMatch(/ann/)
      expect(await bed.store.users.get(ann.id)).toBeNull()
      expect(await bed.store.users.find('web:local:ann')).toBeNull()
      expect(await bed.store.records.list('feedback', { limit: 5 })).toEqual([])
      expect(await bed.store.records.list('deletion', { limit: 5 })).toEqual([])
      expect((await bed.store.records.list('audit', { limit: 5 })).map(({ data }) => data.action)).toEqual(['delete'])
    })

    test('interrupted anywhere is finished later', async () => {
      const ann = await stored('ann')
      const ids = [await said(ann, 'one', { channel: 'a' }), await said(ann, 'two', { channel: 'b' })]
      const bob = await stored('bob')
      const shared = await said(ann, 'ann asks', { channel: 'c', surface: 'slack', direct: false })
      await said(bob, 'bob asks', { channel: 'c', surface: 'slack', direct: false })
      for (let call = 1; await bed.store.users.get(ann.id); call++) {
        const dying = over(dyingAfter(bed.store, call))
        await dying.forget(ann).catch(() => {})
      }
      await personal.resume()
      for (const { id } of ids) expect(await read(id)).toBeNull()
      expect((await read(shared.id))?.conversation.participants).toEqual([bob.id])
      expect(await personal.resume()).toBe(0)
    })

    test('who is locked out opens no way back: that is all that stays known of them', async () => {
      const more: Partial<User> = {
        state: 'disabled',
        password: 'hash',
        locale: 'de',
        emails: [{ address: 'ann@example.com', verifiedBy: 'slack' }],
      }
      const ann = await stored('ann', more)
      const { id } = await said(ann, 'a secret', { channel: 'a' })
      await personal.forget(ann, 'an admin')
      expect(await read(id)).toBeNull()
      const left = await bed.store.users.find('web:local:ann')
      expect(left).toMatchObject({ state: 'disabled', name: 'Deleted user', emails: [] })
      expect([left?.password, left?.locale]).toEqual([undefined, undefined])
      expect(await bed.store.records.list('deletion', { limit: 5 })).toEqual([])
      expect(await personal.resume()).toBe(0)
    })

    test('ends at a legal hold that came after it was asked for, and goes on when that is lifted', async () => {
      const ann = await stored('ann')
      const { id } = await said(ann, 'evidence', { channel: 'a' })
      await bed.store.users.update(ann.id, { hold: true })
      // What is handed in was read before.
      await expect(personal.forget(ann)).rejects.toMatchObject({ code: 'on_hold' })
      await bed.store.records.put('deletion', { id: ann.id, at: 1, data: { actor: ann.id } })
      expect(await personal.resume()).toBe(0)
      expect(await read(id)).not.toBeNull()
      await bed.store.users.update(ann.id, { hold: undefined } as unknown as { hold: boolean })
      expect(await personal.resume()).toBe(1)
      expect(await read(id)).toBeNull()
      expect(await bed.store.users.get(ann.id)).toBeNull()
    })

    test('that was begun takes nothing from a user whom they became meanwhile', async () => {
      const [ann, bob] = [await stored('ann'), await stored('bob')]
      const { id } = await said(bob, 'mine', { channel: 'b' })
      await bed.store.records.put('deletion', { id: ann.id, at: 1, data: { actor: ann.id } })
      await bed.store.users.merge(ann.id, bob.id)
      await personal.resume()
      expect(await bed.store.users.get(bob.id)).not.toBeNull()
      expect(await read(id)).not.toBeNull()
      expect(await bed.store.records.list('deletion', { limit: 5 })).toEqual([])
    })

    test('is refused under a legal hold', async () => {
      const ann = await stored('ann', { hold: true })
      const { id } = await said(ann, 'evidence', { channel: 'a' })
      await expect(personal.forget(ann)).rejects.toMatchObject({ code: 'on_hold' })
      expect(await read(id)).not.toBeNull()
    })
  })

  describe('what is too old', () => {
    test('goes by the times of its surface', async () => {
      const ann = await stored('ann')
      const web = await said(ann, 'web', { channel: 'a' })
      const slack = await said(ann, 'slack', { channel: 'D1', surface: 'slack' })
      const teams = await said(ann, 'teams', { channel: 'T1', surface: 'teams' })
      bed.clock.advance(11 * day)
      expect(await retention.sweep()).toBe(1)
      expect(await read(slack.id)).toBeNull()
      expect(await read(web.id)).not.toBeNull()
      bed.clock.advance(20 * day)
      expect(await retention.sweep()).toBe(1)
      expect(await read(web.id)).toBeNull()
      expect(await read(teams.id)).not.toBeNull()
      expect((await bed.store.conversations.list(ann.id, { limit: 5 })).items).toHaveLength(1)
    })

    test('stays where someone new has written in it, and under a legal hold', async () => {
      const ann = await stored('ann')
      const [held, bob] = [await stored('held', { hold: true }), await stored('bob')]
      const kept = await said(held, 'kept', { channel: 'h' })
      const busy = await said(ann, 'old', { channel: 'c', surface: 'web', direct: false })
      bed.clock.advance(31 * day)
      await said(bob, 'new', { channel: 'c', surface: 'web', direct: false })
      expect(await retention.sweep()).toBe(0)
      expect(await read(kept.id)).not.toBeNull()
      expect(await read(busy.id)).not.toBeNull()
    })

    test('stays under a legal hold that comes while others are deleted', async () => {
      const [ann, bob] = [await stored('ann'), await stored('bob')]
      for (let i = 0; i < 60; i++) await said(ann, `question ${i}`, { channel: `c${i}` })
      for (let i = 0; i < 60; i++) await said(i % 2 ? ann : bob, `later ${i}`, { channel: `d${i}` })
      bed.clock.advance(31 * day)
      const { conversations, users } = bed.store
      let first = true
      const stale: typeof conversations.stale = async (query) => {
        if (!first && query.surface === 'web') await users.update(ann.id, { hold: true })
        first = false
        return conversations.stale(query)
      }
      const store = { ...bed.store, conversations: { ...conversations, stale } }
      const sweeper = createRetention({
        store,
        times: { conversationsMs: { web: 30 * day }, auditMs: 100 * day },
        resume: personal.resume,
        audit: createAudit({ records: bed.store.records, log: quietLog(), now: bed.clock.now }),
        log: quietLog(),
        now: bed.clock.now,
      })
      const removed = await sweeper.sweep()
      const { items } = await conversations.list(ann.id, { limit: 200 })
      expect(removed).toBe(120 - items.length)
      expect(items.length).toBeGreaterThanOrEqual(30)
    })

    test('is finished although an instance that died was deleting what is old', async () => {
      const ann = await stored('ann')
      await bed.store.records.put('deletion', { id: ann.id, at: 1, data: { actor: ann.id } })
      await bed.store.vault.lock('retention', 60_000)
      await retention.sweep()
      expect(await bed.store.users.get(ann.id)).toBeNull()
    })

    test('is deleted in many small steps', async () => {
      const ann = await stored('ann')
      for (let i = 0; i < 120; i++) await said(ann, `question ${i}`, { channel: `c${i}` })
      bed.clock.advance(31 * day)
      expect(await retention.sweep()).toBe(120)
      expect((await bed.store.conversations.list(ann.id, { limit: 5 })).items).toEqual([])
    })

    test('is looked for by one instance at a time', async () => {
      const release = await bed.store.vault.lock('retention', 60_000)
      const ann = await stored('ann')
      await said(ann, 'old', { channel: 'a' })
      bed.clock.advance(31 * day)
      const relocked = release && (await bed.store.vault.lock('retention', 60_000))
      expect(await retention.sweep()).toBe(0)
      await relocked?.()
      expect(await retention.sweep()).toBe(1)
    })
  })
}

/** The same store, whose calls fail from the nth on: as an instance that dies there. */
function dyingAfter(store: Store, calls: number): Store {
  let left = calls
  const mortal = <T extends object>(port: T): T =>
    new Proxy(port, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key)
        if (typeof value === 'object' && value !== null) return mortal(value)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          if (left-- <= 0) throw new Error('the instance is gone')
          return Reflect.apply(value, target, args) as unknown
        }
      },
    })
  return mortal(store)
}
