import { describe, expect, it } from 'vitest'
import { homeOf, homeOfConversation, newConversationId } from '../../../src/ids.ts'
import { defaultMaxWaiting, pointerMs, seenMs } from '../../../src/store.ts'
import type { Accepted } from '../../../src/types.ts'
import {
  type Bed,
  bedFor,
  claimNew,
  deliveryOf,
  leaseMs,
  messageAt,
  newLease,
  type Open,
  outcomeOf,
  placeOf,
  say,
} from './kit.ts'

/** Messages waiting for their answer. */
export function inboxContract(open: Open): void {
  describe('inbox', () => {
    const bed = bedFor(open)
    describe('accept', () => acceptContract(bed))
    describe('accept, seen before', () => duplicateContract(bed))
    describe('accept, into which conversation', () => routeContract(bed))
  })
}

function stored(accepted: Accepted): { conversation: string; turn: string } {
  if (!('turn' in accepted)) throw new Error(`Not stored: ${accepted.status}`)
  return accepted
}

function acceptContract(bed: Bed): void {
  it('stores a new message under the ids of its delivery and begins a conversation', async () => {
    const delivery = deliveryOf(messageAt(placeOf('a', { surface: 'slack', workspace: 'T1', direct: false })))
    const { accepted, claim } = await bed.store.inbox.accept(delivery)
    expect(accepted).toEqual({ status: 'accepted', conversation: delivery.conversation, turn: delivery.turn })
    expect(claim).toBeUndefined()
    const found = await bed.store.conversations.read(delivery.conversation, { messages: 10 })
    expect(found?.messages).toEqual([])
    expect(found?.conversation).toMatchObject({
      id: delivery.conversation,
      title: '',
      titledBy: 'none',
      createdAt: bed.clock.now(),
      updatedAt: bed.clock.now(),
      surface: 'slack',
      direct: false,
      participants: [],
      count: 0,
      usage: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    })
    expect(found?.conversation.summary).toBeUndefined()
  })

  it('tells of the conversation with the claim what a read would tell, or nothing', async () => {
    const place = placeOf('a')
    const window = { messages: 3, bytes: 100_000 }
    for (let n = 0; n < 3; n++) {
      const { claim } = await bed.store.inbox.accept(deliveryOf(messageAt(place, { user: 'ann' })), newLease(), window)
      if (!claim) throw new Error('not claimed')
      if (claim.found) expect(claim.found).toEqual(await bed.store.conversations.read(claim.conversation, window))
      await bed.store.leases.commit(claim, outcomeOf(claim))
      if (n > 0) continue
      const rating = { value: 'up' as const, user: 'ann', at: 1 }
      await bed.store.conversations.rate(claim.conversation, claim.turn, rating)
    }
    await bed.store.places.point(place, null)
    const { claim } = await bed.store.inbox.accept(deliveryOf(messageAt(place)), newLease(), window)
    if (claim?.found) expect(claim.found.conversation).toMatchObject({ id: claim.conversation, count: 0 })
  })

  it('keeps the whole message as it came', async () => {
    const incoming = messageAt(placeOf('a', { thread: '17.5' }), {
      text: 'line\nמימין‏ لليمين 👩‍👩‍👧 "quoted" \\ <b>&amp;</b> \u0001 end',
      address: { nested: { list: [1, null, true, 'x'] }, empty: {}, none: [] },
      user: 'ann',
      replaces: 'some-turn-id',
    })
    const claim = await claimNew(bed.store, incoming)
    expect(claim.incoming).toEqual(incoming)
    expect(claim.acceptedAt).toBe(bed.clock.now())
    expect(claim.home).toBe(homeOf(incoming.place))
  })

  it('makes the known user a participant of a new conversation at once', async () => {
    const delivery = deliveryOf(messageAt(placeOf('a'), { user: 'ann' }))
    await bed.store.inbox.accept(delivery)
    const found = await bed.store.conversations.read(delivery.conversation, { messages: 1 })
    expect(found?.conversation.participants).toEqual(['ann'])
  })

  it('is full at the limit, and stores nothing of a message it has no room for', async () => {
    const small = await bed.fresh({ maxWaiting: 2 })
    const place = placeOf('a')
    await claimNew(small, messageAt(place))
    await small.inbox.accept(deliveryOf(messageAt(place)))
    const late = messageAt(place)
    expect((await small.inbox.accept(deliveryOf(late), newLease())).accepted).toEqual({ status: 'full' })
    expect((await small.inbox.accept(deliveryOf(late))).accepted).toEqual({ status: 'full' })

    bed.clock.advance(leaseMs + 1)
    const [claim] = await small.inbox.sweep([newLease()])
    await small.leases.commit(claim!, outcomeOf(claim!))
    expect((await small.inbox.accept(deliveryOf(late))).accepted.status).toBe('accepted')
  })

  it('still knows a message it stored when the inbox is full', async () => {
    const small = await bed.fresh({ maxWaiting: 1 })
    const delivery = deliveryOf(messageAt(placeOf('a')))
    await small.inbox.accept(delivery)
    const again = await small.inbox.accept(deliveryOf(delivery.incoming))
    expect(again.accepted).toEqual({ status: 'duplicate', conversation: delivery.conversation, turn: delivery.turn })
  })

  it('begins no conversation for a message that an inbox has no room for', async () => {
    const small = await bed.fresh({ maxWaiting: 1 })
    const place = placeOf('a')
    await small.inbox.accept(deliveryOf(messageAt(place)))
    await small.places.point(place, null)
    const late = deliveryOf(messageAt(place, { user: 'ann' }))
    expect((await small.inbox.accept(late)).accepted).toEqual({ status: 'full' })
    expect(await small.conversations.read(late.conversation, { messages: 1 })).toBeNull()
  })

  it('holds twenty messages where nothing else is said', async () => {
    const place = placeOf('a')
    for (let n = 0; n < defaultMaxWaiting; n++) {
      expect((await bed.store.inbox.accept(deliveryOf(messageAt(place)))).accepted.status).toBe('accepted')
    }
    expect((await bed.store.inbox.accept(deliveryOf(messageAt(place)))).accepted.status).toBe('full')
    expect((await bed.store.inbox.accept(deliveryOf(messageAt(placeOf('b'))))).accepted.status).toBe('accepted')
  })

  it('stores a message once that is delivered to two instances at once', async () => {
    const other = await bed.again()
    const incoming = messageAt(placeOf('a'))
    const results = await Promise.all(
      [bed.store, other, bed.store, other].map((store) => store.inbox.accept(deliveryOf(incoming), newLease())),
    )
    expect(results.map((one) => one.accepted.status).sort()).toEqual([
      'accepted',
      'duplicate',
      'duplicate',
      'duplicate',
    ])
    expect(new Set(results.map((one) => stored(one.accepted).turn)).size).toBe(1)
    expect(results.filter((one) => one.claim)).toHaveLength(1)
    expect(await bed.store.inbox.pending(stored(results[0]!.accepted).conversation)).toHaveLength(1)
  })
}

