import { describe, expect, it } from 'vitest'
import { homeOf, newConversationId } from '../../../src/ids.ts'
import type { Copy } from '../../../src/store.ts'
import type { Surface } from '../../../src/types.ts'
import {
  answerOf,
  type Bed,
  bedFor,
  claimNew,
  deliveryOf,
  messageAt,
  messagesOf,
  newUser,
  type Open,
  outcomeOf,
  placeOf,
  say,
} from './kit.ts'

/** Conversations that are shared: copied, left, forgotten, and too old to be kept. */
export function sharedContract(open: Open): void {
  describe('conversations', () => {
    const bed = bedFor(open)
    describe('copy', () => copyContract(bed))
    describe('leave', () => leaveContract(bed))
    describe('forget', () => forgetContract(bed))
    describe('stale', () => staleContract(bed))
  })
}

const nowhere = newConversationId(homeOf(placeOf('nowhere')))
const channel = placeOf('C1', { surface: 'slack', workspace: 'T1', direct: false })

/** A turn of someone's in the channel's conversation. */
async function speak(bed: Bed, user: string, text: string, over: { title?: string } = {}) {
  bed.clock.advance(1_000)
  const claim = await claimNew(bed.store, messageAt(channel, { text }))
  const outcome = outcomeOf(claim, { answer: answerOf(`answer to ${text}`), participants: [user], ...over })
  outcome.messages[0]!.author = { user, name: user }
  outcome.messages[0]!.quotes = [{ author: 'someone', text: `quoted in ${text}` }]
  await bed.store.conversations.join(claim.conversation, user)
  await bed.store.leases.commit(claim, outcome)
  return claim
}

async function listOf(bed: Bed, user: string): Promise<string[]> {
  return (await bed.store.conversations.list(user, { limit: 100 })).items.map((one) => one.conversation.id)
}

async function head(bed: Bed, id: string) {
  return (await bed.store.conversations.read(id, { messages: 0 }))?.conversation
}

const textsOf = async (bed: Bed, id: string) => (await messagesOf(bed.store, id)).map((one) => one.text)

