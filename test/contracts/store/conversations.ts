import { describe, expect, it } from 'vitest'
import { homeOf, newConversationId } from '../../../src/ids.ts'
import type { Conversation, Found } from '../../../src/types.ts'
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
  placeOf,
  say,
} from './kit.ts'

/** Conversations: reading, listing, naming, deleting, rating. */
export function conversationsContract(open: Open): void {
  describe('conversations', () => {
    const bed = bedFor(open)
    describe('read', () => readContract(bed))
    describe('join and list', () => listContract(bed))
    describe('list with matching', () => matchContract(bed))
    describe('update', () => updateContract(bed))
    describe('remove', () => removeContract(bed))
    describe('rate', () => rateContract(bed))
  })
}

const nowhere = newConversationId(homeOf(placeOf('nowhere')))

async function head(bed: Bed, id: string): Promise<Conversation | undefined> {
  return (await bed.store.conversations.read(id, { messages: 1 }))?.conversation
}

/** A finished turn in a conversation of its own, a second after the last. */
async function chat(bed: Bed, channel: string, question: string, answer = 'an answer', participants = ['ann']) {
  bed.clock.advance(1_000)
  const claim = await say(bed.store, messageAt(placeOf(channel), { text: question }), {
    answer: answerOf(answer),
    participants,
  })
  return claim.conversation
}

function ids(items: Found[]): string[] {
  return items.map((one) => one.conversation.id)
}

function readContract(bed: Bed): void {
  it('knows no conversation that nobody began', async () => {
    expect(await bed.store.conversations.read(nowhere, { messages: 10 })).toBeNull()
  })

  it('reads the newest messages, oldest first', async () => {
    let conversation = ''
    for (let n = 0; n < 4; n++) conversation = (await say(bed.store, messageAt(placeOf('a')))).conversation
    const newest = await bed.store.conversations.read(conversation, { messages: 3 })
    expect(newest?.messages.map((one) => one.seq)).toEqual([5, 6, 7])
    expect(newest?.messages.map((one) => one.role)).toEqual(['assistant', 'user', 'assistant'])
    expect(newest?.conversation.count).toBe(8)
  })

  it('pages back through all messages by seq', async () => {
    let conversation = ''
    for (let n = 0; n < 5; n++) conversation = (await say(bed.store, messageAt(placeOf('a')))).conversation
    const seqs: number[][] = []
    let before: number | undefined
    do {
      const page = await bed.store.conversations.read(conversation, {
        messages: 4,
        ...(before === undefined ? {} : { before }),
      })
      seqs.push(page?.messages.map((one) => one.seq) ?? [])
      before = page?.messages[0]?.seq
    } while (before)
    expect(seqs).toEqual([
      [6, 7, 8, 9],
      [2, 3, 4, 5],
      [0, 1],
    ])
    expect((await bed.store.conversations.read(conversation, { before: 0, messages: 4 }))?.messages).toEqual([])
    expect((await bed.store.conversations.read(conversation, { before: 99, messages: 2 }))?.messages).toHaveLength(2)
  })

  it('reads no more than fits in the bytes asked for, but at least one message', async () => {
    const text = 'ü'.repeat(1_000)
    let conversation = ''
    for (let n = 0; n < 3; n++) conversation = await chat(bed, 'a', text, text)
    const read = async (bytes: number, before?: number) => {
      const window = before === undefined ? { messages: 100, bytes } : { messages: 100, bytes, before }
      return (await bed.store.conversations.read(conversation, window))?.messages.map((one) => one.seq)
    }
    expect(await read(7_500)).toEqual([3, 4, 5])
    expect(await read(5_000)).toEqual([4, 5])
    expect(await read(3_900, 3)).toEqual([2])
    expect(await read(1)).toEqual([5])
    expect(await read(1_000_000)).toHaveLength(6)
  })
}

