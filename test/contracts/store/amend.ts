import { describe, expect, it } from 'vitest'
import { ownIdMs, seenMs } from '../../../src/store.ts'
import type { Message } from '../../../src/types.ts'
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

/** Messages that were edited or deleted at their source. */
export function amendContract(open: Open): void {
  describe('amend', () => {
    const bed = bedFor(open)
    describe('what nobody has worked on yet', () => waitingContract(bed))
    describe('what is being answered', () => runningContract(bed))
    describe('what was answered', () => answeredContract(bed))
    describe('what was asked anew', () => anewContract(bed))
    describe('wherever it is', () => whereContract(bed))
  })
}

const here = placeOf('a')
const unknown = { when: 'unknown', stopped: [] }
const edited = (text: string) => ({ text, title: text.slice(0, 20) })
const deleted = { text: null, title: '' }
/** All that JSON has to escape, and what its own marks look like. */
const odd = ',"text":"no"} \\ "quoted" \\" {} [] \u0000 \ud83d half 👩‍👩‍👧 %1 %% \n end,"text":"'

async function titleOf(bed: Bed, id: string) {
  const { title, titledBy, summary } = (await bed.store.conversations.read(id, { messages: 0 }))!.conversation
  return { title, titledBy, ...(summary && { summary: summary.text }) }
}

function waitingContract(bed: Bed): void {
  it('gives a waiting message its new text, and leaves the rest as it came', async () => {
    const running = await claimNew(bed.store, messageAt(here))
    const incoming = messageAt(here, {
      text: odd,
      address: { nested: { list: [], none: {} }, replaces: 1 },
      user: 'ann',
    })
    const delivery = deliveryOf(incoming)
    await bed.store.inbox.accept(delivery)
    const expected = { when: 'waiting', conversation: running.conversation, turn: delivery.turn, stopped: [] }
    for (const text of ['short', odd.repeat(2_000), odd]) {
      expect(await bed.store.places.amend(here, incoming.ids[0]!, edited(text))).toEqual(expected)
      const [, pending] = await bed.store.inbox.pending(running.conversation)
      expect(pending).toMatchObject({ turn: delivery.turn, text, running: false })
    }
    const { next } = await bed.store.leases.commit(running, outcomeOf(running), newLease())
    expect(next).toMatchObject({ turn: delivery.turn, attempt: 1, incoming: { ...incoming, text: odd } })
    await bed.store.leases.commit(next!, outcomeOf(next!))
    expect((await messagesOf(bed.store, running.conversation))[2]?.text).toBe(odd)
  })

  it('finds it by any of its ids', async () => {
    const incoming = messageAt(here, { ids: ['own', 'event', 'client'] })
    const delivery = deliveryOf(incoming)
    await bed.store.inbox.accept(delivery)
    for (const id of incoming.ids) {
      expect(await bed.store.places.amend(here, id, edited(id))).toMatchObject({ when: 'waiting', turn: delivery.turn })
    }
    expect(await bed.store.places.amend(here, 'other', edited('x'))).toEqual(unknown)
    expect(await bed.store.places.amend(placeOf('b'), 'own', edited('x'))).toEqual(unknown)
    const [claim] = await bed.store.inbox.sweep([newLease()])
    expect(claim?.incoming.text).toBe('client')
  })

  it('drops a deleted one, which is never answered and not taken when it comes again', async () => {
    const running = await claimNew(bed.store, messageAt(here))
    const [dropped, behind] = [deliveryOf(messageAt(here)), deliveryOf(messageAt(here))]
    for (const delivery of [dropped, behind]) await bed.store.inbox.accept(delivery)
    const expected = { when: 'waiting', conversation: running.conversation, turn: dropped.turn, stopped: [] }
    expect(await bed.store.places.amend(here, dropped.incoming.ids[0]!, deleted)).toEqual(expected)
    expect((await bed.store.inbox.pending(running.conversation)).map((one) => one.turn)).toEqual([
      running.turn,
      behind.turn,
    ])
    const again = await bed.store.inbox.accept(deliveryOf(dropped.incoming), newLease())
    expect(again.accepted).toMatchObject({ status: 'duplicate', turn: dropped.turn })
    expect(await bed.store.leases.renew(running, leaseMs)).toBe(true)
    const { next } = await bed.store.leases.commit(running, outcomeOf(running), newLease())
    expect(next?.turn).toBe(behind.turn)
    await bed.store.leases.commit(next!, outcomeOf(next!))
    expect(await messagesOf(bed.store, running.conversation)).toHaveLength(4)
    expect(await bed.store.inbox.depth()).toBe(0)
    expect(await bed.store.places.amend(here, dropped.incoming.ids[0]!, edited('x'))).toEqual(unknown)
  })

  it('drops the conversation that a deleted message alone began', async () => {
    const delivery = deliveryOf(messageAt(here, { user: 'ann' }))
    await bed.store.inbox.accept(delivery)
    await bed.store.places.amend(here, delivery.incoming.ids[0]!, deleted)
    expect(await bed.store.conversations.read(delivery.conversation, { messages: 1 })).toBeNull()
    expect(await bed.store.inbox.sweep([newLease()])).toEqual([])
    expect(await bed.store.inbox.depth()).toBe(0)
    expect(await bed.store.places.read(here)).toBeNull()
    expect((await claimNew(bed.store, messageAt(here))).conversation).not.toBe(delivery.conversation)
  })

  it('keeps the conversation of a deleted message where others wait, and answers those', async () => {
    const [dropped, kept] = [deliveryOf(messageAt(here)), deliveryOf(messageAt(here))]
    for (const delivery of [dropped, kept]) await bed.store.inbox.accept(delivery)
    await bed.store.places.amend(here, dropped.incoming.ids[0]!, deleted)
    const [claim] = await bed.store.inbox.sweep([newLease()])
    expect(claim).toMatchObject({ turn: kept.turn, conversation: dropped.conversation })
  })
}

