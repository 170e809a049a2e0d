import { beforeEach, describe, expect, test } from 'vitest'
import { type Audit, createAudit } from '../../src/audit.ts'
import { CannotTell } from '../../src/errors.ts'
import { createIdentities, type Identities, shownIdentities } from '../../src/identities.ts'
import { homeOf, newConversationId, newId } from '../../src/ids.ts'
import { createPeople, type People } from '../../src/people.ts'
import type { Store } from '../../src/store.ts'
import type { Profile, Sender, User } from '../../src/types.ts'
import { quietLog } from '../support/log.ts'
import { message, until } from '../support/world.ts'
import { bedFor, type Open, type Traits } from './store/kit.ts'

const slack = (id: string, workspace = 'T1'): Sender => ({ surface: 'slack', workspace, id })
const teams = (id: string, workspace = 'tenant'): Sender => ({ surface: 'teams', workspace, id })
const vouched = (name: string, email: string): Profile => ({ name, email, emailVerified: true })

interface Service {
  people: People
  identities: Identities
  audit: Audit
}

/** Who is who: first contact, recognition by e-mail, joining and parting, over a real store. */
export function identitiesContract(open: Open, traits: Traits = {}): void {
  const bed = bedFor(open)
  let profiles: Map<string, Profile>
  let one: Service

  async function serve(store: Store, cacheMs?: number): Promise<Service> {
    const log = quietLog()
    const { now } = bed.clock
    const audit = createAudit({ records: store.records, log, now })
    const people = createPeople({
      users: store.users,
      bus: store.bus,
      profile: async ({ id }) => {
        const profile = profiles.get(id)
        if (!profile) throw new CannotTell('nobody knows them here')
        return profile
      },
      linkDomains: new Set(['example.com']),
      audit,
      log,
      now,
      ...(cacheMs !== undefined && { cacheMs }),
    })
    await people.start()
    const { users, conversations, cache, counters } = store
    return {
      people,
      audit,
      identities: createIdentities({ users, conversations, cache, counters, people, audit, now }),
    }
  }

  beforeEach(async () => {
    profiles = new Map([
      ['U1', vouched('Ann', 'ann@example.com')],
      ['o1', vouched('Ann Lee', 'Ann@Example.com')],
      ['U2', vouched('Bob', 'bob@example.com')],
      ['o2', { name: 'Bo' }],
    ])
    one = await serve(bed.store)
  })

  const actions = async (user?: User): Promise<unknown[]> =>
    (await bed.store.records.list('audit', { limit: 50, ...(user && { user: user.id }) })).map(
      ({ data }) => data.action,
    )

  async function withConversation(user: User, text: string): Promise<string> {
    const incoming = message(text, { user: user.id, in: `D${user.id}` })
    const conversation = newConversationId(homeOf(incoming.place))
    const { accepted } = await bed.store.inbox.accept({ incoming, turn: newId(), conversation })
    if (!('conversation' in accepted)) throw new Error(accepted.status)
    await bed.store.conversations.join(accepted.conversation, user.id)
    return accepted.conversation
  }

  describe('at first contact', () => {
    test('someone new becomes a user, as their platform describes them', async () => {
      const user = await one.people.resolve(slack('U1'))
      expect(user).toMatchObject({ name: 'Ann', roles: ['member'], state: 'active' })
      expect(user.identities).toEqual(expect.arrayContaining(['slack:T1:U1']))
      expect(await one.people.resolve(slack('U1'))).toMatchObject({ id: user.id })
    })

    test('an address that both platforms vouch for tells that it is one person', async () => {
      const first = await one.people.resolve(slack('U1'))
      const second = await one.people.resolve(teams('o1'))
      expect(second.id).toBe(first.id)
      expect(shownIdentities(second)).toEqual(['slack:T1:U1', 'teams:tenant:o1'])
      expect(await actions(first)).toEqual(['join'])
    })

    test.each<[string, Profile]>([
      ['is not vouched for', { name: 'Eve', email: 'ann@example.com' }],
      ['is of another domain', vouched('Eve', 'ann@other.example')],
      ['only ends like one of the domains', vouched('Eve', 'ann@evil-example.com')],
      ['has two signs', vouched('Eve', 'x@evil.test@example.com')],
    ])('an address that %s joins nobody', async (_why, profile) => {
      const first = await one.people.resolve(slack('U1'))
      profiles.set('o9', profile)
      expect((await one.people.resolve(teams('o9'))).id).not.toBe(first.id)
    })

    test('a guest with a member’s address is refused, and joins nobody', async () => {
      await one.people.resolve(slack('U1'))
      profiles.set('o9', { ...vouched('Eve', 'ann@example.com'), guest: true })
      await expect(one.people.resolve(teams('o9'))).rejects.toMatchObject({ code: 'refused_guest' })
      expect(await bed.store.users.find('teams:tenant:o9')).toBeNull()
    })

    test('the address of someone who was not heard of for long joins nobody: mailboxes are given on', async () => {
      const first = await one.people.resolve(slack('U1'))
      bed.clock.advance(31 * 24 * 3_600_000)
      expect((await one.people.resolve(teams('o1'))).id).not.toBe(first.id)
    })

    test('the same person over two platforms at the same moment, on two instances, is one user', async () => {
      const other = await serve(await bed.again())
      const [a, b] = await Promise.all([one.people.resolve(slack('U1')), other.people.resolve(teams('o1'))])
      const now = await Promise.all([bed.store.users.get(a.id), bed.store.users.get(b.id)])
      expect(now[0]?.id).toBe(now[1]?.id)
      expect(shownIdentities(now[0]!).toSorted()).toEqual(['slack:T1:U1', 'teams:tenant:o1'])
    })

    test('the same id in another workspace is someone else', async () => {
      profiles.set('U1', { name: 'Ann' })
      const [a, b] = [await one.people.resolve(slack('U1', 'T1')), await one.people.resolve(slack('U1', 'T2'))]
      expect(a.id).not.toBe(b.id)
    })
  })

  describe('what is known', () => {
    test('a user who is disabled is refused on every surface, on every instance, at once', async () => {
      const other = await serve(traits.sharedBus ? await bed.again() : bed.store)
      const user = await one.people.resolve(slack('U1'))
      await one.people.resolve(teams('o1'))
      await other.people.resolve(teams('o1'))
      const disabled = await bed.store.users.update(user.id, { state: 'disabled' })
      await one.people.changed(disabled!)
      await expect(one.people.resolve(slack('U1'))).rejects.toMatchObject({ code: 'refused_disabled' })
      await until(() =>
        other.people.resolve(teams('o1')).then(
          () => false,
          (thrown) => thrown.code === 'refused_disabled',
        ),
      )
    })

    test('a user who is disabled while they are looked up is refused from the next message on', async () => {
      const user = await one.people.resolve(slack('U1'))
      const { users } = bed.store
      let meanwhile = async (): Promise<void> => {
        meanwhile = async () => {}
        const disabled = await users.update(user.id, { state: 'disabled' })
        await one.people.changed(disabled!)
      }
      const find: typeof users.find = async (identity) => {
        const found = await users.find(identity)
        await meanwhile()
        return found
      }
      one = await serve(Object.assign(Object.create(bed.store), { users: { ...users, find } }) as Store)
      await one.people.resolve(slack('U1')).catch(() => {})
      await expect(one.people.resolve(slack('U1'))).rejects.toMatchObject({ code: 'refused_disabled' })
    })

    test('costs no look into the store while it is fresh', async () => {
      let finds = 0
      const find = (identity: string): Promise<User | null> => {
        finds += 1
        return bed.store.users.find(identity)
      }
      const users = { ...bed.store.users, find }
      const service = await serve(Object.assign(Object.create(bed.store), { users }) as Store)
      await service.people.resolve(slack('U2'))
      await until(async () => (await bed.store.users.find('slack:T1:U2')) !== null)
      const before = finds
      for (let i = 0; i < 10; i++) await service.people.resolve(slack('U2'))
      expect(finds - before).toBeLessThanOrEqual(1)
    })

    test('what changes at the source changes here, and gives and takes the address without joining anybody', async () => {
      const ann = await one.people.resolve(slack('U1'))
      const bob = await one.people.resolve(slack('U2'))
      profiles.set('U2', { ...vouched('Robert', 'ann@example.com'), timeZone: 'Europe/Berlin' })
      const later = await serve(bed.store)
      await later.people.resolve(slack('U2'))
      const changed = await until(async () => {
        const user = await bed.store.users.get(bob.id)
        return user?.name === 'Robert' && !user.identities.includes('email:bob@example.com') ? user : null
      })
      expect(changed).toMatchObject({ timeZone: 'Europe/Berlin', emails: [{ address: 'ann@example.com' }] })
      expect(shownIdentities(changed)).toEqual(['slack:T1:U2'])
      expect((await bed.store.users.find('email:ann@example.com'))?.id).toBe(ann.id)
    })

    test('has their language and time zone, and when they were last here', async () => {
      profiles.set('U2', { ...vouched('Bob', 'bob@example.com'), locale: 'de-DE', timeZone: 'Europe/Berlin' })
      const at = bed.clock.now()
      const { id, ...bob } = await one.people.resolve(slack('U2'))
      expect(bob).toMatchObject({ locale: 'de-DE', timeZone: 'Europe/Berlin', createdAt: at, seenAt: at })
      bed.clock.advance(25 * 60 * 60_000)
      await (await serve(bed.store)).people.resolve(slack('U2'))
      const seen = await until(async () => {
        const user = await bed.store.users.get(id)
        return user && user.seenAt > at ? user : null
      })
      expect(seen).toMatchObject({ createdAt: at, seenAt: bed.clock.now() })
    })

    test('an account that ended at its source is refused', async () => {
      await one.people.resolve(slack('U1'))
      profiles.set('U1', { name: 'Ann', inactive: true })
      const later = await serve(bed.store)
      await expect(later.people.resolve(slack('U1'))).rejects.toMatchObject({ code: 'refused_inactive' })
    })
  })

  describe('a sign-in', () => {
    test('is the person’s account on the platform, known there or not', async () => {
      const known = await one.people.resolve(slack('U1'))
      const signed = await one.identities.signIn({ identity: 'slack:T1:U1', profile: { name: 'Ann' } })
      expect(signed.id).toBe(known.id)
      const fresh = await one.identities.signIn({ identity: 'teams:tenant:nobody-there', profile: { name: 'New' } })
      expect(fresh).toMatchObject({ name: 'New', identities: ['teams:tenant:nobody-there'] })
      expect(
        (await one.identities.signIn({ identity: 'oidc:https://id.example:7', profile: { name: 'Oz' } })).name,
      ).toBe('Oz')
      expect(await actions()).toEqual(['sign_in', 'sign_in', 'sign_in'])
    })

    test('is refused to whom the platform itself calls a guest', async () => {
      profiles.set('U1', { name: 'Ann', guest: true })
      const proof = { identity: 'slack:T1:U1', profile: vouched('Ann', 'ann@example.com') }
      await expect(one.identities.signIn(proof)).rejects.toMatchObject({ code: 'refused_guest' })
      const bob = await one.people.resolve(slack('U2'))
      await expect(one.identities.join(bob, proof)).rejects.toMatchObject({ code: 'refused_guest' })
      expect(await bed.store.users.find('slack:T1:U1')).toBeNull()
    })

    test('waits until the platform itself can tell who is a guest there', async () => {
      profiles.get = () => {
        throw new Error('Slack is down')
      }
      const proof = { identity: 'slack:T1:U7', profile: { name: 'Gus' } }
      await expect(one.identities.signIn(proof)).rejects.toMatchObject({ code: 'sign_in_unavailable' })
      expect(await bed.store.users.find('slack:T1:U7')).toBeNull()
    })

    test('while signed in as someone else joins the two, after showing whom it meets', async () => {
      const ann = await one.people.resolve(slack('U1'))
      const bo = await one.people.resolve(teams('o2'))
      const conversation = await withConversation(bo, 'hello')
      const proof = { identity: 'teams:tenant:o2', profile: { name: 'Bo' } }
      expect(await one.identities.meets(ann, proof)).toMatchObject({ user: bo.id, name: 'Bo', conversations: 1 })
      const joined = await one.identities.join(ann, proof)
      expect(joined.id).toBe(ann.id)
      expect(shownIdentities(joined)).toEqual(['slack:T1:U1', 'teams:tenant:o2'])
      expect((await one.people.resolve(teams('o2'))).id).toBe(ann.id)
      const { items } = await bed.store.conversations.list(ann.id, { limit: 5 })
      expect(items.map((item) => item.conversation.id)).toEqual([conversation])
      expect(await one.identities.meets(joined, proof)).toBeNull()
    })
  })

  describe('a code', () => {
    let ann: User
    let bo: User
    beforeEach(async () => {
      ann = await one.people.resolve(slack('U1'))
      bo = await one.people.resolve(teams('o2'))
    })

    test('joins two when it was entered on the other side and both have agreed', async () => {
      const { code } = await one.identities.offer(ann)
      expect(code).toMatch(/^[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}$/)
      const entered = await one.identities.enter(bo, code.toLowerCase().replace('-', ' '))
      expect(entered).toMatchObject({ own: { user: bo.id, agreed: false }, other: { user: ann.id, name: 'Ann' } })
      expect((await one.identities.agree(bo, code)).joined).toBeUndefined()
      expect(await one.identities.link(ann, code)).toMatchObject({ other: { user: bo.id, agreed: true } })
      const { joined } = await one.identities.agree(ann, code)
      expect(joined?.id).toBe(ann.id)
      expect(shownIdentities(joined!)).toEqual(['slack:T1:U1', 'teams:tenant:o2'])
      expect(await actions(joined)).toContain('join')
      await expect(one.identities.agree(ann, code)).rejects.toMatchObject({ code: 'link_code' })
    })

    test('is good for ten minutes', async () => {
      const { code } = await one.identities.offer(ann)
      bed.clock.advance(10 * 60_000)
      await expect(one.identities.enter(bo, code)).rejects.toMatchObject({ code: 'link_code' })
    })

    test('is good for one other side, whoever comes first', async () => {
      const eve = await one.people.resolve(slack('U2'))
      const other = await serve(await bed.again())
      const { code } = await one.identities.offer(ann)
      const entries = await Promise.allSettled([one.identities.enter(bo, code), other.identities.enter(eve, code)])
      expect(entries.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
      expect(entries.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'link_code' } })
    })

    test('cannot be agreed to by a third, nor before it was entered, and not alone', async () => {
      const eve = await one.people.resolve(slack('U2'))
      const { code } = await one.identities.offer(ann)
      await expect(one.identities.agree(ann, code)).rejects.toMatchObject({ code: 'link_code' })
      await expect(one.identities.enter(ann, code)).rejects.toMatchObject({ code: 'own_link_code' })
      await one.identities.enter(bo, code)
      await expect(one.identities.agree(eve, code)).rejects.toMatchObject({ code: 'link_code' })
      expect(await one.identities.link(eve, code)).toBeNull()
      await one.identities.agree(bo, code)
      await one.identities.agree(bo, code)
      expect((await bed.store.users.get(bo.id))?.id).toBe(bo.id)
    })

    test('is over when a side declines, and cannot be guessed', async () => {
      const { code } = await one.identities.offer(ann)
      await one.identities.enter(bo, code)
      await one.identities.decline(ann, code)
      await expect(one.identities.agree(bo, code)).rejects.toMatchObject({ code: 'link_code' })
      for (let i = 0; i < 9; i++)
        await expect(one.identities.enter(bo, `AAAA-AAA${i}`)).rejects.toMatchObject({ code: 'link_code' })
      await expect(one.identities.enter(bo, 'AAAA-AAAA')).rejects.toMatchObject({ code: 'too_many_attempts' })
    })

    test('is not agreed to for both by one side that became another user meanwhile', async () => {
      const older = await bed.store.users.create({
        ...ann,
        id: 'an-older-one-0001',
        identities: ['web:local:ann'],
        createdAt: ann.createdAt - 1,
      })
      const { code } = await one.identities.offer(ann)
      await one.identities.enter(bo, code)
      await one.identities.agree(ann, code)
      const now = await one.identities.join(older, { identity: 'slack:T1:U1', profile: { name: 'Ann' } })
      expect((await one.identities.agree(now, code)).joined).toBeUndefined()
      await expect(one.identities.enter(now, code)).rejects.toMatchObject({ code: 'own_link_code' })
      expect((await bed.store.users.get(bo.id))?.id).toBe(bo.id)
      expect(await one.identities.link(bo, code)).toMatchObject({ own: { agreed: false }, other: { agreed: true } })
      expect((await one.identities.agree(bo, code)).joined?.id).toBe(now.id)
    })

    test('that a side declines is over, whatever the other does at the same moment', async () => {
      const { cache } = bed.store
      const { code } = await one.identities.offer(ann)
      await one.identities.enter(bo, code)
      await one.identities.agree(ann, code)
      // The other side looks at it anew (which is written down) between the look and the end.
      let meanwhile: (() => Promise<unknown>) | undefined = () => one.identities.enter(bo, code)
      const swap: typeof cache.swap = async (...step) => {
        const first = step[2] === null ? meanwhile : undefined
        if (first) {
          meanwhile = undefined
          await first()
          await bed.store.cache.swap(step[0], step[1], `${step[1]} `, 60_000)
        }
        return cache.swap(...step)
      }
      const racing = { ...cache, get: cache.get.bind(cache), swap }
      const late = await serve(Object.assign(Object.create(bed.store), { cache: racing }) as Store)
      await late.identities.decline(ann, code)
      await expect(one.identities.agree(bo, code)).rejects.toMatchObject({ code: 'link_code' })
    })

    test('agreed to once more while they are being joined finds them one', async () => {
      const { code } = await one.identities.offer(ann)
      await one.identities.enter(bo, code)
      await one.identities.agree(ann, code)
      const { users } = bed.store
      const merge: typeof users.merge = async (from, into) => {
        await users.merge(from, into)
        return users.merge(from, into)
      }
      const slow = await serve(Object.assign(Object.create(bed.store), { users: { ...users, merge } }) as Store)
      expect((await slow.identities.agree(bo, code)).joined?.id).toBe(ann.id)
    })

    test('agreed to by both at the same moment, on two instances, joins them once', async () => {
      const other = await serve(await bed.again())
      const { code } = await one.identities.offer(ann)
      await one.identities.enter(bo, code)
      await Promise.allSettled([one.identities.agree(ann, code), other.identities.agree(bo, code)])
      const [a, b] = await Promise.all([bed.store.users.get(ann.id), bed.store.users.get(bo.id)])
      expect(a?.id).toBe(b?.id)
      expect(shownIdentities(a!)).toHaveLength(2)
    })
  })

  describe('parting', () => {
    test('gives an identity a future of its own and leaves the history with its owner', async () => {
      const ann = await one.people.resolve(slack('U1'))
      await one.people.resolve(teams('o1'))
      const conversation = await withConversation(ann, 'hello')
      const left = await one.identities.unlink((await bed.store.users.get(ann.id))!, 'teams:tenant:o1')
      expect(shownIdentities(left)).toEqual(['slack:T1:U1'])
      const fresh = await one.people.resolve(teams('o1'))
      expect(fresh.id).not.toBe(ann.id)
      expect((await bed.store.conversations.list(fresh.id, { limit: 5 })).items).toEqual([])
      const kept = await bed.store.conversations.list(ann.id, { limit: 5 })
      expect(kept.items.map((item) => item.conversation.id)).toEqual([conversation])
      expect(await actions(ann)).toContain('unlink')
    })

    test('is not undone by the address they share', async () => {
      const ann = await one.people.resolve(slack('U1'))
      await one.people.resolve(teams('o1'))
      await one.identities.unlink((await bed.store.users.get(ann.id))!, 'teams:tenant:o1')
      const later = await serve(bed.store)
      expect((await later.people.resolve(teams('o1'))).id).not.toBe(ann.id)
    })

    test('is refused for the last identity, and for one that is not theirs', async () => {
      const ann = await one.people.resolve(slack('U1'))
      await expect(one.identities.unlink(ann, 'slack:T1:U1')).rejects.toMatchObject({ code: 'last_identity' })
      await expect(one.identities.unlink(ann, 'slack:T1:U2')).rejects.toMatchObject({ code: 'not_found' })
      await expect(one.identities.unlink(ann, 'email:ann@example.com')).rejects.toMatchObject({ code: 'not_found' })
    })

    test('of both identities at the same moment leaves one with the history', async () => {
      const ann = await one.people.resolve(slack('U1'))
      const both = await one.people.resolve(teams('o1'))
      const other = await serve(await bed.again())
      const parted = await Promise.allSettled([
        one.identities.unlink(both, 'slack:T1:U1'),
        other.identities.unlink(both, 'teams:tenant:o1'),
      ])
      expect(parted.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
      expect(shownIdentities((await bed.store.users.get(ann.id))!)).toHaveLength(1)
    })

    test('opens no way back to someone who is locked out, and none out of a legal hold', async () => {
      const ann = await one.people.resolve(slack('U1'))
      const both = await one.people.resolve(teams('o1'))
      await bed.store.users.update(ann.id, { state: 'disabled', hold: true })
      await one.identities.unlink(both, 'teams:tenant:o1', 'an admin')
      expect(await bed.store.users.find('teams:tenant:o1')).toMatchObject({ state: 'disabled', hold: true })
      const later = await serve(bed.store)
      await expect(later.people.resolve(teams('o1'))).rejects.toMatchObject({ code: 'refused_disabled' })
    })

    test('takes a password along with its name', async () => {
      const web = await bed.store.users.create({
        id: 'web-user-0001',
        name: 'ann',
        emails: [],
        roles: ['admin'],
        state: 'active',
        identities: ['web:local:ann'],
        password: 'hash',
        createdAt: bed.clock.now() - 1,
        seenAt: 0,
      })
      const joined = await one.identities.join(web, { identity: 'slack:T1:U1', profile: { name: 'Ann' } })
      const left = await one.identities.unlink(joined, 'web:local:ann')
      expect(left.password).toBeUndefined()
      expect(left.roles).toEqual(['admin'])
      expect(await bed.store.users.find('web:local:ann')).toMatchObject({ password: 'hash', roles: ['member'] })
    })
  })
}