function duplicateContract(bed: Bed): void {
  it('knows a message again by any one of its ids', async () => {
    const first = deliveryOf(messageAt(placeOf('a'), { ids: ['x', 'y', 'z'] }))
    await bed.store.inbox.accept(first)
    for (const ids of [['x'], ['z'], ['new', 'y']]) {
      const { accepted, claim } = await bed.store.inbox.accept(deliveryOf({ ...first.incoming, ids }), newLease())
      expect(accepted).toEqual({ status: 'duplicate', conversation: first.conversation, turn: first.turn })
      expect(claim).toBeUndefined()
    }
    expect(await bed.store.inbox.pending(first.conversation)).toHaveLength(1)
  })

  it('remembers an id that came only with a redelivery', async () => {
    const first = deliveryOf(messageAt(placeOf('a'), { ids: ['x'] }))
    await bed.store.inbox.accept(first)
    await bed.store.inbox.accept(deliveryOf({ ...first.incoming, ids: ['x', 'late'] }))
    const { accepted } = await bed.store.inbox.accept(deliveryOf({ ...first.incoming, ids: ['late'] }))
    expect(accepted).toMatchObject({ status: 'duplicate', turn: first.turn })
  })

  it('takes the same id at another place for another message', async () => {
    await bed.store.inbox.accept(deliveryOf(messageAt(placeOf('a'), { ids: ['1'] })))
    const elsewhere = await bed.store.inbox.accept(deliveryOf(messageAt(placeOf('b'), { ids: ['1'] })))
    const thread = await bed.store.inbox.accept(deliveryOf(messageAt(placeOf('a', { thread: 't' }), { ids: ['1'] })))
    expect([elsewhere.accepted.status, thread.accepted.status]).toEqual(['accepted', 'accepted'])
  })

  it('knows a message again long after its answer', async () => {
    const first = await say(bed.store, messageAt(placeOf('a')))
    bed.clock.advance(seenMs - 1)
    const { accepted } = await bed.store.inbox.accept(deliveryOf(first.incoming), newLease())
    expect(accepted).toEqual({ status: 'duplicate', conversation: first.conversation, turn: first.turn })
  })

  it('knows a message again when its place was sent to a fresh conversation meanwhile', async () => {
    const place = placeOf('a')
    const first = deliveryOf(messageAt(place))
    await bed.store.inbox.accept(first)
    await bed.store.places.point(place, null)
    const again = await bed.store.inbox.accept(deliveryOf(first.incoming))
    expect(again.accepted).toEqual({ status: 'duplicate', conversation: first.conversation, turn: first.turn })
  })

  it('knows a message again when its place was pointed at a conversation born elsewhere meanwhile, and back', async () => {
    const elsewhere = await say(bed.store, messageAt(placeOf('b')))
    const place = placeOf('a')
    const first = deliveryOf(messageAt(place))
    await bed.store.inbox.accept(first)
    await bed.store.places.point(place, elsewhere.conversation)
    const again = await bed.store.inbox.accept(deliveryOf(first.incoming))
    expect(again.accepted).toEqual({ status: 'duplicate', conversation: first.conversation, turn: first.turn })

    const second = deliveryOf(messageAt(place))
    const { accepted } = await bed.store.inbox.accept(second)
    expect(accepted).toEqual({ status: 'accepted', conversation: elsewhere.conversation, turn: second.turn })
    await bed.store.places.point(place, first.conversation)
    const later = await bed.store.inbox.accept(deliveryOf(second.incoming))
    expect(later.accepted).toEqual({ status: 'duplicate', conversation: elsewhere.conversation, turn: second.turn })
    expect(await bed.store.inbox.pending(elsewhere.conversation)).toHaveLength(1)
    expect(await bed.store.inbox.pending(first.conversation)).toHaveLength(1)
  })

  it('knows a message again that named its conversation, also after that was deleted', async () => {
    const old = await say(bed.store, messageAt(placeOf('b')))
    const first = deliveryOf(messageAt(placeOf('a'), { conversation: old.conversation, user: 'ann' }))
    await bed.store.inbox.accept(first)
    const expected = { status: 'duplicate', conversation: old.conversation, turn: first.turn }
    expect((await bed.store.inbox.accept(deliveryOf(first.incoming))).accepted).toEqual(expected)
    await bed.store.conversations.remove(old.conversation)
    expect((await bed.store.inbox.accept(deliveryOf(first.incoming))).accepted).toEqual(expected)
  })

  it('gives the same result when the call itself is repeated', async () => {
    const delivery = deliveryOf(messageAt(placeOf('a')))
    const lease = newLease()
    const first = await bed.store.inbox.accept(delivery, lease)
    expect(first.claim).toMatchObject({ token: lease.token, turn: delivery.turn, attempt: 1 })
    expect(await bed.store.inbox.accept(delivery, lease)).toEqual(first)
    const waiting = deliveryOf(messageAt(placeOf('a')))
    const other = newLease()
    const second = await bed.store.inbox.accept(waiting, other)
    expect(second.accepted.status).toBe('accepted')
    expect(second.claim).toBeUndefined()
    expect(await bed.store.inbox.accept(waiting, other)).toEqual(second)
  })

  it('gives the same result when the call is repeated for a place that continues a conversation born elsewhere', async () => {
    const elsewhere = await say(bed.store, messageAt(placeOf('b')))
    await bed.store.places.point(placeOf('a'), elsewhere.conversation)
    const delivery = deliveryOf(messageAt(placeOf('a')))
    const lease = newLease()
    const first = await bed.store.inbox.accept(delivery, lease)
    expect(first.claim).toMatchObject({ conversation: elsewhere.conversation, home: homeOf(placeOf('b')), attempt: 1 })
    expect(await bed.store.inbox.accept(delivery, lease)).toEqual(first)
  })
}

