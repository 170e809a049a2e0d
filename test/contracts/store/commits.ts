import { describe, expect, it } from 'vitest'
import type { Claim } from '../../../src/store.ts'
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

/** How a turn ends: its answer stored, delivered, and the next message claimed. */
export function commitsContract(open: Open): void {
  describe('leases', () => {
    const bed = bedFor(open)
    describe('commit', () => commitContract(bed))
    describe('commit and settle, repeated', () => repeatContract(bed))
    describe('commit of a question asked anew', () => replaceContract(bed))
    describe('commit that begins nothing', () => discardContract(bed))
  })
}

function commitContract(bed: Bed): void {
  it('appends question and answer together, with all that is known of them', async () => {
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    const notice = { code: 'cut_length', text: 'Cut.', retry: false }
    const answer = answerOf('some\ntext 👩‍👩‍👧', { stop: 'length', notice, cached: true })
    const outcome = outcomeOf(claim, { answer, at: 77 })
    expect(await bed.store.leases.commit(claim, outcome)).toEqual({ status: 'ok' })
    const { text, ...how } = answer
    expect(await messagesOf(bed.store, claim.conversation)).toEqual([
      {
        seq: 0,
        turn: claim.turn,
        role: 'user',
        text: claim.incoming.text,
        at: 77,
        surface: 'web',
        author: { user: 'ann', name: 'Ann' },
      },
      { seq: 1, turn: claim.turn, role: 'assistant', text, at: 77, surface: 'web', answer: how },
    ])
  })

  it('adds up usage, counts, participants and the time of the last change', async () => {
    const first = await claimNew(bed.store, messageAt(placeOf('a')))
    await bed.store.leases.commit(first, outcomeOf(first, { participants: ['ann'] }))
    bed.clock.advance(5_000)
    const second = await claimNew(bed.store, messageAt(placeOf('a')))
    const usage = { input: 100, output: 50, cacheRead: 20, cacheWrite: 10, estimated: true }
    await bed.store.leases.commit(
      second,
      outcomeOf(second, { answer: answerOf('more', { usage }), participants: ['ann', 'bob'] }),
    )
    const third = await claimNew(bed.store, messageAt(placeOf('a')))
    const { usage: _none, ...bare } = answerOf('no usage known')
    await bed.store.leases.commit(third, outcomeOf(third, { answer: bare }))
    const found = await bed.store.conversations.read(first.conversation, { messages: 100 })
    expect(found?.conversation).toMatchObject({
      count: 6,
      createdAt: first.acceptedAt,
      updatedAt: first.acceptedAt + 5_000,
      usage: { input: 110, output: 55, cacheRead: 22, cacheWrite: 11 },
    })
    expect(found?.conversation.participants.toSorted()).toEqual(['ann', 'bob'])
    expect(found?.messages.map((one) => one.seq)).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('takes the title by first words only where there is none', async () => {
    const first = await say(bed.store, messageAt(placeOf('a')), { title: 'First words' })
    const titled = await bed.store.conversations.read(first.conversation, { messages: 1 })
    expect(titled?.conversation).toMatchObject({ title: 'First words', titledBy: 'text' })
    await say(bed.store, messageAt(placeOf('a')), { title: 'Other words' })
    const later = await bed.store.conversations.read(first.conversation, { messages: 1 })
    expect(later?.conversation).toMatchObject({ title: 'First words', titledBy: 'text' })
  })

  it('ends a delivered turn and frees its home', async () => {
    const claim = await say(bed.store, messageAt(placeOf('a')))
    expect(await bed.store.inbox.pending(claim.conversation)).toEqual([])
    expect((await claimNew(bed.store, messageAt(placeOf('a')))).conversation).toBe(claim.conversation)
  })

  it('keeps an undelivered turn claimed, and hands answer and draft to the successor', async () => {
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    await bed.store.leases.save(claim, { handle: 'draft' })
    const outcome = outcomeOf(claim, { delivered: false })
    expect(await bed.store.leases.commit(claim, outcome, newLease())).toEqual({ status: 'ok' })
    expect(await messagesOf(bed.store, claim.conversation)).toHaveLength(2)
    expect(await bed.store.leases.renew(claim, leaseMs)).toBe(true)
    expect(await bed.store.leases.save(claim, { handle: 'final' })).toBe(true)
    expect((await bed.store.inbox.accept(deliveryOf(messageAt(placeOf('a'))), newLease())).claim).toBeUndefined()

    const other = await bed.again()
    const second = await takeOver(bed, other)
    expect(second).toMatchObject({ turn: claim.turn, attempt: 2, draft: { handle: 'final' }, answer: outcome.answer })
    expect((await other.leases.settle(second)).status).toBe('ok')
    expect(await messagesOf(bed.store, claim.conversation)).toHaveLength(2)
  })

  it('claims the next message of the home in the same step where a lease is offered', async () => {
    const first = await claimNew(bed.store, messageAt(placeOf('a')))
    const waiting = deliveryOf(messageAt(placeOf('a')))
    await bed.store.inbox.accept(waiting)
    const lease = newLease()
    const { status, next } = await bed.store.leases.commit(first, outcomeOf(first), lease)
    expect(status).toBe('ok')
    expect(next).toMatchObject({ turn: waiting.turn, token: lease.token, attempt: 1, incoming: waiting.incoming })
    expect(await bed.store.inbox.sweep([newLease()])).toEqual([])
    const last = await bed.store.leases.commit(next!, outcomeOf(next!), newLease())
    expect(last).toEqual({ status: 'ok' })
  })

  it('leaves the next message due at once where no lease is offered', async () => {
    const first = await claimNew(bed.store, messageAt(placeOf('a')))
    const waiting = deliveryOf(messageAt(placeOf('a')))
    await bed.store.inbox.accept(waiting)
    expect(await bed.store.leases.commit(first, outcomeOf(first))).toEqual({ status: 'ok' })
    expect(await bed.store.inbox.sweep([newLease()])).toMatchObject([{ turn: waiting.turn, attempt: 1 }])
  })

  it('settles a delivered answer and claims the next message in the same step', async () => {
    const first = await claimNew(bed.store, messageAt(placeOf('a')))
    const waiting = deliveryOf(messageAt(placeOf('a')))
    await bed.store.inbox.accept(waiting)
    await bed.store.leases.commit(first, outcomeOf(first, { delivered: false }))
    const { status, next } = await bed.store.leases.settle(first, newLease())
    expect(status).toBe('ok')
    expect(next).toMatchObject({ turn: waiting.turn })
    expect(await bed.store.leases.settle(next!)).toEqual({ status: 'ok' })
    expect(await bed.store.inbox.depth()).toBe(0)
  })

  it('answers one at a time in the order of arrival, over the conversations of a home', async () => {
    const deliveries = [deliveryOf(messageAt(placeOf('a'))), deliveryOf(messageAt(placeOf('a')))]
    for (const one of deliveries) await bed.store.inbox.accept(one)
    await bed.store.places.point(placeOf('a'), null)
    const fresh = deliveryOf(messageAt(placeOf('a')))
    await bed.store.inbox.accept(fresh)
    const named = messageAt(placeOf('a'), { conversation: fresh.conversation, user: 'ann' })
    await bed.store.conversations.join(fresh.conversation, 'ann')
    const last = deliveryOf(named)
    await bed.store.inbox.accept(last)

    const answered: string[] = []
    let [claim] = await bed.store.inbox.sweep([newLease()])
    while (claim) {
      answered.push(claim.turn)
      claim = (await bed.store.leases.commit(claim, outcomeOf(claim), newLease())).next
    }
    expect(answered).toEqual([...deliveries, fresh, last].map((one) => one.turn))
  })
}

function repeatContract(bed: Bed): void {
  it('changes nothing when a commit is repeated after a lost reply', async () => {
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    const outcome = outcomeOf(claim, { title: 'Words' })
    const first = await bed.store.leases.commit(claim, outcome)
    const before = await bed.store.conversations.read(claim.conversation, { messages: 10 })
    expect(await bed.store.leases.commit(claim, outcome)).toEqual(first)
    expect(await bed.store.conversations.read(claim.conversation, { messages: 10 })).toEqual(before)
  })

  it('gives the same next claim when a commit is repeated after a lost reply', async () => {
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    for (let n = 0; n < 2; n++) await bed.store.inbox.accept(deliveryOf(messageAt(placeOf('a'))))
    const outcome = outcomeOf(claim)
    const lease = newLease()
    const first = await bed.store.leases.commit(claim, outcome, lease)
    expect(first.next).toMatchObject({ attempt: 1 })
    expect(await bed.store.leases.commit(claim, outcome, lease)).toEqual(first)
    expect(await messagesOf(bed.store, claim.conversation)).toHaveLength(2)
  })

  it('changes nothing when an undelivered commit is repeated, and it can be settled after', async () => {
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    const outcome = outcomeOf(claim, { delivered: false })
    for (let n = 0; n < 3; n++) expect((await bed.store.leases.commit(claim, outcome)).status).toBe('ok')
    const found = await bed.store.conversations.read(claim.conversation, { messages: 10 })
    expect(found?.conversation).toMatchObject({ count: 2, usage: { input: 10, output: 5 } })
    expect((await bed.store.leases.settle(claim)).status).toBe('ok')
    expect(await bed.store.inbox.depth()).toBe(0)
  })

  it('stores one answer when a turn is committed undelivered and then delivered', async () => {
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    await bed.store.leases.commit(claim, outcomeOf(claim, { delivered: false }))
    expect(await bed.store.leases.commit(claim, outcomeOf(claim))).toEqual({ status: 'ok' })
    expect(await messagesOf(bed.store, claim.conversation)).toHaveLength(2)
    expect(await bed.store.inbox.depth()).toBe(0)
  })

  it('gives the same result and next claim when a settle is repeated', async () => {
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    await bed.store.inbox.accept(deliveryOf(messageAt(placeOf('a'))))
    await bed.store.leases.commit(claim, outcomeOf(claim, { delivered: false }))
    const lease = newLease()
    const first = await bed.store.leases.settle(claim, lease)
    expect(first.next).toMatchObject({ token: lease.token, attempt: 1 })
    expect(await bed.store.leases.settle(claim, lease)).toEqual(first)
  })
}

function replaceContract(bed: Bed): void {
  it('drops the replaced turn and all after it, and goes on counting from there', async () => {
    const turns: Claim[] = []
    for (let n = 0; n < 3; n++) turns.push(await say(bed.store, messageAt(placeOf('a'))))
    const conversation = turns[0]!.conversation
    const again = await claimNew(bed.store, messageAt(placeOf('a'), { replaces: turns[1]!.turn }))
    expect(await messagesOf(bed.store, conversation)).toHaveLength(6)
    const outcome = outcomeOf(again)
    expect((await bed.store.leases.commit(again, outcome)).status).toBe('ok')
    expect((await bed.store.leases.commit(again, outcome)).status).toBe('ok')
    const messages = await messagesOf(bed.store, conversation)
    expect(messages.map((one) => [one.seq, one.turn])).toEqual([
      [0, turns[0]!.turn],
      [1, turns[0]!.turn],
      [2, again.turn],
      [3, again.turn],
    ])
    const found = await bed.store.conversations.read(conversation, { messages: 1 })
    expect(found?.conversation).toMatchObject({ count: 4, usage: { input: 40, output: 20 } })
    expect(await bed.store.conversations.rate(conversation, turns[2]!.turn, null)).toBe(false)
  })

  it('appends where the replaced turn is unknown', async () => {
    const first = await say(bed.store, messageAt(placeOf('a')))
    await say(bed.store, messageAt(placeOf('a'), { replaces: 'no-such-turn-id' }))
    expect(await messagesOf(bed.store, first.conversation)).toHaveLength(4)
  })

  it('takes no turn of another conversation for the replaced one', async () => {
    const first = await say(bed.store, messageAt(placeOf('a')))
    await bed.store.places.point(placeOf('a'), null)
    await say(bed.store, messageAt(placeOf('a'), { replaces: first.turn }))
    expect(await messagesOf(bed.store, first.conversation)).toHaveLength(2)
  })

  it('drops a summary that tells of what was replaced, and keeps one that does not', async () => {
    const turns: Claim[] = []
    for (let n = 0; n < 3; n++) turns.push(await say(bed.store, messageAt(placeOf('a'))))
    const conversation = turns[0]!.conversation
    await bed.store.conversations.update(conversation, { summary: { text: 'about two turns', upTo: 4 } })
    await say(bed.store, messageAt(placeOf('a'), { replaces: turns[2]!.turn }))
    const kept = await bed.store.conversations.read(conversation, { messages: 1 })
    expect(kept?.conversation.summary).toEqual({ text: 'about two turns', upTo: 4 })
    await say(bed.store, messageAt(placeOf('a'), { replaces: turns[1]!.turn }))
    const dropped = await bed.store.conversations.read(conversation, { messages: 1 })
    expect(dropped?.conversation.summary).toBeUndefined()
  })
}

function discardContract(bed: Bed): void {
  const refused = { messages: [], participants: [], discard: true }

  it('drops a conversation that has no messages afterwards, and the next message begins a fresh one', async () => {
    const claim = await claimNew(bed.store, messageAt(placeOf('a'), { user: 'ann' }))
    expect((await bed.store.leases.commit(claim, outcomeOf(claim, refused))).status).toBe('ok')
    expect(await bed.store.conversations.read(claim.conversation, { messages: 1 })).toBeNull()
    expect((await bed.store.conversations.list('ann', { limit: 10 })).items).toEqual([])
    expect(await bed.store.inbox.depth()).toBe(0)
    const next = await claimNew(bed.store, messageAt(placeOf('a')))
    expect(next.conversation).not.toBe(claim.conversation)
  })

  it('still knows the discarded message again', async () => {
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    await bed.store.leases.commit(claim, outcomeOf(claim, refused))
    const { accepted } = await bed.store.inbox.accept(deliveryOf(claim.incoming), newLease())
    expect(accepted).toMatchObject({ status: 'duplicate', turn: claim.turn })
    expect(await bed.store.inbox.depth()).toBe(0)
  })

  it('keeps a conversation that has messages', async () => {
    const first = await say(bed.store, messageAt(placeOf('a')))
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    await bed.store.leases.commit(claim, outcomeOf(claim, refused))
    expect(await messagesOf(bed.store, first.conversation)).toHaveLength(2)
  })

  it('answers what else waits in a discarded conversation, too', async () => {
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    const waiting = deliveryOf(messageAt(placeOf('a')))
    await bed.store.inbox.accept(waiting)
    const { next } = await bed.store.leases.commit(claim, outcomeOf(claim, refused), newLease())
    expect(next).toMatchObject({ turn: waiting.turn, conversation: claim.conversation })
    expect(await bed.store.leases.commit(next!, outcomeOf(next!, refused), newLease())).toEqual({ status: 'ok' })
    expect(await bed.store.conversations.read(claim.conversation, { messages: 1 })).toBeNull()
  })

  it('keeps an undelivered refusal for the successor and drops the conversation at its end', async () => {
    const claim = await claimNew(bed.store, messageAt(placeOf('a')))
    const outcome = outcomeOf(claim, { ...refused, delivered: false, answer: answerOf('', { stop: 'failed' }) })
    expect((await bed.store.leases.commit(claim, outcome)).status).toBe('ok')
    const second = await takeOver(bed)
    expect(second).toMatchObject({ turn: claim.turn, answer: outcome.answer })
    expect((await bed.store.leases.settle(second)).status).toBe('ok')
    expect(await bed.store.conversations.read(claim.conversation, { messages: 1 })).toBeNull()
    expect(await bed.store.inbox.depth()).toBe(0)
  })
}
