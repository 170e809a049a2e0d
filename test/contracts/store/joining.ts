import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { homeOf, newConversationId } from '../../../src/ids.ts'
import type { Store } from '../../../src/store.ts'
import type { User } from '../../../src/types.ts'
import { type Bed, bedFor, claimNew, deliveryOf, messageAt, newUser, type Open, outcomeOf, placeOf } from './kit.ts'

/** Users who turn out to be one, or who part. */
export function joiningContract(open: Open): void {
  describe('users who come together and part', () => {
    const bed = bedFor(open)
    describe('attach', () => attachContract(bed))
    describe('detach', () => detachContract(bed))
    describe('merge', () => mergeContract(bed))
    describe('merge, conversations', () => conversationsContract(bed))
    describe('merge, several at once', () => racesContract(bed))
    describe('remove', () => removeContract(bed))
    describe('search', () => searchContract(bed))
  })
}

async function make(store: Store, id: string, over: Partial<User> = {}): Promise<User> {
  return store.users.create(newUser({ id, name: id, ...over }))
}

/** The conversations on a list, in its order. */
async function listOf(store: Store, user: string): Promise<string[]> {
  const ids: string[] = []
  for (let before: string | undefined; ; ) {
    const page = await store.conversations.list(user, { limit: 500, ...(before !== undefined && { before }) })
    ids.push(...page.items.map((one) => one.conversation.id))
    before = page.next
    if (before === undefined) return ids
  }
}

async function participantsOf(store: Store, conversation: string): Promise<string[]> {
  return (await store.conversations.read(conversation, { messages: 0 }))?.conversation.participants ?? []
}

/** A finished turn of someone's in a conversation of its own, or in the one of a place. */
async function chat(bed: Bed, channel: string, user: string, over = {}): Promise<string> {
  bed.clock.advance(1_000)
  const claim = await claimNew(bed.store, messageAt(placeOf(channel, over), { user }))
  await bed.store.conversations.join(claim.conversation, user)
  await bed.store.leases.commit(claim, outcomeOf(claim, { participants: [user] }))
  return claim.conversation
}

function attachContract(bed: Bed): void {
  it('gives a user one more identity, by which they are found', async () => {
    const user = await make(bed.store, 'ann', { identities: ['slack:T1:U1'] })
    const both = { ...user, identities: ['slack:T1:U1', 'teams:t:o'] }
    expect(await bed.store.users.attach('ann', 'teams:t:o')).toEqual(both)
    expect(await bed.store.users.attach('ann', 'teams:t:o')).toEqual(both)
    expect(await bed.store.users.find('teams:t:o')).toEqual(both)
    expect(await bed.store.users.get('ann')).toEqual(both)
  })

  it('takes no identity from anyone, and says whose it is', async () => {
    await make(bed.store, 'ann')
    const bob = await make(bed.store, 'bob', { identities: ['slack:T1:U2'] })
    expect(await bed.store.users.attach('ann', 'slack:T1:U2')).toEqual(bob)
    expect(await bed.store.users.find('slack:T1:U2')).toEqual(bob)
    expect((await bed.store.users.get('ann'))?.identities).toEqual(['web:local:ann'])
  })

  it('gives nobody an identity who is not there', async () => {
    expect(await bed.store.users.attach('nobody', 'slack:T1:U1')).toBeNull()
    expect(await bed.store.users.find('slack:T1:U1')).toBeNull()
  })

  it('gives an identity to one of several who want it at once, be they known or new', async () => {
    const other = await bed.again()
    await make(bed.store, 'ann')
    await make(bed.store, 'bob')
    const identity = 'email:x@example.com'
    const owners = await Promise.all([
      bed.store.users.attach('ann', identity),
      other.users.attach('bob', identity),
      other.users.create(newUser({ id: 'new', identities: [identity] })),
      bed.store.users.attach('bob', identity),
    ])
    const owner = await bed.store.users.find(identity)
    expect(owner?.identities).toContain(identity)
    expect(owners.map((one) => one?.id)).toEqual(owners.map(() => owner?.id))
    const all = await bed.store.users.list({ limit: 10 })
    expect(all.filter((one) => one.identities.includes(identity))).toEqual([owner])
  })

  it('loses none of the identities that one user gets at once', async () => {
    const other = await bed.again()
    await make(bed.store, 'ann', { identities: ['i0'] })
    const more = ['i1', 'i2', 'i3', 'i4']
    await Promise.all(more.map((one, n) => [bed.store, other][n % 2]!.users.attach('ann', one)))
    expect((await bed.store.users.get('ann'))?.identities.toSorted()).toEqual(['i0', ...more])
  })
}

