import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { homeOf, newConversationId } from '../../../src/ids.ts'
import type { User } from '../../../src/types.ts'
import { chatOf, listOf, make, participantsOf } from './identities.ts'
import { type Bed, bedFor, claimNew, deliveryOf, messageAt, newUser, type Open, outcomeOf, placeOf } from './kit.ts'

/** Users who turn out to be one. */
export function mergingContract(open: Open): void {
  describe('users who become one', () => {
    const bed = bedFor(open)
    describe('merge', () => mergeContract(bed))
    describe('their conversations', () => conversationsContract(bed))
    describe('several at once', () => racesContract(bed))
  })
}

function mergeContract(bed: Bed): void {
  const from: Partial<User> = {
    name: 'Ann (web)',
    identities: ['web:local:ann', 'oidc:i:s'],
    emails: [
      { address: 'Ann@example.com', verifiedBy: 'slack', at: 9 },
      { address: 'ann@example.org', verifiedBy: 'oidc' },
    ],
    roles: ['admin'],
    password: '$argon2id$x',
    locale: 'de',
    hold: true,
    createdAt: 5,
    seenAt: 50,
  }
  const into: Partial<User> = {
    name: 'Ann',
    identities: ['slack:T1:U1'],
    emails: [{ address: 'ann@example.com', verifiedBy: 'slack', at: 3 }],
    roles: ['member'],
    timeZone: 'UTC',
    createdAt: 7,
    seenAt: 40,
  }

  it('makes two users one, with all that was known of either', async () => {
    await make(bed.store, 'from', from)
    await make(bed.store, 'into', into)
    const one = await bed.store.users.merge('from', 'into')
    expect(one).toEqual({
      id: 'into',
      name: 'Ann',
      identities: ['slack:T1:U1', 'web:local:ann', 'oidc:i:s'],
      emails: [
        { address: 'Ann@example.com', verifiedBy: 'slack', at: 9 },
        { address: 'ann@example.org', verifiedBy: 'oidc' },
      ],
      roles: ['member', 'admin'],
      state: 'active',
      formerly: ['from'],
      hold: true,
      password: '$argon2id$x',
      locale: 'de',
      timeZone: 'UTC',
      createdAt: 5,
      seenAt: 50,
    })
    for (const id of ['from', 'into']) expect(await bed.store.users.get(id)).toEqual(one)
    for (const identity of one!.identities) expect(await bed.store.users.find(identity)).toEqual(one)
    expect(await bed.store.users.list({ limit: 10 })).toEqual([one])
  })

  it('keeps out whoever was locked out as one of the two', async () => {
    await make(bed.store, 'a', { state: 'disabled' })
    await make(bed.store, 'b')
    await make(bed.store, 'c', { state: 'disabled' })
    expect((await bed.store.users.merge('a', 'b'))?.state).toBe('disabled')
    await make(bed.store, 'd')
    expect((await bed.store.users.merge('d', 'c'))?.state).toBe('disabled')
  })

  it('has the ids of all who became one, whatever the order', async () => {
    for (const id of ['a', 'b', 'c', 'd']) await make(bed.store, id)
    await bed.store.users.merge('a', 'b')
    const three = await bed.store.users.merge('b', 'c')
    expect(three?.formerly).toEqual(['b', 'a'])
    // By an id they no longer have, on either side.
    const four = await bed.store.users.merge('d', 'a')
    expect(four).toMatchObject({ id: 'c', formerly: ['b', 'a', 'd'] })
    for (const id of ['a', 'b', 'c', 'd']) expect(await bed.store.users.get(id)).toEqual(four)
    expect(await bed.store.users.merge('b', 'd')).toBeNull()
  })

  it('changes nothing where one is not there, or both are one already', async () => {
    const ann = await make(bed.store, 'ann')
    expect(await bed.store.users.merge('ann', 'nobody')).toBeNull()
    expect(await bed.store.users.merge('nobody', 'ann')).toBeNull()
    expect(await bed.store.users.merge('ann', 'ann')).toBeNull()
    expect(await bed.store.users.list({ limit: 10 })).toEqual([ann])
    expect(await bed.store.users.resume()).toBe(0)
  })

  it('leads every change by a former id to who they are now', async () => {
    await make(bed.store, 'from', { identities: ['i1'] })
    await make(bed.store, 'into', { identities: ['i2'], locale: 'de' })
    await bed.store.users.merge('from', 'into')
    expect(await bed.store.users.update('from', { name: 'New', locale: undefined })).toMatchObject({
      id: 'into',
      name: 'New',
    })
    expect((await bed.store.users.get('into'))?.locale).toBeUndefined()
    expect((await bed.store.users.attach('from', 'i3'))?.identities).toEqual(['i2', 'i1', 'i3'])
    const parted = await bed.store.users.detach('from', 'i1', newUser({ id: 'new', identities: ['i1'] }))
    expect(parted?.left.identities).toEqual(['i2', 'i3'])
    expect(await bed.store.users.create(newUser({ id: 'from', identities: ['i2'] }))).toEqual(parted?.left)
  })

  it('ends the sessions of both, whichever of the ids is given', async () => {
    await make(bed.store, 'from')
    await make(bed.store, 'into')
    const { sessions } = bed.store
    const expiresAt = bed.clock.now() + 60_000
    const begin = async () => {
      for (const user of ['from', 'into', 'bob']) await sessions.set(`s-${user}`, {}, { user, expiresAt })
    }
    await begin()
    await bed.store.users.merge('from', 'into')
    const left = async () =>
      (await Promise.all(['from', 'into', 'bob'].map((user) => sessions.get(`s-${user}`)))).map((one) => one !== null)
    await sessions.endAll('into', 's-from')
    expect(await left()).toEqual([true, false, true])
    await begin()
    await sessions.endAll('from')
    expect(await left()).toEqual([false, false, true])
  })
}

