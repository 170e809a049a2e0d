import { describe, expect, it } from 'vitest'
import { homeOf, newConversationId } from '../../../src/ids.ts'
import {
  type Bed,
  bedFor,
  claimNew,
  deliveryOf,
  leaseMs,
  messageAt,
  messagesOf,
  newLease,
  type Open,
  outcomeOf,
  placeOf,
  say,
} from './kit.ts'

/** Who works on what waits, and what is known of it. */
export function claimsContract(open: Open): void {
  describe('inbox', () => {
    const bed = bedFor(open)
    describe('accept, with a lease', () => claimContract(bed))
    describe('sweep', () => sweepContract(bed))
    describe('stop, pending and depth', () => stopContract(bed))
  })
}

function claimContract(bed: Bed): void {
  it('claims an idle home in the same step', async () => {
    const delivery = deliveryOf(messageAt(placeOf('a')))
    const lease = newLease()
    const { claim } = await bed.store.inbox.accept(delivery, lease)
    expect(claim).toEqual({
      home: homeOf(placeOf('a')),
      token: lease.token,
      turn: delivery.turn,
      conversation: delivery.conversation,
      incoming: delivery.incoming,
      acceptedAt: bed.clock.now(),
      attempt: 1,
      draft: null,
      stopped: false,
    })
  })

  it('does not claim behind a turn that runs, not even for another conversation of the same home', async () => {
    await claimNew(bed.store, messageAt(placeOf('a')))
    expect((await bed.store.inbox.accept(deliveryOf(messageAt(placeOf('a'))), newLease())).claim).toBeUndefined()
    await bed.store.places.point(placeOf('a'), null)
    expect((await bed.store.inbox.accept(deliveryOf(messageAt(placeOf('a'))), newLease())).claim).toBeUndefined()
  })

  it('does not claim a message that has older ones before it, even when nobody works on them', async () => {
    await bed.store.inbox.accept(deliveryOf(messageAt(placeOf('a'))))
    expect((await bed.store.inbox.accept(deliveryOf(messageAt(placeOf('a'))), newLease())).claim).toBeUndefined()
    await claimNew(bed.store, messageAt(placeOf('b')))
    bed.clock.advance(leaseMs + 1)
    expect((await bed.store.inbox.accept(deliveryOf(messageAt(placeOf('b'))), newLease())).claim).toBeUndefined()
  })

  it('claims at another home meanwhile', async () => {
    await claimNew(bed.store, messageAt(placeOf('a')))
    expect((await claimNew(bed.store, messageAt(placeOf('b')))).attempt).toBe(1)
  })
}

function sweepContract(bed: Bed): void {
  it('finds nothing where nothing waits', async () => {
    expect(await bed.store.inbox.sweep([newLease(), newLease()])).toEqual([])
    await say(bed.store, messageAt(placeOf('a')))
    bed.clock.advance(leaseMs * 10)
    expect(await bed.store.inbox.sweep([newLease()])).toEqual([])
    expect(await bed.store.inbox.sweep([])).toEqual([])
  })

  it('claims what nobody claimed, the oldest of a home, one a home', async () => {
    const a1 = deliveryOf(messageAt(placeOf('a')))
    const a2 = deliveryOf(messageAt(placeOf('a')))
    const b1 = deliveryOf(messageAt(placeOf('b')))
    for (const one of [a1, a2, b1]) await bed.store.inbox.accept(one)
    const leases = [newLease(), newLease(), newLease()]
    const claims = await bed.store.inbox.sweep(leases)
    expect(claims.map((one) => one.turn).sort()).toEqual([a1.turn, b1.turn].sort())
    expect(claims.every((one) => one.attempt === 1)).toBe(true)
    const tokens = claims.map((one) => one.token)
    expect(new Set(tokens).size).toBe(2)
    expect(leases.map((one) => one.token)).toEqual(expect.arrayContaining(tokens))
    expect(await bed.store.inbox.sweep([newLease()])).toEqual([])
  })

  it('claims no more than it has leases for, and leaves the rest to others', async () => {
    for (const name of ['a', 'b', 'c']) await bed.store.inbox.accept(deliveryOf(messageAt(placeOf(name))))
    const first = await bed.store.inbox.sweep([newLease(), newLease()])
    const other = await bed.again()
    const second = await other.inbox.sweep([newLease(), newLease()])
    expect([first.length, second.length]).toEqual([2, 1])
    expect(new Set([...first, ...second].map((one) => one.home)).size).toBe(3)
  })

  it('takes over a turn when its lease ran out, not before, and counts the attempts', async () => {
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    bed.clock.advance(leaseMs - 1)
    expect(await bed.store.inbox.sweep([newLease()])).toEqual([])
    bed.clock.advance(2)
    const [second] = await bed.store.inbox.sweep([newLease(leaseMs * 2)])
    expect(second).toMatchObject({ turn: claim.turn, attempt: 2, acceptedAt: claim.acceptedAt })
    bed.clock.advance(leaseMs + 1)
    expect(await bed.store.inbox.sweep([newLease()])).toEqual([])
    bed.clock.advance(leaseMs)
    expect((await bed.store.inbox.sweep([newLease()]))[0]).toMatchObject({ turn: claim.turn, attempt: 3 })
  })

  it('gives a due turn to one of many claimers', async () => {
    const other = await bed.again()
    await bed.store.inbox.accept(deliveryOf(messageAt(placeOf('a'))))
    const swept = await Promise.all(
      [bed.store, other, bed.store, other].map((store) => store.inbox.sweep([newLease(), newLease()])),
    )
    expect(swept.flat()).toHaveLength(1)
  })

  it('hands many homes to two instances without giving any to both', async () => {
    const other = await bed.again()
    for (let n = 0; n < 12; n++) await bed.store.inbox.accept(deliveryOf(messageAt(placeOf(`home-${n}`))))
    const leases = () => Array.from({ length: 12 }, () => newLease())
    const swept = await Promise.all([bed.store.inbox.sweep(leases()), other.inbox.sweep(leases())])
    const homes = swept.flat().map((one) => one.home)
    expect(homes).toHaveLength(12)
    expect(new Set(homes).size).toBe(12)
  })
}