function detachContract(bed: Bed): void {
  it('begins a new user with the identity, and leaves the rest and all conversations where they were', async () => {
    const ann = await make(bed.store, 'ann', { identities: ['slack:T1:U1', 'teams:t:o'] })
    const conversation = await chat(bed, 'a', 'ann')
    const fresh = newUser({ id: 'new', name: 'New', identities: ['something else'] })
    const left = { ...ann, identities: ['slack:T1:U1'] }
    const own = { ...fresh, identities: ['teams:t:o'] }
    expect(await bed.store.users.detach('ann', 'teams:t:o', fresh)).toEqual({ left, fresh: own })
    expect(await bed.store.users.find('teams:t:o')).toEqual(own)
    expect(await bed.store.users.get('new')).toEqual(own)
    expect(await bed.store.users.find('something else')).toBeNull()
    expect(await bed.store.users.find('slack:T1:U1')).toEqual(left)
    expect((await bed.store.users.list({ limit: 10 })).map((one) => one.id)).toEqual(['ann', 'new'])
    expect([await listOf(bed.store, 'ann'), await listOf(bed.store, 'new')]).toEqual([[conversation], []])
  })

  it('gives the same result when it is repeated', async () => {
    await make(bed.store, 'ann', { identities: ['i1', 'i2'] })
    const fresh = newUser({ id: 'new', identities: ['i2'] })
    const first = await bed.store.users.detach('ann', 'i2', fresh)
    expect(first?.fresh).toEqual(fresh)
    expect(await bed.store.users.detach('ann', 'i2', fresh)).toEqual(first)
  })

  it('can leave the identity to whoever comes with it next', async () => {
    await make(bed.store, 'ann', { identities: ['i1', 'i2'] })
    expect(await bed.store.users.detach('ann', 'i2')).toMatchObject({ left: { identities: ['i1'] } })
    expect(await bed.store.users.find('i2')).toBeNull()
    const next = newUser({ id: 'next', identities: ['i2'] })
    expect(await bed.store.users.create(next)).toEqual(next)
  })

  it('refuses the last identity, one of someone else and one of nobody, and changes nothing', async () => {
    const ann = await make(bed.store, 'ann', { identities: ['i1'] })
    const bob = await make(bed.store, 'bob', { identities: ['i2', 'i3'] })
    for (const [id, identity] of [
      ['ann', 'i1'],
      ['ann', 'i2'],
      ['ann', 'i9'],
      ['nobody', 'i1'],
    ] as const) {
      expect(await bed.store.users.detach(id, identity, newUser({ id: 'new', identities: [identity] }))).toBeNull()
    }
    expect(await bed.store.users.list({ limit: 10 })).toEqual([ann, bob])
    for (const user of [ann, bob])
      for (const one of user.identities) expect(await bed.store.users.find(one)).toEqual(user)
  })

  it('leaves one identity, whichever are taken at once', async () => {
    const other = await bed.again()
    await make(bed.store, 'ann', { identities: ['i1', 'i2'] })
    const results = await Promise.all([
      bed.store.users.detach('ann', 'i1', newUser({ id: 'one', identities: ['i1'] })),
      other.users.detach('ann', 'i2', newUser({ id: 'two', identities: ['i2'] })),
    ])
    expect(results.filter((one) => one === null)).toHaveLength(1)
    const all = await bed.store.users.list({ limit: 10 })
    expect(all.flatMap((one) => one.identities).toSorted()).toEqual(['i1', 'i2'])
    for (const user of all) expect(await other.users.find(user.identities[0]!)).toEqual(user)
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
    const one = await chat(bed, 'a', 'from')
    const two = await chat(bed, 'b', 'into')
    const shared = { direct: false }
    const both = await chat(bed, 'c', 'from', shared)
    for (const user of ['bob', 'into', 'eve']) expect(await chat(bed, 'c', user, shared)).toBe(both)
    const four = await chat(bed, 'd', 'from')
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
    const old = await chat(bed, 'a', 'from')
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
    const theirs = await chat(bed, 'c', 'from')
    for (const id of [old, running.conversation, theirs]) expect(await participantsOf(bed.store, id)).toEqual(['into'])
    expect((await listOf(bed.store, 'into')).toSorted()).toEqual([old, running.conversation, theirs].toSorted())
    // What is `into`'s was never `from`'s.
    const own = await chat(bed, 'd', 'into')
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
    const source = await chat(bed, 'source', 'bob')
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
    for (const id of ids) conversations.push(await chat(bed, id, id))
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

function removeContract(bed: Bed): void {
  it('leaves nothing of a user: identities, former ids, sessions, absences, list', async () => {
    await make(bed.store, 'old', { identities: ['i1'] })
    await make(bed.store, 'ann', { identities: ['i2'] })
    const bob = await make(bed.store, 'bob', { identities: ['i3'] })
    await chat(bed, 'a', 'old')
    await bed.store.users.merge('old', 'ann')
    const expiresAt = bed.clock.now() + 60_000
    for (const user of ['old', 'ann', 'bob']) await bed.store.sessions.set(`s-${user}`, {}, { user, expiresAt })
    for (const identity of ['i1', 'i2', 'i3']) await bed.store.absences.left('slack:T1:C1', identity)
    const list = await listOf(bed.store, 'ann')
    for (const id of list) await bed.store.conversations.remove(id)

    expect(await bed.store.users.remove('old')).toBe(true)
    for (const id of ['old', 'ann']) {
      expect(await bed.store.users.remove(id)).toBe(false)
      expect(await bed.store.users.get(id)).toBeNull()
      expect(await bed.store.users.update(id, { name: 'x' })).toBeNull()
      expect(await bed.store.sessions.get(`s-${id}`)).toBeNull()
      expect(await listOf(bed.store, id)).toEqual([])
    }
    for (const identity of ['i1', 'i2']) {
      expect(await bed.store.users.find(identity)).toBeNull()
      expect(await bed.store.absences.among(['slack:T1:C1'], [identity])).toEqual([])
    }
    expect(await bed.store.users.list({ limit: 10 })).toEqual([bob])
    expect(await bed.store.sessions.get('s-bob')).toEqual({})
    expect(await bed.store.absences.among(['slack:T1:C1'], ['i3'])).toEqual(['slack:T1:C1'])
    const again = newUser({ id: 'new', identities: ['i1', 'i2'] })
    expect(await bed.store.users.create(again)).toEqual(again)
  })
}

function searchContract(bed: Bed): void {
  it('finds users by words of their name, an e-mail or an identity, whatever the case and width', async () => {
    await make(bed.store, 'a', { name: 'Änne Müller', identities: ['slack:T1:UABC'] })
    await make(bed.store, 'b', { name: 'Bob', emails: [{ address: 'Bob.Miller@Example.com', verifiedBy: 'slack' }] })
    await make(bed.store, 'c', { name: 'Ｗｉｄｅ', identities: ['teams:tenant:b0b'] })
    const search = async (text: string) => {
      const { items } = await bed.store.users.search(text, { limit: 10 })
      return items.map((one) => one.id)
    }
    expect(await search('MÜLL')).toEqual(['a'])
    expect(await search('änne')).toEqual(['a'])
    expect(await search(' miller@EXAMPLE ')).toEqual(['b'])
    expect(await search('wide')).toEqual(['c'])
    expect(await search('b0b')).toEqual(['c'])
    expect(await search('uabc')).toEqual(['a'])
    expect(await search('e')).toEqual(['a', 'b', 'c'])
    expect(await search('nobody')).toEqual([])
  })

  it('pages through what it finds, without those who became another', async () => {
    const names = ['u1', 'u2', 'u3', 'u4', 'u5', 'u6']
    for (const id of names) await make(bed.store, id, { name: id === 'u4' ? 'Other' : 'Same', identities: [`i:${id}`] })
    await bed.store.users.merge('u2', 'u3')
    const found: string[] = []
    for (let after: string | undefined; ; ) {
      const page = await bed.store.users.search('same', { limit: 2, ...(after !== undefined && { after }) })
      found.push(...page.items.map((one) => one.id))
      after = page.next
      if (after === undefined) break
    }
    expect(found).toEqual(['u1', 'u3', 'u5', 'u6'])
  })
}