function listContract(bed: Bed): void {
  it("lists a user's conversations, the last updated first", async () => {
    const a = await chat(bed, 'a', 'one')
    const b = await chat(bed, 'b', 'two')
    const c = await chat(bed, 'c', 'three', 'x', ['bob'])
    expect(ids((await bed.store.conversations.list('ann', { limit: 10 })).items)).toEqual([b, a])
    expect(ids((await bed.store.conversations.list('bob', { limit: 10 })).items)).toEqual([c])
    expect(await bed.store.conversations.list('nobody', { limit: 10 })).toEqual({ items: [] })
    await chat(bed, 'a', 'again')
    const { items, next } = await bed.store.conversations.list('ann', { limit: 10 })
    expect(ids(items)).toEqual([a, b])
    expect(next).toBeUndefined()
    expect(items[0]?.conversation).toEqual(await head(bed, a))
  })

  it('lists a conversation for everyone who took part in it', async () => {
    const shared = await chat(bed, 'a', 'one', 'x', ['ann'])
    await chat(bed, 'a', 'two', 'x', ['bob'])
    await chat(bed, 'b', 'other', 'x', ['ann'])
    expect(ids((await bed.store.conversations.list('bob', { limit: 10 })).items)).toEqual([shared])
    expect(ids((await bed.store.conversations.list('ann', { limit: 10 })).items)).toContain(shared)
  })

  it("puts a conversation at the top of a user's list when they join it, however often", async () => {
    const a = await chat(bed, 'a', 'one')
    const b = await chat(bed, 'b', 'two')
    await bed.store.conversations.join(a, 'bob')
    bed.clock.advance(1_000)
    await bed.store.conversations.join(b, 'bob')
    bed.clock.advance(1_000)
    await bed.store.conversations.join(a, 'bob')
    await bed.store.conversations.join(a, 'bob')
    expect(ids((await bed.store.conversations.list('bob', { limit: 10 })).items)).toEqual([a, b])
    expect((await head(bed, a))?.participants.toSorted()).toEqual(['ann', 'bob'])
    bed.clock.advance(1_000)
    await bed.store.conversations.join(b, 'bob', true)
    expect(ids((await bed.store.conversations.list('bob', { limit: 10 })).items)).toEqual([b, a])
  })

  it('joins no conversation that does not exist', async () => {
    await bed.store.conversations.join(nowhere, 'ann')
    expect(await bed.store.conversations.list('ann', { limit: 10 })).toEqual({ items: [] })
    expect(await head(bed, nowhere)).toBeUndefined()
  })

  it('pages through a list, each conversation once, also when some are updated or deleted meanwhile', async () => {
    const all: string[] = []
    for (let n = 0; n < 7; n++) all.unshift(await chat(bed, `place-${n}`, `question ${n}`))
    const first = await bed.store.conversations.list('ann', { limit: 3 })
    expect(ids(first.items)).toEqual(all.slice(0, 3))
    expect(first.next).toBeTypeOf('string')
    await chat(bed, 'place-6', 'again')
    await bed.store.conversations.remove(all[3]!)
    const second = await bed.store.conversations.list('ann', { limit: 2, before: first.next! })
    expect(ids(second.items)).toEqual(all.slice(4, 6))
    const third = await bed.store.conversations.list('ann', { limit: 2, before: second.next! })
    expect(ids(third.items)).toEqual(all.slice(6))
    expect(third.next).toBeUndefined()
  })

  it('ends a list that fits exactly without a further page', async () => {
    await chat(bed, 'a', 'one')
    await chat(bed, 'b', 'two')
    const page = await bed.store.conversations.list('ann', { limit: 2 })
    expect(page.items).toHaveLength(2)
    expect(page.next).toBeUndefined()
  })

  it('pages through conversations that were updated at the same time', async () => {
    const made = new Set<string>()
    for (let n = 0; n < 5; n++) made.add((await say(bed.store, messageAt(placeOf(`p${n}`)))).conversation)
    const seen: string[] = []
    let before: string | undefined
    do {
      const page = await bed.store.conversations.list('ann', { limit: 2, ...(before ? { before } : {}) })
      seen.push(...ids(page.items))
      before = page.next
    } while (before)
    expect(seen).toHaveLength(5)
    expect(new Set(seen)).toEqual(made)
  })
}