function runningContract(bed: Bed): void {
  it('stores the new text of a question that changed while it was answered, and says so', async () => {
    const claim = await claimNew(bed.store, messageAt(here))
    const expected = { when: 'running', conversation: claim.conversation, turn: claim.turn, stopped: [] }
    for (const text of ['first try', odd]) {
      expect(await bed.store.places.amend(here, claim.incoming.ids[0]!, edited(text))).toEqual(expected)
    }
    const outcome = outcomeOf(claim, { title: 'Old words' })
    const quotes = [{ author: 'Bob', text: 'a "text":"b"' }]
    const messages = [{ ...outcome.messages[0]!, quotes }, outcome.messages[1]!] as Omit<Message, 'seq'>[]
    expect(await bed.store.leases.commit(claim, { ...outcome, messages })).toEqual({ status: 'ok', amended: true })
    const [question, answer] = await messagesOf(bed.store, claim.conversation)
    expect(question).toEqual({ ...messages[0], seq: 0, text: odd })
    expect(answer).toEqual({ ...messages[1], seq: 1 })
    expect(await titleOf(bed, claim.conversation)).toEqual({ title: odd.slice(0, 20), titledBy: 'text' })
  })

  it('hands the new text to a successor, whose own reading of it is stored', async () => {
    const claim = await claimNew(bed.store, messageAt(here))
    await bed.store.places.amend(here, claim.incoming.ids[0]!, edited('ask <@U1>'))
    const successor = await takeOver(bed)
    expect(successor).toMatchObject({ turn: claim.turn, attempt: 2, stopped: false, incoming: { text: 'ask <@U1>' } })
    const outcome = outcomeOf(successor)
    const messages = [{ ...outcome.messages[0]!, text: 'ask @Bob' }, outcome.messages[1]!]
    expect(await bed.store.leases.commit(successor, { ...outcome, messages, title: 'ask @Bob' })).toEqual({
      status: 'ok',
    })
    expect((await messagesOf(bed.store, claim.conversation))[0]?.text).toBe('ask @Bob')
    expect(await titleOf(bed, claim.conversation)).toEqual({ title: 'ask @Bob', titledBy: 'text' })
  })

  it('also when the lease ran out, whoever commits it then', async () => {
    const claim = await claimNew(bed.store, messageAt(here))
    bed.clock.advance(leaseMs + 1)
    expect(await bed.store.places.amend(here, claim.incoming.ids[0]!, edited('new'))).toMatchObject({ when: 'running' })
    await bed.store.leases.commit(claim, outcomeOf(claim))
    expect((await messagesOf(bed.store, claim.conversation))[0]?.text).toBe('new')
  })

  it('marks the answer to a deleted one as stopped, and stores an empty question', async () => {
    const claim = await claimNew(bed.store, messageAt(here))
    const expected = { when: 'running', conversation: claim.conversation, turn: claim.turn, stopped: [claim.turn] }
    for (let times = 0; times < 2; times++) {
      expect(await bed.store.places.amend(here, claim.incoming.ids[0]!, deleted)).toEqual(expected)
    }
    const outcome = outcomeOf(claim, { answer: answerOf('Half', { stop: 'stopped' }), title: 'Old words' })
    expect(await bed.store.leases.commit(claim, outcome)).toEqual({ status: 'ok', amended: true })
    expect((await messagesOf(bed.store, claim.conversation)).map((one) => one.text)).toEqual(['', 'Half'])
    expect(await titleOf(bed, claim.conversation)).toEqual({ title: '', titledBy: 'none' })
    const next = await say(bed.store, messageAt(here), { title: 'Next words' })
    expect(await titleOf(bed, next.conversation)).toEqual({ title: 'Next words', titledBy: 'text' })
  })

  it.each(['crashed', 'was given back'])(
    'has a deleted one brought to an end by a successor when its instance %s',
    async (how) => {
      const claim = await claimNew(bed.store, messageAt(here))
      await bed.store.leases.save(claim, { shown: 'half' })
      if (how === 'crashed') bed.clock.advance(leaseMs + 1)
      else await bed.store.leases.release(claim)
      expect(await bed.store.places.amend(here, claim.incoming.ids[0]!, deleted)).toMatchObject({ when: 'running' })
      const [successor] = await bed.store.inbox.sweep([newLease()])
      expect(successor).toMatchObject({
        turn: claim.turn,
        stopped: true,
        draft: { shown: 'half' },
        incoming: { text: '' },
      })
      await bed.store.leases.commit(successor!, outcomeOf(successor!))
      expect((await messagesOf(bed.store, claim.conversation))[0]?.text).toBe('')
    },
  )

  it('leaves no mark for the next message', async () => {
    const claim = await claimNew(bed.store, messageAt(here))
    await bed.store.inbox.accept(deliveryOf(messageAt(here)))
    await bed.store.places.amend(here, claim.incoming.ids[0]!, deleted)
    const { next } = await bed.store.leases.commit(claim, outcomeOf(claim), newLease())
    expect(next?.stopped).toBe(false)
    expect(await bed.store.leases.commit(next!, outcomeOf(next!))).toEqual({ status: 'ok' })
    const [, , question] = await messagesOf(bed.store, claim.conversation)
    expect(question?.text).toBe(next?.incoming.text)
  })
}

