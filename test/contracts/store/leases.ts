import { describe, expect, it } from 'vitest'
import {
  answerOf,
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
  takeOver,
} from './kit.ts'

/** Holding a turn, losing it, and finding its conversation gone. */
export function leasesContract(open: Open): void {
  describe('leases', () => {
    const bed = bedFor(open)
    describe('renew, save and release', () => holdContract(bed))
    describe('a lease that was lost', () => lostContract(bed))
    describe('a conversation deleted meanwhile', () => goneContract(bed))
  })
}

function holdContract(bed: Bed): void {
  it('keeps a turn for as long as its lease is renewed', async () => {
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    for (let n = 0; n < 3; n++) {
      bed.clock.advance(leaseMs - 1)
      expect(await bed.store.leases.renew(claim, leaseMs)).toBe(true)
      expect(await bed.store.inbox.sweep([newLease()])).toEqual([])
    }
    bed.clock.advance(leaseMs + 1)
    expect(await bed.store.inbox.sweep([newLease()])).toHaveLength(1)
  })

  it('is not lost while nobody else took it, however late', async () => {
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    bed.clock.advance(leaseMs * 5)
    expect(await bed.store.leases.renew(claim, leaseMs)).toBe(true)
    expect(await bed.store.inbox.sweep([newLease()])).toEqual([])
    bed.clock.advance(leaseMs * 5)
    expect(await bed.store.leases.save(claim, { handle: 1 })).toBe(true)
    expect((await bed.store.leases.commit(claim, outcomeOf(claim))).status).toBe('ok')
  })

  it('hands the newest draft to the successor', async () => {
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    expect(await bed.store.leases.save(claim, { handle: 'first' })).toBe(true)
    const draft = { handle: '17.5', segments: [{ id: 1, shown: 'so far "…"' }], done: null }
    expect(await bed.store.leases.save(claim, draft)).toBe(true)
    const second = await takeOver(bed, await bed.again())
    expect(second).toMatchObject({ turn: claim.turn, attempt: 2, draft })
  })

  it('gives a turn back that is due at once and counts no attempt', async () => {
    const other = await bed.again()
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    await bed.store.leases.save(claim, { handle: 1 })
    await bed.store.leases.release(claim)
    const [second] = await other.inbox.sweep([newLease()])
    expect(second).toMatchObject({ turn: claim.turn, attempt: 1, draft: { handle: 1 } })
  })

  it('gives back nothing twice, and nothing of a successor', async () => {
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    await bed.store.leases.release(claim)
    const [second] = await bed.store.inbox.sweep([newLease()])
    await bed.store.leases.release(claim)
    expect(await bed.store.inbox.sweep([newLease()])).toEqual([])
    expect(await bed.store.leases.renew(second!, leaseMs)).toBe(true)
    expect(await takeOver(bed)).toMatchObject({ attempt: 2 })
  })

  it('does nothing more for a turn it gave back', async () => {
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    await bed.store.leases.release(claim)
    expect(await bed.store.leases.renew(claim, leaseMs)).toBe(false)
    expect(await bed.store.leases.save(claim, { handle: 1 })).toBe(false)
    expect((await bed.store.leases.commit(claim, outcomeOf(claim))).status).toBe('lost')
    expect(await bed.store.inbox.sweep([newLease()])).toMatchObject([{ turn: claim.turn, draft: null }])
  })

  it('does nothing more for a turn that is over', async () => {
    const claim = await say(bed.store, messageAt(placeOf('a')))
    expect(await bed.store.leases.renew(claim, leaseMs)).toBe(false)
    expect(await bed.store.leases.save(claim, { handle: 1 })).toBe(false)
    await bed.store.leases.release(claim)
    expect(await bed.store.inbox.sweep([newLease()])).toEqual([])
  })
}