function matchContract(bed: Bed): void {
  async function match(user: string, matching: string): Promise<Found[]> {
    return (await bed.store.conversations.list(user, { limit: 20, matching })).items
  }

  it('finds a word in a question, in an answer and in a title, with the words around it', async () => {
    const asked = await chat(bed, 'a', 'Where do the red Pandas live in winter?')
    const answered = await chat(bed, 'b', 'one', 'They like bamboo, said the zebra, and so on.')
    const titled = await chat(bed, 'c', 'two')
    await bed.store.conversations.update(titled, { title: { text: 'About giraffes', by: 'user' } })
    const [panda] = await match('ann', 'panda')
    expect(panda?.conversation).toEqual(await head(bed, asked))
    expect(panda?.snippet).toContain('red Pandas live')
    const zebra = await match('ann', 'the zebra')
    expect(ids(zebra)).toEqual([answered])
    expect(zebra[0]?.snippet).toContain('the zebra')
    const giraffe = await match('ann', 'GIRAFFE')
    expect(ids(giraffe)).toEqual([titled])
    expect(giraffe[0]?.snippet).toContain('giraffe')
    expect(await match('ann', 'hippopotamus')).toEqual([])
  })

  it('does not mind case or width', async () => {
    const wide = await chat(bed, 'a', 'Ｆｕｌｌｗｉｄｔｈ text', 'ÜBER ｶﾞ')
    expect(ids(await match('ann', 'fullWIDTH'))).toEqual([wide])
    expect(ids(await match('ann', 'ＦＵＬＬ'))).toEqual([wide])
    expect(ids(await match('ann', 'über'))).toEqual([wide])
    expect(ids(await match('ann', 'ガ'))).toEqual([wide])
  })

  it('takes every sign of the search as it is', async () => {
    const odd = await chat(bed, 'a', '100% of_it\'s [a-z]* \\d "q" -- ; DROP', '.')
    await chat(bed, 'b', '1000 of it', 'plain')
    for (const sign of ['100%', 'of_it', "it's", '[a-z]*', '\\d', '"q"', '-- ;']) {
      expect(ids(await match('ann', sign)), sign).toEqual([odd])
    }
    expect(await match('ann', '%%')).toEqual([])
  })

  it('keeps the snippet short in a long message, with the hit in it', async () => {
    await chat(bed, 'a', `${'before '.repeat(5_000)}needle${' after'.repeat(5_000)}`)
    const [found] = await match('ann', 'Needle')
    expect(found?.snippet).toContain('needle')
    expect(found?.snippet.length).toBeLessThan(400)
  })

  it("finds nothing in other people's conversations", async () => {
    await chat(bed, 'a', 'a secret word', 'x', ['bob'])
    expect(await match('ann', 'secret')).toEqual([])
    expect(await match('bob', 'secret')).toHaveLength(1)
  })

  it('finds no message that was replaced or deleted', async () => {
    const first = await say(bed.store, messageAt(placeOf('a'), { text: 'the old wording' }), {
      answer: answerOf('fine'),
    })
    await say(bed.store, messageAt(placeOf('a'), { text: 'the new wording', replaces: first.turn }), {
      answer: answerOf('fine'),
    })
    expect(await match('ann', 'old wording')).toEqual([])
    expect(await match('ann', 'new wording')).toHaveLength(1)
    await bed.store.conversations.remove(first.conversation)
    expect(await match('ann', 'new wording')).toEqual([])
  })

  it('lists matches the last updated first, a page at a time', async () => {
    const hits: string[] = []
    for (let n = 0; n < 9; n++) {
      const id = await chat(bed, `p${n}`, n % 2 ? `nothing ${n}` : `needle ${n}`)
      if (n % 2 === 0) hits.unshift(id)
    }
    const found: string[] = []
    let before: string | undefined
    let pages = 0
    do {
      const query = { limit: 2, matching: 'needle', ...(before ? { before } : {}) }
      const page = await bed.store.conversations.list('ann', query)
      expect(page.items.length).toBeLessThanOrEqual(2)
      found.push(...ids(page.items))
      before = page.next
      pages += 1
    } while (before && pages < 20)
    expect(found).toEqual(hits)
  })
}

function updateContract(bed: Bed): void {
  it('names a conversation and keeps its summary', async () => {
    const id = await chat(bed, 'a', 'one')
    const summary = { text: 'what was said', upTo: 1 }
    expect(await bed.store.conversations.update(id, { title: { text: 'By model', by: 'model' } })).toBe(true)
    expect(await bed.store.conversations.update(id, { summary })).toBe(true)
    expect(await head(bed, id)).toMatchObject({ title: 'By model', titledBy: 'model', summary })
    const longer = { text: 'more was said', upTo: 2 }
    expect(await bed.store.conversations.update(id, { summary: longer })).toBe(true)
    expect(await head(bed, id)).toMatchObject({ title: 'By model', summary: longer })
  })

  it('lets the model overwrite first words and its own title, never a title a person gave', async () => {
    const id = await chat(bed, 'a', 'one')
    const title = (text: string, by: Conversation['titledBy']) =>
      bed.store.conversations.update(id, { title: { text, by } })
    expect(await title('Words', 'text')).toBe(true)
    expect(await title('Model', 'model')).toBe(true)
    expect(await title('Model again', 'model')).toBe(true)
    expect(await title('Mine', 'user')).toBe(true)
    expect(await title('Not this', 'model')).toBe(false)
    expect(await title('Nor this', 'text')).toBe(false)
    expect(await head(bed, id)).toMatchObject({ title: 'Mine', titledBy: 'user' })
    expect(await title('Mine, better', 'user')).toBe(true)
    await say(bed.store, messageAt(placeOf('a')), { title: 'First words' })
    expect(await head(bed, id)).toMatchObject({ title: 'Mine, better', titledBy: 'user' })
  })

  it('updates no conversation that does not exist', async () => {
    expect(await bed.store.conversations.update(nowhere, { title: { text: 'x', by: 'user' } })).toBe(false)
    expect(await bed.store.conversations.update(nowhere, { summary: { text: 'x', upTo: 0 } })).toBe(false)
    expect(await head(bed, nowhere)).toBeUndefined()
  })
}