function copyContract(bed: Bed): void {
  const copyFor = (user: string, over: Partial<Copy> = {}): Copy => ({
    id: newConversationId(homeOf(placeOf(`copy of ${user}`))),
    user,
    surface: 'web',
    direct: true,
    messages: 100,
    ...over,
  })

  it('begins a conversation with what was said, of its own from then on', async () => {
    const first = await speak(bed, 'ann', 'one', { title: 'First words' })
    await speak(bed, 'bob', 'two')
    const id = first.conversation
    await bed.store.conversations.rate(id, first.turn, { value: 'up', user: 'bob', at: 1 })
    await bed.store.conversations.update(id, { summary: { text: 'in short', upTo: 2 } })
    bed.clock.advance(1_000)
    const copy = copyFor('ann')
    expect(await bed.store.conversations.copy(id, copy)).toBe(true)

    const source = (await messagesOf(bed.store, id)).map(({ rating: _, ...message }) => message)
    expect(await messagesOf(bed.store, copy.id)).toEqual(source)
    expect(await head(bed, copy.id)).toEqual({
      id: copy.id,
      title: 'First words',
      titledBy: 'text',
      createdAt: bed.clock.now(),
      updatedAt: bed.clock.now(),
      surface: 'web',
      direct: true,
      participants: ['ann'],
      count: 4,
      usage: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
      summary: { text: 'in short', upTo: 2 },
    })
    expect(await listOf(bed, 'ann')).toEqual([copy.id, id])
    expect(await listOf(bed, 'bob')).toEqual([id])
    const found = await bed.store.conversations.list('ann', { limit: 10, matching: 'answer to two' })
    expect(found.items).toHaveLength(2)

    // It goes on by itself, and can be rated.
    const place = placeOf('copy of ann')
    await bed.store.places.point(place, copy.id)
    expect((await say(bed.store, messageAt(place, { text: 'three' }))).conversation).toBe(copy.id)
    expect(await bed.store.conversations.rate(copy.id, first.turn, { value: 'down', user: 'ann', at: 2 })).toBe(true)
    expect((await messagesOf(bed.store, copy.id)).map((one) => one.rating?.value)).toEqual([
      undefined,
      'down',
      ...Array(4).fill(undefined),
    ])
    expect((await messagesOf(bed.store, id))[1]?.rating?.value).toBe('up')
    expect(await textsOf(bed, id)).toHaveLength(4)
    await bed.store.conversations.remove(id)
    expect(await textsOf(bed, copy.id)).toHaveLength(6)
  })

  it('takes the newest messages along, and as much of the summary as is before them', async () => {
    for (const text of ['one', 'two', 'three']) await speak(bed, 'ann', text)
    const [id] = await listOf(bed, 'ann')
    await bed.store.conversations.update(id!, { summary: { text: 'in short', upTo: 4 } })
    const copy = copyFor('ann', { messages: 3 })
    await bed.store.conversations.copy(id!, copy)
    expect(await textsOf(bed, copy.id)).toEqual(['answer to two', 'three', 'answer to three'])
    expect((await messagesOf(bed.store, copy.id)).map((one) => one.seq)).toEqual([0, 1, 2])
    expect((await head(bed, copy.id))?.summary).toEqual({ text: 'in short', upTo: 1 })
  })

  it('carries over a long conversation whole', async () => {
    const claim = await claimNew(bed.store, messageAt(channel))
    const { messages } = outcomeOf(claim)
    const many = Array.from({ length: 230 }, (_, n) => ({ ...messages[1]!, text: `text ${n} “x” 👩` }))
    await bed.store.leases.commit(claim, outcomeOf(claim, { messages: many }))
    const copy = copyFor('ann', { messages: 220 })
    await bed.store.conversations.copy(claim.conversation, copy)
    expect(await textsOf(bed, copy.id)).toEqual(many.slice(10).map((one) => one.text))
  })

  it('is shared where it begins in a channel', async () => {
    const { conversation } = await say(bed.store, messageAt(placeOf('dm')))
    const copy = copyFor('ann', { surface: 'slack', direct: false, audience: 'slack:T1:C9', messages: 2 })
    await bed.store.conversations.copy(conversation, copy)
    expect(await head(bed, copy.id)).toMatchObject({ surface: 'slack', direct: false, audience: 'slack:T1:C9' })
  })

  it('is one copy, however often it is repeated', async () => {
    const { conversation } = await speak(bed, 'ann', 'one')
    const copy = copyFor('bob')
    await bed.store.conversations.copy(conversation, copy)
    await speak(bed, 'ann', 'two')
    expect(await bed.store.conversations.copy(conversation, copy)).toBe(true)
    expect(await textsOf(bed, copy.id)).toEqual(['one', 'answer to one'])
    expect(await listOf(bed, 'bob')).toEqual([copy.id])
  })

  it('knows no conversation that is not there', async () => {
    const copy = copyFor('ann')
    expect(await bed.store.conversations.copy(nowhere, copy)).toBe(false)
    expect(await head(bed, copy.id)).toBeUndefined()
    expect(await listOf(bed, 'ann')).toEqual([])
  })

  it('copies one in which nothing was said', async () => {
    const delivery = deliveryOf(messageAt(channel))
    await bed.store.inbox.accept(delivery)
    const copy = copyFor('ann')
    expect(await bed.store.conversations.copy(delivery.conversation, copy)).toBe(true)
    expect(await head(bed, copy.id)).toMatchObject({ count: 0, participants: ['ann'] })
    expect(await listOf(bed, 'ann')).toEqual([copy.id])
  })
}

function leaveContract(bed: Bed): void {
  it('takes someone out, and leaves it to the others', async () => {
    const { conversation } = await speak(bed, 'ann', 'one')
    await speak(bed, 'bob', 'two')
    await bed.store.conversations.leave(conversation, 'ann')
    await bed.store.conversations.leave(conversation, 'ann')
    await bed.store.conversations.leave(nowhere, 'ann')
    expect((await head(bed, conversation))?.participants).toEqual(['bob'])
    expect([await listOf(bed, 'ann'), await listOf(bed, 'bob')]).toEqual([[], [conversation]])
    expect(await textsOf(bed, conversation)).toHaveLength(4)
  })

  it('lets who left come back by speaking', async () => {
    const { conversation } = await speak(bed, 'ann', 'one')
    await bed.store.conversations.leave(conversation, 'ann')
    await speak(bed, 'ann', 'two')
    expect((await head(bed, conversation))?.participants).toEqual(['ann'])
    expect(await listOf(bed, 'ann')).toEqual([conversation])
  })
}