function answeredContract(bed: Bed): void {
  it('changes the stored question and nothing else', async () => {
    const other = await say(bed.store, messageAt(here, { text: 'before' }))
    const claim = await say(bed.store, messageAt(here, { text: 'a recipe for bread' }))
    await bed.store.conversations.rate(claim.conversation, claim.turn, { value: 'up', user: 'ann', at: 1 })
    await say(bed.store, messageAt(here, { text: 'after' }))
    const before = await messagesOf(bed.store, claim.conversation)
    const at = bed.clock.now()
    bed.clock.advance(1_000)
    for (const text of [odd, 'a recipe for soup']) {
      const expected = { when: 'answered', conversation: claim.conversation, turn: claim.turn, stopped: [] }
      expect(await bed.store.places.amend(here, claim.incoming.ids[0]!, edited(text))).toEqual(expected)
      expect(await messagesOf(bed.store, claim.conversation)).toEqual(before.with(2, { ...before[2]!, text }))
    }
    const found = async (matching: string) =>
      (await bed.store.conversations.list('ann', { limit: 5, matching })).items.map((one) => one.conversation.id)
    expect(await found('for soup')).toEqual([other.conversation])
    expect((await bed.store.conversations.read(other.conversation, { messages: 0 }))?.conversation.updatedAt).toBe(at)
  })

  it('empties a deleted one and keeps its answer', async () => {
    const claim = await say(bed.store, messageAt(here, { text: 'secret' }), { answer: answerOf('An answer') })
    for (let times = 0; times < 2; times++) {
      expect(await bed.store.places.amend(here, claim.incoming.ids[0]!, deleted)).toMatchObject({ when: 'answered' })
    }
    expect((await messagesOf(bed.store, claim.conversation)).map((one) => one.text)).toEqual(['', 'An answer'])
    expect((await bed.store.conversations.list('ann', { limit: 5, matching: 'secret' })).items).toEqual([])
    expect(await bed.store.places.read(here)).toMatchObject({ conversation: claim.conversation })
  })

  it('mends a title that was made of the old words', async () => {
    const claim = await say(bed.store, messageAt(here), { title: 'Old words' })
    const [id = ''] = claim.incoming.ids
    await bed.store.places.amend(here, id, edited('New words'))
    expect(await titleOf(bed, claim.conversation)).toEqual({ title: 'New words', titledBy: 'text' })
    await bed.store.places.amend(here, id, deleted)
    expect(await titleOf(bed, claim.conversation)).toEqual({ title: '', titledBy: 'none' })
    await bed.store.places.amend(here, id, edited('Back again'))
    expect(await titleOf(bed, claim.conversation)).toEqual({ title: 'Back again', titledBy: 'text' })
  })

  it('keeps the model’s title of an edited question and drops that of a deleted one; a person’s stays', async () => {
    const claim = await say(bed.store, messageAt(here), { title: 'Old words' })
    const [id = ''] = claim.incoming.ids
    await bed.store.conversations.update(claim.conversation, { title: { text: 'By the model', by: 'model' } })
    await bed.store.places.amend(here, id, edited('New words'))
    expect(await titleOf(bed, claim.conversation)).toEqual({ title: 'By the model', titledBy: 'model' })
    await bed.store.places.amend(here, id, deleted)
    expect(await titleOf(bed, claim.conversation)).toEqual({ title: '', titledBy: 'none' })
    await bed.store.conversations.update(claim.conversation, { title: { text: 'By Ann', by: 'user' } })
    await bed.store.places.amend(here, id, deleted)
    expect(await titleOf(bed, claim.conversation)).toEqual({ title: 'By Ann', titledBy: 'user' })
  })

  it('leaves the title when a later question changes', async () => {
    await say(bed.store, messageAt(here), { title: 'First words' })
    const later = await say(bed.store, messageAt(here), { title: 'Later words' })
    await bed.store.places.amend(here, later.incoming.ids[0]!, deleted)
    expect(await titleOf(bed, later.conversation)).toEqual({ title: 'First words', titledBy: 'text' })
  })

  it('drops a summary that tells of it, and only that', async () => {
    const first = await say(bed.store, messageAt(here))
    const second = await say(bed.store, messageAt(here))
    const summary = { text: 'In short', upTo: 2 }
    await bed.store.conversations.update(first.conversation, { summary })
    await bed.store.places.amend(here, second.incoming.ids[0]!, deleted)
    expect(await titleOf(bed, first.conversation)).toMatchObject({ summary: 'In short' })
    await bed.store.places.amend(here, first.incoming.ids[0]!, edited('x'))
    expect(await titleOf(bed, first.conversation)).not.toHaveProperty('summary')
  })

  it('changes the question of an answer that is still to be delivered, which goes on', async () => {
    const claim = await claimNew(bed.store, messageAt(here))
    const outcome = outcomeOf(claim, { delivered: false })
    await bed.store.leases.commit(claim, outcome)
    const found = await bed.store.places.amend(here, claim.incoming.ids[0]!, deleted)
    expect(found).toEqual({ when: 'answered', conversation: claim.conversation, turn: claim.turn, stopped: [] })
    expect((await messagesOf(bed.store, claim.conversation))[0]?.text).toBe('')
    const successor = await takeOver(bed)
    expect(successor).toMatchObject({ answer: outcome.answer, stopped: false })
    expect(await bed.store.leases.settle(successor)).toEqual({ status: 'ok' })
    expect(await messagesOf(bed.store, claim.conversation)).toHaveLength(2)
  })

  it('knows nothing of a question that was refused, nor of one whose conversation was deleted', async () => {
    const refused = await claimNew(bed.store, messageAt(here))
    await bed.store.leases.commit(refused, outcomeOf(refused, { messages: [], participants: [], discard: true }))
    expect(await bed.store.places.amend(here, refused.incoming.ids[0]!, edited('x'))).toEqual(unknown)
    const removed = await say(bed.store, messageAt(here))
    await bed.store.conversations.remove(removed.conversation)
    expect(await bed.store.places.amend(here, removed.incoming.ids[0]!, edited('x'))).toEqual(unknown)
  })
}