function removeContract(bed: Bed): void {
  it("deletes a conversation with its messages, from every participant's list", async () => {
    const gone = await chat(bed, 'a', 'one', 'x', ['ann', 'bob'])
    const kept = await chat(bed, 'b', 'two', 'x', ['ann', 'bob'])
    await bed.store.conversations.remove(gone)
    await bed.store.conversations.remove(gone)
    expect(await bed.store.conversations.read(gone, { messages: 10 })).toBeNull()
    for (const user of ['ann', 'bob']) {
      expect(ids((await bed.store.conversations.list(user, { limit: 10 })).items)).toEqual([kept])
    }
    expect(await messagesOf(bed.store, kept)).toHaveLength(2)
  })

  it('deletes the turns that wait or run in it', async () => {
    const running = await claimNew(bed.store, messageAt(placeOf('a')))
    await bed.store.inbox.accept(deliveryOf(messageAt(placeOf('a'))))
    await bed.store.conversations.remove(running.conversation)
    expect(await bed.store.inbox.pending(running.conversation)).toEqual([])
    expect(await bed.store.inbox.stop(running.conversation)).toEqual([])
    expect(await bed.store.inbox.sweep([newLease()])).toEqual([])
    expect((await claimNew(bed.store, messageAt(placeOf('a')))).conversation).not.toBe(running.conversation)
  })

  it('lets nobody in again', async () => {
    const gone = await chat(bed, 'a', 'one')
    await bed.store.conversations.remove(gone)
    expect(await bed.store.conversations.update(gone, { title: { text: 'x', by: 'user' } })).toBe(false)
    await bed.store.conversations.join(gone, 'ann')
    expect((await bed.store.conversations.list('ann', { limit: 10 })).items).toEqual([])
    const named = messageAt(placeOf('a'), { conversation: gone, user: 'ann' })
    expect((await bed.store.inbox.accept(deliveryOf(named))).accepted).toEqual({ status: 'denied' })
  })
}

function rateContract(bed: Bed): void {
  it('rates the answer of a turn, changes that, and takes it back', async () => {
    const claim = await say(bed.store, messageAt(placeOf('a')))
    const rate = (rating: Parameters<typeof bed.store.conversations.rate>[2]) =>
      bed.store.conversations.rate(claim.conversation, claim.turn, rating)
    const up = { value: 'up' as const, user: 'ann', at: 5 }
    expect(await rate(up)).toBe(true)
    const rated = await messagesOf(bed.store, claim.conversation)
    expect(rated.map((one) => one.rating)).toEqual([undefined, up])
    const down = { value: 'down' as const, comment: 'no "good"', user: 'ann', at: 6 }
    expect(await rate(down)).toBe(true)
    expect((await messagesOf(bed.store, claim.conversation))[1]?.rating).toEqual(down)
    expect(await rate(null)).toBe(true)
    expect((await messagesOf(bed.store, claim.conversation))[1]).not.toHaveProperty('rating')
    expect(await rate(null)).toBe(true)
  })

  it('rates the right answer of many', async () => {
    const turns = []
    for (let n = 0; n < 3; n++) turns.push(await say(bed.store, messageAt(placeOf('a'))))
    const { conversation, turn } = turns[1]!
    await bed.store.conversations.rate(conversation, turn, { value: 'up', user: 'ann', at: 1 })
    const rated = (await messagesOf(bed.store, conversation)).filter((one) => one.rating)
    expect(rated.map((one) => [one.seq, one.turn])).toEqual([[3, turn]])
  })

  it('rates no answer that is not there', async () => {
    const rating = { value: 'up' as const, user: 'ann', at: 1 }
    const over = await say(bed.store, messageAt(placeOf('a')))
    const running = await claimNew(bed.store, messageAt(placeOf('a')))
    expect(await bed.store.conversations.rate(over.conversation, running.turn, rating)).toBe(false)
    expect(await bed.store.conversations.rate(over.conversation, 'no-such-turn-id', rating)).toBe(false)
    expect(await bed.store.conversations.rate(nowhere, over.turn, rating)).toBe(false)
    const other = await say(bed.store, messageAt(placeOf('b')))
    expect(await bed.store.conversations.rate(other.conversation, over.turn, rating)).toBe(false)
  })
}