function forgetContract(bed: Bed): void {
  it('takes away what someone said and was answered, and nobody else’s', async () => {
    await bed.store.users.create(newUser({ id: 'old' }))
    await bed.store.users.create(newUser({ id: 'ann' }))
    const first = await speak(bed, 'old', 'secret one', { title: 'secret title' })
    const id = first.conversation
    const second = await speak(bed, 'bob', 'two')
    await speak(bed, 'ann', 'secret three')
    await bed.store.users.merge('old', 'ann')
    await bed.store.conversations.update(id, { summary: { text: 'secret summary', upTo: 4 } })
    const by = (user: string) => ({ value: 'up', comment: `by ${user}`, user, at: 1 }) as const
    await bed.store.conversations.rate(id, first.turn, by('bob'))
    await bed.store.conversations.rate(id, second.turn, by('ann'))

    await bed.store.conversations.forget(id, 'ann')
    await bed.store.conversations.forget(id, 'ann')
    const messages = await messagesOf(bed.store, id)
    expect(messages.map((one) => one.text)).toEqual(['', '', 'two', 'answer to two', '', ''])
    expect(messages.map((one) => [one.author?.user, one.quotes?.length])).toEqual([
      [undefined, undefined],
      [undefined, undefined],
      ['bob', 1],
      [undefined, undefined],
      [undefined, undefined],
      [undefined, undefined],
    ])
    expect(messages.map((one) => one.rating?.comment)).toEqual([undefined, 'by bob', ...Array(4).fill(undefined)])
    expect(messages[1]?.answer).toMatchObject({ stop: 'end' })
    const left = await head(bed, id)
    expect(left).toMatchObject({ title: '', titledBy: 'none', participants: ['bob'], count: 6 })
    expect(left?.summary).toBeUndefined()
    expect([await listOf(bed, 'ann'), await listOf(bed, 'bob')]).toEqual([[], [id]])
    expect((await bed.store.conversations.list('bob', { limit: 9, matching: 'secret' })).items).toEqual([])
  })

  it('leaves a summary of what was before, and a title that a person gave', async () => {
    const { conversation } = await speak(bed, 'bob', 'one')
    await speak(bed, 'bob', 'two')
    await speak(bed, 'ann', 'three')
    const title = { text: 'Ours', by: 'user' } as const
    await bed.store.conversations.update(conversation, { title, summary: { text: 'short', upTo: 4 } })
    await bed.store.conversations.forget(conversation, 'ann')
    expect(await head(bed, conversation)).toMatchObject({ title: 'Ours', summary: { text: 'short', upTo: 4 } })
    await bed.store.conversations.forget(conversation, 'bob')
    expect(await head(bed, conversation)).toMatchObject({ title: 'Ours', participants: [] })
    expect((await head(bed, conversation))?.summary).toBeUndefined()
    expect(await textsOf(bed, conversation)).toEqual(Array(6).fill(''))
  })

  it('goes through a long conversation', async () => {
    // One answer before, so that a question is the last of whatever is looked at at once.
    const claim = await claimNew(bed.store, messageAt(channel))
    const outcome = outcomeOf(claim)
    await bed.store.leases.commit(claim, { ...outcome, messages: outcome.messages.slice(1) })
    const turns = Array.from({ length: 105 }, (_, n) => (n % 2 === 0 ? 'ann' : 'bob'))
    for (const user of turns) await speak(bed, user, `of ${user}`)
    await bed.store.conversations.forget(claim.conversation, 'ann')
    const expected = turns.flatMap((user) => (user === 'ann' ? ['', ''] : ['of bob', 'answer to of bob']))
    expect((await textsOf(bed, claim.conversation)).slice(1)).toEqual(expected)
  })

  it('does nothing where there is nothing to forget', async () => {
    await bed.store.conversations.forget(nowhere, 'ann')
    expect(await head(bed, nowhere)).toBeUndefined()
    const { conversation } = await speak(bed, 'bob', 'one')
    await bed.store.conversations.forget(conversation, 'ann')
    expect(await textsOf(bed, conversation)).toEqual(['one', 'answer to one'])
  })
}

