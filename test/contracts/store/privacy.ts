import { describe, expect, it } from 'vitest'
import { homeOf, homeOfConversation } from '../../../src/ids.ts'
import { bedFor, claimNew, deliveryOf, messageAt, newLease, type Open, placeOf, say } from './kit.ts'

/** What is said in private stays there, and what is said in a channel too. */
export function privacyContract(open: Open): void {
  describe('private and shared', () => {
    const bed = bedFor(open)
    const direct = placeOf('dm', { surface: 'slack', workspace: 'T1' })
    const channel = placeOf('C1', { surface: 'slack', workspace: 'T1', direct: false })

    it('knows from its birth who reads along', async () => {
      const born = async (over: Parameters<typeof placeOf>[1]) => {
        const { conversation } = await say(bed.store, messageAt(placeOf('C2', over)))
        return (await bed.store.conversations.read(conversation, { messages: 0 }))?.conversation
      }
      const shared = await born({ surface: 'slack', workspace: 'T1', thread: '1', direct: false })
      expect(shared).toMatchObject({ direct: false, audience: 'slack:T1:C2' })
      const team = await born({ surface: 'teams', workspace: 'tenant', direct: false, audience: 'the-team' })
      expect(team).toMatchObject({ direct: false, audience: 'teams:tenant:the-team' })
      const own = await born({ surface: 'slack', workspace: 'T1', thread: '2' })
      expect(own).toMatchObject({ direct: true })
      expect(own).not.toHaveProperty('audience')
      const { items } = await bed.store.conversations.list('ann', { limit: 10, matching: 'question' })
      expect(items.map((one) => one.conversation.audience).toSorted()).toEqual([
        'slack:T1:C2',
        'teams:tenant:the-team',
        undefined,
      ])
    })

    it.each([
      ['a shared conversation', channel, direct],
      ['a private conversation', direct, channel],
    ])('denies %s that is named from the other side, even to who takes part', async (_what, born, place) => {
      const { conversation } = await say(bed.store, messageAt(born, { user: 'ann' }))
      const incoming = messageAt(place, { conversation, user: 'ann' })
      expect(await bed.store.inbox.accept(deliveryOf(incoming), newLease())).toEqual({ accepted: { status: 'denied' } })
      expect(await bed.store.inbox.pending(conversation)).toEqual([])
      // A page that shows it is at home where it was born.
      const shown = placeOf(conversation, { direct: place.direct })
      const beside = messageAt(shown, { conversation, user: 'ann' })
      expect((await bed.store.inbox.accept(deliveryOf(beside))).accepted).toEqual({ status: 'denied' })
      // Nothing of it is remembered.
      const { conversation: _, ...allowed } = incoming
      expect((await bed.store.inbox.accept(deliveryOf(allowed))).accepted.status).toBe('accepted')
    })

    it.each([
      ['shared', channel, direct],
      ['private', direct, channel],
    ])('begins a fresh one where a place points at a %s one from the other side', async (_what, born, place) => {
      const { conversation } = await say(bed.store, messageAt(born))
      await bed.store.places.point(place, conversation)
      const fresh = await claimNew(bed.store, messageAt(place))
      expect(fresh.conversation).not.toBe(conversation)
      expect(homeOfConversation(fresh.conversation)).toBe(homeOf(place))
      const head = await bed.store.conversations.read(fresh.conversation, { messages: 0 })
      expect(head?.conversation).toMatchObject({ direct: place.direct, count: 0 })
      expect((await bed.store.places.read(place))?.conversation).toBe(fresh.conversation)
      expect(await bed.store.inbox.pending(conversation)).toEqual([])
      expect((await claimNew(bed.store, messageAt(born))).conversation).toBe(conversation)
    })

    it('remembers the message that began a fresh one', async () => {
      const { conversation } = await say(bed.store, messageAt(channel))
      await bed.store.places.point(direct, conversation)
      const delivery = deliveryOf(messageAt(direct))
      const { accepted } = await bed.store.inbox.accept(delivery)
      const again = await bed.store.inbox.accept(deliveryOf(delivery.incoming))
      expect(again.accepted).toEqual({ ...accepted, status: 'duplicate' })
      expect(await bed.store.inbox.accept(delivery)).toEqual({ accepted })
    })

    it('ignores a follow-up where a place points across', async () => {
      const { conversation } = await say(bed.store, messageAt(channel))
      await bed.store.places.point(direct, conversation)
      const followUp = deliveryOf(messageAt(direct, { followUp: true }))
      expect((await bed.store.inbox.accept(followUp)).accepted).toEqual({ status: 'ignored' })
    })

    it('lets an unnamed message at the home of a shared conversation begin a private one', async () => {
      const { conversation } = await say(bed.store, messageAt(channel))
      const page = placeOf(conversation)
      expect(homeOf(page)).toBe(homeOf(channel))
      const fresh = await claimNew(bed.store, messageAt(page))
      expect(fresh.conversation).not.toBe(conversation)
      const back = await bed.store.inbox.accept(deliveryOf(messageAt(channel)))
      expect(back.accepted).not.toMatchObject({ conversation: fresh.conversation })
    })

    it('goes on from one private place in another, and from one shared place in another', async () => {
      const own = await say(bed.store, messageAt(direct, { user: 'ann' }))
      const web = placeOf('web')
      await bed.store.places.point(web, own.conversation)
      expect((await claimNew(bed.store, messageAt(web))).conversation).toBe(own.conversation)
      const shared = await say(bed.store, messageAt(channel, { user: 'ann' }))
      const thread = { ...channel, thread: '1' }
      const named = messageAt(thread, { conversation: shared.conversation, user: 'ann' })
      expect((await claimNew(bed.store, named)).conversation).toBe(shared.conversation)
    })
  })
}