function conversationsContract(bed: Bed): void {
  it('puts the conversations of both on one list, by time, and lets one take part instead of two', async () => {
    for (const id of ['from', 'into']) await make(bed.store, id)
    const one = await chatOf(bed, 'a', 'from')
    const two = await chatOf(bed, 'b', 'into')
    const shared = { direct: false }
    const both = await chatOf(bed, 'c', 'from', shared)
    for (const user of ['bob', 'into', 'eve']) expect(await chatOf(bed, 'c', user, shared)).toBe(both)
    const four = await chatOf(bed, 'd', 'from')
    await bed.store.users.merge('from', 'into')
    for (const user of ['into', 'from']) expect(await listOf(bed.store, user)).toEqual([four, both, two, one])
    expect(await participantsOf(bed.store, one)).toEqual(['into'])
    // At the time the first of the two joined.
    expect(await participantsOf(bed.store, both)).toEqual(['into', 'bob', 'eve'])
    expect(await listOf(bed.store, 'bob')).toEqual([both])
    const found = await bed.store.conversations.list('into', { limit: 10, matching: 'question' })
    expect(found.items).toHaveLength(4)
  })

  it('takes what comes in the name of a former self as who they are now', async () => {
    for (const id of ['from', 'into']) await make(bed.store, id)
    const old = await chatOf(bed, 'a', 'from')
    const running = await claimNew(bed.store, messageAt(placeOf('b'), { user: 'from' }))
    const waiting = deliveryOf(messageAt(placeOf('b'), { user: 'from' }))
    await bed.store.inbox.accept(waiting)
    await bed.store.users.merge('from', 'into')

    // A turn that began before ends after.
    await bed.store.conversations.join(running.conversation, 'from')
    await bed.store.leases.commit(running, outcomeOf(running, { participants: ['from'] }))
    // A page that was open before.
    for (const user of ['from', 'into']) {
      const named = messageAt(placeOf('web'), { conversation: old, user })
      expect((await bed.store.inbox.accept(deliveryOf(named))).accepted.status).toBe('accepted')
    }
    const theirs = await chatOf(bed, 'c', 'from')
    for (const id of [old, running.conversation, theirs]) expect(await participantsOf(bed.store, id)).toEqual(['into'])
    expect((await listOf(bed.store, 'into')).toSorted()).toEqual([old, running.conversation, theirs].toSorted())
    // What is `into`'s was never `from`'s.
    const own = await chatOf(bed, 'd', 'into')
    const named = messageAt(placeOf('web'), { conversation: own, user: 'from' })
    expect((await bed.store.inbox.accept(deliveryOf(named))).accepted.status).toBe('accepted')
    const stranger = messageAt(placeOf('web'), { conversation: own, user: 'eve' })
    expect((await bed.store.inbox.accept(deliveryOf(stranger))).accepted.status).toBe('denied')
    await bed.store.conversations.leave(own, 'from')
    expect(await participantsOf(bed.store, own)).toEqual([])
    expect(await listOf(bed.store, 'into')).not.toContain(own)
  })

  it('moves 2,000 conversations, seen by both at every moment', { timeout: 60_000 }, async () => {
    const other = await bed.again()
    for (const id of ['from', 'into']) await make(bed.store, id)
    const count = 2_000
    const ids = Array.from({ length: count }, (_, n) => newConversationId(homeOf(placeOf(`many ${n}`))))
    const source = await chatOf(bed, 'source', 'bob')
    for (let n = 0; n < count; n += 100) {
      const some = ids.slice(n, n + 100)
      const copy = { user: 'from', surface: 'web', direct: true, messages: 2 } as const
      await Promise.all(some.map((id) => bed.store.conversations.copy(source, { ...copy, id })))
    }
    let merging = true
    const merged = bed.store.users.merge('from', 'into').finally(() => {
      merging = false
    })
    do {
      const user = (await other.users.get('from'))!
      const { items } = await other.conversations.list(user.id, { limit: 50 })
      expect(items).toHaveLength(50)
      const page = await other.conversations.list('from', { limit: 50 })
      expect(page.items).toHaveLength(50)
      // What is in memory resolves at once: let the other work, too.
      await nextTurn()
    } while (merging)
    expect((await merged)?.id).toBe('into')
    expect((await listOf(other, 'into')).toSorted()).toEqual(ids.toSorted())
    expect(await participantsOf(other, ids[count - 1]!)).toEqual(['into'])
  })
}