function staleContract(bed: Bed): void {
  async function chat(name: string, surface: Surface = 'web'): Promise<string> {
    bed.clock.advance(1_000)
    return (await say(bed.store, messageAt(placeOf(name, { surface })))).conversation
  }

  /** All of them, a few at a time. */
  async function staleBefore(before: number, over: { surface?: Surface } = {}, limit = 2) {
    const found: { id: string; participants: string[] }[] = []
    for (let after: string | undefined; ; ) {
      const page = await bed.store.conversations.stale({
        before,
        limit,
        ...over,
        ...(after !== undefined && { after }),
      })
      expect(page.items.length).toBeLessThanOrEqual(limit)
      found.push(...page.items)
      after = page.next
      if (after === undefined) return found
    }
  }
  const idsOf = (items: { id: string }[]) => items.map((one) => one.id).toSorted()

  it('tells which were last updated before a time, of all surfaces or one', async () => {
    const slack = [await chat('a', 'slack'), await chat('b', 'slack')]
    const web = [await chat('c'), await chat('d'), await chat('e')]
    const before = bed.clock.now() + 1
    const young = await chat('f')
    expect(idsOf(await staleBefore(before))).toEqual([...slack, ...web].toSorted())
    expect(idsOf(await staleBefore(before, { surface: 'slack' }))).toEqual(slack.toSorted())
    expect(idsOf(await staleBefore(before, { surface: 'teams' }))).toEqual([])
    expect(idsOf(await staleBefore(before + 1_000))).toEqual([...slack, ...web, young].toSorted())
    expect(await staleBefore(0)).toEqual([])
    expect((await staleBefore(before))[0]?.participants).toEqual(['ann'])
  })

  it('goes by the last update, and forgets what was deleted', async () => {
    const [a, b, c] = [await chat('a'), await chat('b'), await chat('c')]
    const before = bed.clock.now() + 1
    expect(await chat('a')).toBe(a)
    await bed.store.conversations.remove(b)
    const refused = await claimNew(bed.store, messageAt(placeOf('d')))
    await bed.store.leases.commit(refused, outcomeOf(refused, { messages: [], participants: [], discard: true }))
    expect(idsOf(await staleBefore(before))).toEqual([c])
    expect(idsOf(await staleBefore(before + 60_000))).toEqual([a, c].toSorted())
  })

  it('passes over those in which something waits', async () => {
    const [a, b] = [await chat('a'), await chat('b')]
    await bed.store.inbox.accept(deliveryOf(messageAt(placeOf('a'))))
    const begun = deliveryOf(messageAt(placeOf('c')))
    await bed.store.inbox.accept(begun)
    bed.clock.advance(1_000)
    expect(idsOf(await staleBefore(bed.clock.now()))).toEqual([b])
    await bed.store.places.amend(placeOf('c'), begun.incoming.ids[0]!, { text: null, title: '' })
    const [claim] = await bed.store.inbox.sweep([{ token: 'sweeper-token', ms: 1_000 }])
    await bed.store.leases.commit(claim!, outcomeOf(claim!))
    expect(idsOf(await staleBefore(bed.clock.now() + 1))).toEqual([a, b].toSorted())
  })

  it('tells of each once where many were updated at the same moment', async () => {
    const places = Array.from({ length: 9 }, (_, n) => placeOf('same', { thread: `${n}` }))
    const all = []
    for (const place of places) all.push((await say(bed.store, messageAt(place))).conversation)
    expect(idsOf(await staleBefore(bed.clock.now() + 1))).toEqual(all.toSorted())
  })

  it('tells of copies too', async () => {
    const source = await chat('a')
    const copy = { id: newConversationId(homeOf(placeOf('z'))), user: 'ann', surface: 'teams', direct: true } as const
    await bed.store.conversations.copy(source, { ...copy, messages: 9 })
    expect(idsOf(await staleBefore(bed.clock.now() + 1, { surface: 'teams' }))).toEqual([copy.id])
  })
}