function stopContract(bed: Bed): void {
  it('lists what has no stored answer yet, in order, with what runs', async () => {
    const first = await claimNew(bed.store, messageAt(placeOf('a'), { user: 'ann', replaces: 'older-turn-id' }))
    const second = deliveryOf(messageAt(placeOf('a')))
    await bed.store.inbox.accept(second)
    const pending = await bed.store.inbox.pending(first.conversation)
    expect(pending).toEqual([
      {
        turn: first.turn,
        conversation: first.conversation,
        text: first.incoming.text,
        at: first.acceptedAt,
        surface: 'web',
        user: 'ann',
        running: true,
        replaces: 'older-turn-id',
      },
      {
        turn: second.turn,
        conversation: first.conversation,
        text: second.incoming.text,
        at: bed.clock.now(),
        surface: 'web',
        running: false,
      },
    ])
    bed.clock.advance(leaseMs + 1)
    const later = await bed.store.inbox.pending(first.conversation)
    expect(later.map((one) => one.running)).toEqual([false, false])
    expect(await bed.store.inbox.pending(newConversationId(homeOf(placeOf('a'))))).toEqual([])
  })

  it('lists only the turns of the conversation that was asked for', async () => {
    const first = deliveryOf(messageAt(placeOf('a')))
    await bed.store.inbox.accept(first)
    await bed.store.places.point(placeOf('a'), null)
    const second = deliveryOf(messageAt(placeOf('a')))
    await bed.store.inbox.accept(second)
    expect((await bed.store.inbox.pending(first.conversation)).map((one) => one.turn)).toEqual([first.turn])
    expect((await bed.store.inbox.pending(second.conversation)).map((one) => one.turn)).toEqual([second.turn])
  })

  it('does not list a turn whose answer is stored and only waits to be delivered', async () => {
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    await bed.store.leases.commit(claim, outcomeOf(claim, { delivered: false }))
    expect(await bed.store.inbox.pending(claim.conversation)).toEqual([])
  })

  it('marks all that runs and waits in a conversation as stopped, also when repeated', async () => {
    const running = await claimNew(bed.store, messageAt(placeOf('a')))
    const waiting = deliveryOf(messageAt(placeOf('a')))
    await bed.store.inbox.accept(waiting)
    expect(await bed.store.inbox.stop(running.conversation)).toEqual([running.turn, waiting.turn])
    expect(await bed.store.inbox.stop(running.conversation)).toEqual([running.turn, waiting.turn])
    const later = deliveryOf(messageAt(placeOf('a')))
    await bed.store.inbox.accept(later)

    bed.clock.advance(leaseMs + 1)
    const [again] = await bed.store.inbox.sweep([newLease()])
    expect(again).toMatchObject({ turn: running.turn, stopped: true })
    const { next } = await bed.store.leases.commit(again!, outcomeOf(again!), newLease())
    expect(next).toMatchObject({ turn: waiting.turn, stopped: true })
    const step = await bed.store.leases.commit(next!, outcomeOf(next!), newLease())
    expect(step.next).toMatchObject({ turn: later.turn, stopped: false })
  })

  it('stops one turn of a conversation and leaves the others', async () => {
    const running = await claimNew(bed.store, messageAt(placeOf('a')))
    const waiting = deliveryOf(messageAt(placeOf('a')))
    await bed.store.inbox.accept(waiting)
    expect(await bed.store.inbox.stop(running.conversation, waiting.turn)).toEqual([waiting.turn])
    const { next } = await bed.store.leases.commit(running, outcomeOf(running), newLease())
    expect(next).toMatchObject({ turn: waiting.turn, stopped: true })
  })

  it('stops nothing in another conversation of the same home, and nothing that is over or unknown', async () => {
    const over = await say(bed.store, messageAt(placeOf('a')))
    await bed.store.places.point(placeOf('a'), null)
    const other = await claimNew(bed.store, messageAt(placeOf('a')))
    expect(await bed.store.inbox.stop(over.conversation)).toEqual([])
    expect(await bed.store.inbox.stop(over.conversation, over.turn)).toEqual([])
    expect(await bed.store.inbox.stop(over.conversation, other.turn)).toEqual([])
    expect(await bed.store.inbox.stop(newConversationId(homeOf(placeOf('z'))))).toEqual([])
    bed.clock.advance(leaseMs + 1)
    expect((await bed.store.inbox.sweep([newLease()]))[0]).toMatchObject({ turn: other.turn, stopped: false })
  })

  it('counts the homes that have work', async () => {
    expect(await bed.store.inbox.depth()).toBe(0)
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    await bed.store.inbox.accept(deliveryOf(messageAt(placeOf('a'))))
    await bed.store.inbox.accept(deliveryOf(messageAt(placeOf('b'))))
    expect(await bed.store.inbox.depth()).toBe(2)
    const { next } = await bed.store.leases.commit(claim, outcomeOf(claim), newLease())
    expect(await bed.store.inbox.depth()).toBe(2)
    await bed.store.leases.commit(next!, outcomeOf(next!))
    expect(await bed.store.inbox.depth()).toBe(1)
    expect(await messagesOf(bed.store, claim.conversation)).toHaveLength(4)
  })
}
