import { describe, expect, it } from 'vitest'
import { homeOf, homeOfConversation, newConversationId } from '../../../src/ids.ts'
import { followUpMs, pointerMs, type Store } from '../../../src/store.ts'
import type { Incoming } from '../../../src/types.ts'
import {
  answerOf,
  type Bed,
  bedFor,
  claimNew,
  deliveryOf,
  messageAt,
  messagesOf,
  newLease,
  type Open,
  outcomeOf,
  placeOf,
  say,
} from './kit.ts'

/** What places continue, and which messages that are not addressed to us they take. */
export function placesContract(open: Open): void {
  describe('places', () => {
    const bed = bedFor(open)
    describe('what they continue', () => pointerContract(bed))
    describe('follow-ups', () => followUpContract(bed))
  })
}

const here = placeOf('a')

function pointerContract(bed: Bed): void {
  it('continue nothing before their first message, and what it began after it', async () => {
    expect(await bed.store.places.read(here)).toBeNull()
    const first = await say(bed.store, messageAt(here))
    const usedAt = bed.clock.now()
    bed.clock.advance(5)
    expect(await bed.store.places.read(here)).toEqual({ conversation: first.conversation, usedAt, muted: false })
    await claimNew(bed.store, messageAt(here))
    expect(await bed.store.places.read(here)).toMatchObject({ usedAt: usedAt + 5 })
    expect(await bed.store.places.read(placeOf('b'))).toBeNull()
  })

  it('continue what they were pointed at, born elsewhere or not, until they are told to begin anew', async () => {
    const first = await say(bed.store, messageAt(here))
    const other = placeOf('b')
    bed.clock.advance(5)
    await bed.store.places.point(other, first.conversation)
    const found = { conversation: first.conversation, usedAt: bed.clock.now(), muted: false }
    expect(await bed.store.places.read(other)).toEqual(found)
    await bed.store.places.point(other, null)
    expect(await bed.store.places.read(other)).toBeNull()
    await bed.store.places.point(here, null)
    expect(await bed.store.places.read(here)).toBeNull()
    await bed.store.places.point(here, first.conversation)
    expect(await bed.store.places.read(here)).toEqual(found)
  })

  it('do not continue what was deleted, wherever it was born', async () => {
    const first = await say(bed.store, messageAt(here))
    await bed.store.places.point(placeOf('b'), first.conversation)
    await bed.store.conversations.remove(first.conversation)
    expect(await bed.store.places.read(here)).toBeNull()
    expect(await bed.store.places.read(placeOf('b'))).toBeNull()
  })

  it('begin afresh when they are pointed at what is gone or never was', async () => {
    const gone = await say(bed.store, messageAt(here))
    await bed.store.conversations.remove(gone.conversation)
    for (const conversation of [gone.conversation, newConversationId(homeOf(placeOf('elsewhere')))]) {
      await bed.store.places.point(here, conversation)
      expect(await bed.store.places.read(here)).toBeNull()
      const claim = await say(bed.store, messageAt(here))
      expect(homeOfConversation(claim.conversation)).toBe(homeOf(here))
      expect(await messagesOf(bed.store, claim.conversation)).toHaveLength(2)
    }
  })

  it('continue nothing any more half a year after the last message', async () => {
    await say(bed.store, messageAt(here))
    bed.clock.advance(pointerMs - 1)
    expect(await bed.store.places.read(here)).not.toBeNull()
    bed.clock.advance(1)
    expect(await bed.store.places.read(here)).toBeNull()
  })
}