function routeContract(bed: Bed): void {
  it('continues the conversation the place points at', async () => {
    const first = await say(bed.store, messageAt(placeOf('a')))
    const second = await claimNew(bed.store, messageAt(placeOf('a')))
    expect(second.conversation).toBe(first.conversation)
  })

  it('begins a fresh conversation after the place was pointed at nothing, and continues that', async () => {
    const first = await say(bed.store, messageAt(placeOf('a')))
    await bed.store.places.point(placeOf('a'), null)
    const second = await say(bed.store, messageAt(placeOf('a')))
    expect(second.conversation).not.toBe(first.conversation)
    expect(homeOfConversation(second.conversation)).toBe(homeOf(placeOf('a')))
    const third = await claimNew(bed.store, messageAt(placeOf('a')))
    expect(third.conversation).toBe(second.conversation)
  })

  it('continues a conversation born elsewhere, in the inbox where that was born', async () => {
    const born = await say(bed.store, messageAt(placeOf('slack', { surface: 'slack' })))
    const web = placeOf('web')
    await bed.store.places.point(web, born.conversation)
    const claim = await claimNew(bed.store, messageAt(web))
    expect(claim).toMatchObject({ conversation: born.conversation, home: homeOfConversation(born.conversation) })
    const waiting = await bed.store.inbox.accept(deliveryOf(messageAt(born.incoming.place)), newLease())
    expect(waiting.claim).toBeUndefined()
    const pending = await bed.store.inbox.pending(born.conversation)
    expect(pending.map((one) => [one.surface, one.running])).toEqual([
      ['web', true],
      ['slack', false],
    ])
  })

  it('writes into the conversation a message names, without moving the place', async () => {
    const old = await say(bed.store, messageAt(placeOf('a')))
    await bed.store.places.point(placeOf('a'), null)
    const current = await say(bed.store, messageAt(placeOf('a')))
    const named = await claimNew(bed.store, messageAt(placeOf('a'), { conversation: old.conversation, user: 'ann' }))
    expect(named.conversation).toBe(old.conversation)
    await bed.store.leases.commit(named, outcomeOf(named))
    expect((await claimNew(bed.store, messageAt(placeOf('a')))).conversation).toBe(current.conversation)
  })

  it('writes into a named conversation born at another place', async () => {
    const old = await say(bed.store, messageAt(placeOf('b')))
    const named = await claimNew(bed.store, messageAt(placeOf('a'), { conversation: old.conversation, user: 'ann' }))
    expect(named).toMatchObject({ conversation: old.conversation, home: homeOf(placeOf('b')) })
  })

  it('lets the first known user write into a conversation by name before it has any answer', async () => {
    const first = deliveryOf(messageAt(placeOf('a'), { user: 'ann' }))
    await bed.store.inbox.accept(first)
    const named = deliveryOf(messageAt(placeOf('a'), { conversation: first.conversation, user: 'ann' }))
    expect((await bed.store.inbox.accept(named)).accepted.status).toBe('accepted')
  })

  it.each([
    ['of another person', { user: 'bob' }],
    ['without a known person', {}],
  ])('denies a named conversation %s, and remembers nothing', async (_who, over) => {
    const old = await say(bed.store, messageAt(placeOf('b')))
    const incoming = messageAt(placeOf('a'), { conversation: old.conversation, ...over })
    expect(await bed.store.inbox.accept(deliveryOf(incoming), newLease())).toEqual({ accepted: { status: 'denied' } })
    expect(await bed.store.inbox.pending(old.conversation)).toEqual([])
    await bed.store.conversations.join(old.conversation, 'bob')
    const allowed = { ...incoming, user: 'bob' }
    expect((await bed.store.inbox.accept(deliveryOf(allowed))).accepted.status).toBe('accepted')
  })

  it('denies a named conversation that does not exist', async () => {
    const conversation = newConversationId(homeOf(placeOf('a')))
    const incoming = messageAt(placeOf('a'), { conversation, user: 'ann' })
    expect((await bed.store.inbox.accept(deliveryOf(incoming))).accepted).toEqual({ status: 'denied' })
    expect(await bed.store.conversations.read(conversation, { messages: 1 })).toBeNull()
    const foreign = newConversationId(homeOf(placeOf('elsewhere')))
    const abroad = messageAt(placeOf('a'), { conversation: foreign, user: 'ann' })
    expect((await bed.store.inbox.accept(deliveryOf(abroad))).accepted).toEqual({ status: 'denied' })
  })

  it('begins a fresh conversation where the place points at one that was deleted', async () => {
    const first = await say(bed.store, messageAt(placeOf('a')))
    await bed.store.places.point(placeOf('b'), first.conversation)
    await bed.store.conversations.remove(first.conversation)
    for (const place of [placeOf('a'), placeOf('b')]) {
      const { conversation } = await claimNew(bed.store, messageAt(place))
      expect(conversation).not.toBe(first.conversation)
      expect(homeOfConversation(conversation)).toBe(homeOf(place))
      expect((await bed.store.conversations.read(conversation, { messages: 1 }))?.conversation.count).toBe(0)
    }
  })

  it('remembers where a place points for half a year after its last message', async () => {
    const first = await say(bed.store, messageAt(placeOf('a')))
    bed.clock.advance(pointerMs - 1)
    const second = await say(bed.store, messageAt(placeOf('a')))
    bed.clock.advance(pointerMs - 1)
    const third = await claimNew(bed.store, messageAt(placeOf('a')))
    expect([second.conversation, third.conversation]).toEqual([first.conversation, first.conversation])
  })
}
