import { describe, expect, it } from 'vitest'
import type { Store } from '../../../src/store.ts'
import type { User } from '../../../src/types.ts'
import { type Bed, bedFor, claimNew, messageAt, newUser, type Open, outcomeOf, placeOf } from './kit.ts'

/** Identities that a user gets or parts from, users who go, and finding them. */
export function identitiesContract(open: Open): void {
  describe('users', () => {
    const bed = bedFor(open)
    describe('attach', () => attachContract(bed))
    describe('detach', () => detachContract(bed))
    describe('remove', () => removeContract(bed))
    describe('search', () => searchContract(bed))
  })
}

export async function make(store: Store, id: string, over: Partial<User> = {}): Promise<User> {
  return store.users.create(newUser({ id, name: id, ...over }))
}

/** The conversations on a list, in its order. */
export async function listOf(store: Store, user: string): Promise<string[]> {
  const ids: string[] = []
  for (let before: string | undefined; ; ) {
    const page = await store.conversations.list(user, { limit: 500, ...(before !== undefined && { before }) })
    ids.push(...page.items.map((one) => one.conversation.id))
    before = page.next
    if (before === undefined) return ids
  }
}

export async function participantsOf(store: Store, conversation: string): Promise<string[]> {
  return (await store.conversations.read(conversation, { messages: 0 }))?.conversation.participants ?? []
}

/** A finished turn of someone's in a conversation of its own, or in the one of a place. */
export async function chatOf(bed: Bed, channel: string, user: string, over = {}): Promise<string> {
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
    const conversation = await chatOf(bed, 'a', 'ann')
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

function removeContract(bed: Bed): void {
  it('leaves nothing of a user: identities, former ids, sessions, absences, list', async () => {
    await make(bed.store, 'old', { identities: ['i1'] })
    await make(bed.store, 'ann', { identities: ['i2'] })
    const bob = await make(bed.store, 'bob', { identities: ['i3'] })
    await chatOf(bed, 'a', 'old')
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