function followUpContract(bed: Bed): void {
  const followUp = (over: Partial<Incoming> = {}) => messageAt(here, { followUp: true, ...over })
  const accept = async (incoming: Incoming, store: Store = bed.store) =>
    (await store.inbox.accept(deliveryOf(incoming), newLease())).accepted

  it('are ignored where nothing is continued, and nothing of them is stored', async () => {
    const incoming = followUp({ user: 'ann' })
    const delivery = deliveryOf(incoming)
    expect(await bed.store.inbox.accept(delivery, newLease())).toEqual({ accepted: { status: 'ignored' } })
    expect(await bed.store.conversations.read(delivery.conversation, { messages: 1 })).toBeNull()
    expect(await bed.store.inbox.sweep([newLease()])).toEqual([])
    expect(await bed.store.places.read(here)).toBeNull()
    const { followUp: _, ...twin } = incoming
    expect((await accept(twin)).status).toBe('accepted')
  })

  it('are taken where something is continued, and claimed like any message', async () => {
    const first = await say(bed.store, messageAt(here))
    const incoming = followUp()
    const claim = await claimNew(bed.store, incoming)
    expect(claim).toMatchObject({ conversation: first.conversation, incoming })
    const { followUp: _, ...twin } = incoming
    expect(await accept(twin)).toEqual({ status: 'duplicate', conversation: first.conversation, turn: claim.turn })
  })

  it('are known again when their addressed twin came first', async () => {
    const twin = messageAt(here)
    const first = await say(bed.store, twin)
    await bed.store.places.mute(here)
    const expected = { status: 'duplicate', conversation: first.conversation, turn: first.turn }
    expect(await accept({ ...twin, followUp: true })).toEqual(expected)
  })

  it('are ignored in a muted place, until a message is addressed to us that is no redelivery', async () => {
    const addressed = messageAt(here)
    await say(bed.store, addressed)
    await bed.store.places.mute(here)
    expect(await bed.store.places.read(here)).toMatchObject({ muted: true })
    const ignored = followUp()
    expect(await accept(ignored)).toEqual({ status: 'ignored' })
    expect((await accept(addressed)).status).toBe('duplicate')
    expect(await accept(ignored)).toEqual({ status: 'ignored' })
    await say(bed.store, messageAt(here))
    expect(await bed.store.places.read(here)).toMatchObject({ muted: false })
    expect((await accept(ignored)).status).toBe('accepted')
  })

  it('are taken again in a muted place that was pointed or began anew', async () => {
    const first = await say(bed.store, messageAt(here))
    await bed.store.places.mute(here)
    await bed.store.places.point(here, first.conversation)
    expect((await accept(followUp())).status).toBe('accepted')
    await bed.store.places.mute(here)
    await bed.store.places.point(here, null)
    expect(await accept(followUp())).toEqual({ status: 'ignored' })
    await bed.store.inbox.accept(deliveryOf(messageAt(here)))
    expect((await accept(followUp())).status).toBe('accepted')
  })

  it('are not muted in advance, where nothing is continued yet', async () => {
    await bed.store.places.mute(here)
    await say(bed.store, messageAt(here))
    expect((await accept(followUp())).status).toBe('accepted')
  })

  it('are not muted by a mute that is forgotten with its place', async () => {
    await say(bed.store, messageAt(here))
    await bed.store.places.mute(here)
    bed.clock.advance(pointerMs)
    await say(bed.store, messageAt(here))
    expect((await accept(followUp())).status).toBe('accepted')
  })

  it('are taken for thirty days after the last message that was stored, itself a follow-up or not', async () => {
    await say(bed.store, messageAt(here))
    for (let n = 0; n < 3; n++) {
      bed.clock.advance(followUpMs - 1)
      await say(bed.store, followUp())
    }
    bed.clock.advance(followUpMs)
    expect(await accept(followUp())).toEqual({ status: 'ignored' })
    expect(await accept(followUp())).toEqual({ status: 'ignored' })
    const back = await say(bed.store, messageAt(here))
    expect((await accept(followUp())).status).toBe('accepted')
    expect(await messagesOf(bed.store, back.conversation)).toHaveLength(10)
  })

  it('are taken, and muted, in a place that continues a conversation born elsewhere', async () => {
    const born = await say(bed.store, messageAt(placeOf('b')))
    await bed.store.places.point(here, born.conversation)
    const claim = await claimNew(bed.store, followUp())
    expect(claim.conversation).toBe(born.conversation)
    await bed.store.leases.commit(claim, outcomeOf(claim))
    await bed.store.places.mute(here)
    expect(await accept(followUp())).toEqual({ status: 'ignored' })
    await say(bed.store, messageAt(here))
    bed.clock.advance(followUpMs - 1)
    await say(bed.store, followUp())
    bed.clock.advance(followUpMs)
    expect(await accept(followUp())).toEqual({ status: 'ignored' })
    expect(await messagesOf(bed.store, born.conversation)).toHaveLength(8)
  })

  it('are ignored where the conversation was deleted, and nothing of them is remembered', async () => {
    for (const birthplace of [here, placeOf('b')]) {
      const born = await say(bed.store, messageAt(birthplace))
      await bed.store.places.point(here, born.conversation)
      await bed.store.conversations.remove(born.conversation)
      const incoming = followUp()
      expect(await accept(incoming)).toEqual({ status: 'ignored' })
      expect(await accept(incoming)).toEqual({ status: 'ignored' })
      const { followUp: _, ...twin } = incoming
      const accepted = await accept(twin)
      expect(accepted).toMatchObject({ status: 'accepted' })
      expect(homeOfConversation((accepted as { conversation: string }).conversation)).toBe(homeOf(here))
    }
  })

  it('are ignored where the first message came from someone who is refused', async () => {
    const refused = await claimNew(bed.store, messageAt(here))
    const answer = answerOf('', { stop: 'failed' })
    const outcome = { messages: [], participants: [], discard: true, answer }
    await bed.store.leases.commit(refused, outcomeOf(refused, outcome))
    expect(await accept(followUp())).toEqual({ status: 'ignored' })
  })

  it('may come again when there was no room for them', async () => {
    const small = await bed.fresh({ maxWaiting: 1 })
    const claim = await claimNew(small, messageAt(here))
    const late = followUp()
    expect(await accept(late, small)).toEqual({ status: 'full' })
    await small.leases.commit(claim, outcomeOf(claim))
    expect((await accept(late, small)).status).toBe('accepted')
  })
}