function anewContract(bed: Bed): void {
  it('changes the question where it was asked again, however often', async () => {
    const first = await say(bed.store, messageAt(here, { text: 'secret' }))
    let latest = first
    for (let n = 0; n < 3; n++)
      latest = await say(bed.store, messageAt(here, { replaces: latest.turn, text: 'secret' }))
    const [id = ''] = first.incoming.ids
    const expected = { when: 'answered', conversation: first.conversation, turn: latest.turn, stopped: [] }
    expect(await bed.store.places.amend(here, id, edited('better'))).toEqual(expected)
    expect((await messagesOf(bed.store, first.conversation)).map((one) => one.text)[0]).toBe('better')
    expect(await bed.store.places.amend(here, id, deleted)).toEqual(expected)
    expect(JSON.stringify(await messagesOf(bed.store, first.conversation))).not.toContain('"secret"')
  })

  it('reaches the one that waits, or runs, to replace it', async () => {
    const first = await say(bed.store, messageAt(here, { text: 'secret' }))
    const [id = ''] = first.incoming.ids
    const again = deliveryOf(messageAt(here, { replaces: first.turn, text: '' }))
    await bed.store.inbox.accept(again)
    const expected = { conversation: first.conversation, turn: again.turn, stopped: [] }
    expect(await bed.store.places.amend(here, id, edited('better'))).toEqual({ when: 'waiting', ...expected })
    expect((await messagesOf(bed.store, first.conversation))[0]?.text).toBe('better')
    const [claim] = await bed.store.inbox.sweep([newLease()])
    expect(claim?.incoming).toEqual({ ...again.incoming, text: 'better' })
    expect(await bed.store.places.amend(here, id, deleted)).toEqual({
      when: 'running',
      ...expected,
      stopped: [again.turn],
    })
    await bed.store.leases.commit(claim!, outcomeOf(claim!))
    expect((await messagesOf(bed.store, first.conversation))[0]).toMatchObject({ turn: again.turn, text: '' })
  })

  it('drops the one that waits to ask a deleted question again', async () => {
    const first = await say(bed.store, messageAt(here))
    await bed.store.inbox.accept(deliveryOf(messageAt(here, { replaces: first.turn, text: '' })))
    expect(await bed.store.places.amend(here, first.incoming.ids[0]!, deleted)).toMatchObject({ when: 'waiting' })
    expect(await bed.store.inbox.sweep([newLease()])).toEqual([])
    expect((await messagesOf(bed.store, first.conversation)).map((one) => one.turn)).toEqual([first.turn, first.turn])
    expect((await messagesOf(bed.store, first.conversation))[0]?.text).toBe('')
  })

  it('knows nothing of what came after a question that was asked anew', async () => {
    const first = await say(bed.store, messageAt(here))
    const after = await say(bed.store, messageAt(here))
    await say(bed.store, messageAt(here, { replaces: first.turn }))
    expect(await bed.store.places.amend(here, after.incoming.ids[0]!, edited('x'))).toEqual(unknown)
  })
}