function racesContract(bed: Bed): void {
  /** Everyone is one: every id and identity leads there, and to every conversation. */
  async function expectOne(ids: string[], conversations: string[]): Promise<void> {
    expect(await bed.store.users.resume()).toBe(0)
    const [one, ...none] = await bed.store.users.list({ limit: 10 })
    expect(none).toEqual([])
    expect([one!.id, ...one!.formerly!].toSorted()).toEqual(ids.toSorted())
    expect(one!.identities.toSorted()).toEqual(ids.map((id) => `web:local:${id}`).toSorted())
    for (const id of ids) {
      expect(await bed.store.users.get(id)).toEqual(one)
      expect(await bed.store.users.find(`web:local:${id}`)).toEqual(one)
      expect((await listOf(bed.store, id)).toSorted()).toEqual(conversations.toSorted())
    }
    for (const id of conversations) expect(await participantsOf(bed.store, id)).toEqual([one!.id])
  }

  it.each([
    [
      'each into the other',
      [
        ['a', 'b'],
        ['b', 'a'],
      ],
      ['a', 'b'],
    ],
    [
      'the same twice',
      [
        ['a', 'b'],
        ['a', 'b'],
      ],
      ['a', 'b'],
    ],
    [
      'one after the other',
      [
        ['a', 'b'],
        ['b', 'c'],
      ],
      ['a', 'b', 'c'],
    ],
    [
      'one after the other, backwards',
      [
        ['b', 'c'],
        ['a', 'b'],
      ],
      ['a', 'b', 'c'],
    ],
    [
      'in a ring',
      [
        ['a', 'b'],
        ['b', 'c'],
        ['c', 'a'],
      ],
      ['a', 'b', 'c'],
    ],
  ] as [string, [string, string][], string[]][])('ends in one user: %s', async (_how, merges, ids) => {
    const stores = [bed.store, await bed.again()]
    for (const id of ids) await make(bed.store, id)
    const conversations = []
    for (const id of ids) conversations.push(await chatOf(bed, id, id))
    const merged = await Promise.all(merges.map(([from, into], n) => stores[n % 2]!.users.merge(from, into)))
    expect(merged.filter((one) => one !== null)).toHaveLength(ids.length - 1)
    await expectOne(ids, conversations)
  })

  it('ends in one user while others look for them, create them and write in their name', async () => {
    const other = await bed.again()
    const ids = ['a', 'b']
    for (const id of ids) await make(bed.store, id)
    const claims = await Promise.all(
      ['p', 'q', 'r'].map((one) => claimNew(bed.store, messageAt(placeOf(one), { user: 'a' }))),
    )
    const found = await Promise.all([
      other.users.create(newUser({ id: 'x', identities: ['web:local:a'] })),
      bed.store.users.merge('a', 'b'),
      other.users.find('web:local:a'),
      other.users.update('a', { seenAt: 99 }),
      ...claims.map(async (claim) => {
        await other.conversations.join(claim.conversation, 'a')
        await other.leases.commit(claim, outcomeOf(claim, { participants: ['a'] }))
        return other.users.get('a')
      }),
      other.users.create(newUser({ id: 'y', identities: ['web:local:b', 'web:local:a'] })),
    ])
    for (const user of found) expect(['a', 'b']).toContain(user?.id)
    expect((await bed.store.users.get('a'))?.seenAt).toBe(99)
    await expectOne(
      ids,
      claims.map((claim) => claim.conversation),
    )
  })

  it('parts an identity from whoever has it when a merge and a parting meet', async () => {
    const other = await bed.again()
    await make(bed.store, 'a', { identities: ['i1', 'i2'] })
    await make(bed.store, 'b', { identities: ['i3'] })
    await Promise.all([
      bed.store.users.merge('a', 'b'),
      other.users.detach('a', 'i1', newUser({ id: 'new', identities: ['i1'] })),
    ])
    const one = await bed.store.users.get('a')
    expect(one).toMatchObject({ id: 'b', formerly: ['a'] })
    expect(one?.identities.toSorted()).toEqual(['i2', 'i3'])
    expect(await bed.store.users.find('i1')).toMatchObject({ id: 'new', identities: ['i1'] })
    expect(await bed.store.users.find('i2')).toEqual(one)
  })
}