function lostContract(bed: Bed): void {
  it('writes nothing once another instance took the turn', async () => {
    const other = await bed.again()
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    const second = await takeOver(bed, other)
    expect(await bed.store.leases.renew(claim, leaseMs)).toBe(false)
    expect(await bed.store.leases.save(claim, { handle: 'stale' })).toBe(false)
    expect((await bed.store.leases.commit(claim, outcomeOf(claim), newLease())).status).toBe('lost')
    expect((await bed.store.leases.settle(claim)).status).toBe('lost')
    await bed.store.leases.release(claim)
    expect(await messagesOf(bed.store, claim.conversation)).toEqual([])
    expect(await bed.store.inbox.sweep([newLease()])).toEqual([])
    expect(await takeOver(bed)).toMatchObject({ turn: second.turn, draft: null, attempt: 3 })
  })

  it('tells a repeated commit that the turn was taken over after all', async () => {
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    const outcome = outcomeOf(claim, { delivered: false })
    await bed.store.leases.commit(claim, outcome)
    const second = await takeOver(bed)
    expect((await bed.store.leases.commit(claim, outcome)).status).toBe('lost')
    expect(second.answer).toEqual(outcome.answer)
    expect((await bed.store.leases.settle(second)).status).toBe('ok')
  })

  it('stores nothing of a late loser after the successor finished', async () => {
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    const waiting = deliveryOf(messageAt(placeOf('a')))
    await bed.store.inbox.accept(waiting)
    const second = await takeOver(bed)
    const mine = outcomeOf(second, { answer: answerOf('from the successor') })
    await bed.store.leases.commit(second, mine)
    await bed.store.leases.commit(claim, outcomeOf(claim, { answer: answerOf('from the loser') }))
    await bed.store.leases.settle(claim)
    const messages = await messagesOf(bed.store, claim.conversation)
    expect(messages.map((one) => one.text)).toEqual([claim.incoming.text, 'from the successor'])
    expect((await bed.store.inbox.pending(claim.conversation)).map((one) => one.turn)).toEqual([waiting.turn])
  })

  it('gives a turn to one of the instances that want it when its lease runs out', async () => {
    const other = await bed.again()
    await claimNew(bed.store, messageAt(placeOf('a')))
    bed.clock.advance(leaseMs + 1)
    const swept = await Promise.all([other, bed.store].map((store) => store.inbox.sweep([newLease()])))
    expect(swept.flat()).toHaveLength(1)
  })
}

function goneContract(bed: Bed): void {
  it('drops a running turn whose conversation was deleted', async () => {
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    await bed.store.conversations.remove(claim.conversation)
    expect(await bed.store.leases.renew(claim, leaseMs)).toBe(false)
    expect(await bed.store.leases.save(claim, { handle: 1 })).toBe(false)
    expect(await bed.store.leases.commit(claim, outcomeOf(claim), newLease())).toEqual({ status: 'gone' })
    expect(await bed.store.leases.settle(claim)).toEqual({ status: 'gone' })
    await bed.store.leases.release(claim)
    expect(await bed.store.conversations.read(claim.conversation, { messages: 1 })).toBeNull()
    expect(await bed.store.inbox.depth()).toBe(0)
    bed.clock.advance(leaseMs + 1)
    expect(await bed.store.inbox.sweep([newLease()])).toEqual([])
  })

  it('drops a stored answer that still had to be delivered', async () => {
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    await bed.store.leases.commit(claim, outcomeOf(claim, { delivered: false }))
    await bed.store.conversations.remove(claim.conversation)
    expect((await bed.store.leases.settle(claim)).status).toBe('gone')
    expect(await bed.store.inbox.depth()).toBe(0)
  })

  it('goes on with what waits for another conversation of the home', async () => {
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    await bed.store.inbox.accept(deliveryOf(messageAt(placeOf('a'))))
    await bed.store.places.point(placeOf('a'), null)
    const fresh = deliveryOf(messageAt(placeOf('a')))
    await bed.store.inbox.accept(fresh)
    await bed.store.conversations.remove(claim.conversation)
    const { status, next } = await bed.store.leases.commit(claim, outcomeOf(claim), newLease())
    const [swept] = next ? [next] : await bed.store.inbox.sweep([newLease()])
    expect(status).toBe('gone')
    expect(swept).toMatchObject({ turn: fresh.turn, attempt: 1 })
  })

  it('takes nothing from another instance that works at the home by now', async () => {
    const other = await bed.again()
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    await bed.store.places.point(placeOf('a'), null)
    const fresh = deliveryOf(messageAt(placeOf('a')))
    await bed.store.inbox.accept(fresh)
    await bed.store.conversations.remove(claim.conversation)
    const [theirs] = await other.inbox.sweep([newLease()])
    expect(theirs).toMatchObject({ turn: fresh.turn })
    expect(await bed.store.leases.commit(claim, outcomeOf(claim), newLease())).toEqual({ status: 'gone' })
    expect(await other.leases.renew(theirs!, leaseMs)).toBe(true)
  })

  it('leaves the running turn alone when another conversation of its home is deleted', async () => {
    const waiting = await claimNew(bed.store, messageAt(placeOf('a')))
    await bed.store.places.point(placeOf('a'), null)
    const other = deliveryOf(messageAt(placeOf('a')))
    await bed.store.inbox.accept(other)
    await bed.store.conversations.remove(other.conversation)
    expect(await bed.store.leases.renew(waiting, leaseMs)).toBe(true)
    expect(await bed.store.leases.commit(waiting, outcomeOf(waiting), newLease())).toEqual({ status: 'ok' })
    expect(await bed.store.inbox.depth()).toBe(0)
  })
}