function whereContract(bed: Bed): void {
  it('is found when its place continues something else by now, or nothing', async () => {
    const elsewhere = await say(bed.store, messageAt(placeOf('b')))
    const claim = await say(bed.store, messageAt(here))
    for (const [n, conversation] of [elsewhere.conversation, null].entries()) {
      await bed.store.places.point(here, conversation)
      const found = await bed.store.places.amend(here, claim.incoming.ids[0]!, edited(`text ${n}`))
      expect(found).toMatchObject({ when: 'answered', conversation: claim.conversation })
      expect((await messagesOf(bed.store, claim.conversation))[0]?.text).toBe(`text ${n}`)
    }
  })

  it('is found in a conversation that was born elsewhere, in each of its states', async () => {
    const born = await say(bed.store, messageAt(placeOf('b')))
    await bed.store.places.point(here, born.conversation)
    const [dropped, kept] = [deliveryOf(messageAt(here)), deliveryOf(messageAt(here))]
    for (const delivery of [dropped, kept]) await bed.store.inbox.accept(delivery)
    const of = ({ turn }: { turn: string }) => ({ conversation: born.conversation, turn })
    const amend = (delivery: typeof kept, text: string | null) =>
      bed.store.places.amend(here, delivery.incoming.ids[0]!, text === null ? deleted : edited(text))
    expect(await amend(dropped, null)).toMatchObject({ when: 'waiting', ...of(dropped) })
    expect(await amend(kept, 'one')).toMatchObject({ when: 'waiting', ...of(kept) })
    const [claim] = await bed.store.inbox.sweep([newLease()])
    expect(claim).toMatchObject({ ...of(kept), incoming: { text: 'one' } })
    expect(await amend(kept, 'two')).toMatchObject({ when: 'running', ...of(kept) })
    await bed.store.leases.commit(claim!, outcomeOf(claim!))
    expect((await messagesOf(bed.store, born.conversation))[2]?.text).toBe('two')
    expect(await amend(kept, 'three')).toMatchObject({ when: 'answered', ...of(kept) })
    expect((await messagesOf(bed.store, born.conversation))[2]?.text).toBe('three')
  })

  it('touches nothing of another conversation at the same home', async () => {
    const first = await claimNew(bed.store, messageAt(here))
    await bed.store.places.point(here, null)
    const second = deliveryOf(messageAt(here))
    await bed.store.inbox.accept(second)
    await bed.store.places.amend(here, second.incoming.ids[0]!, deleted)
    expect(await bed.store.leases.commit(first, outcomeOf(first), newLease())).toEqual({ status: 'ok' })
    expect((await messagesOf(bed.store, first.conversation))[0]?.text).toBe(first.incoming.text)
  })

  it('is known for half a year by its own id, and for three days by the others', async () => {
    const claim = await say(bed.store, messageAt(here, { ids: ['own', 'event'] }))
    bed.clock.advance(seenMs - 1)
    expect(await bed.store.places.amend(here, 'event', edited('x'))).toMatchObject({ when: 'answered' })
    bed.clock.advance(1)
    expect(await bed.store.places.amend(here, 'event', edited('x'))).toEqual(unknown)
    bed.clock.advance(ownIdMs - seenMs - 1)
    expect(await bed.store.places.amend(here, 'own', edited('late'))).toMatchObject({ when: 'answered' })
    expect((await messagesOf(bed.store, claim.conversation))[0]?.text).toBe('late')
    bed.clock.advance(1)
    expect(await bed.store.places.amend(here, 'own', edited('x'))).toEqual(unknown)
  })
}
