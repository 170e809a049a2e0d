import { Fault } from '../../errors.ts'
import { homeOfConversation } from '../../ids.ts'
import type { Conversations, Copy } from '../../store.ts'
import type { Conversation } from '../../types.ts'
import type { Engine } from './engine.ts'

/** Messages that are carried over at once, and how long they live while not all of them are there. */
const chunk = 50
const pendingMs = 60 * 60_000
/** How often a copy that was disturbed (by another try at the same one) begins anew. */
const tries = 5

/**
 * A copy is in another shard than what it is made of. First come its messages, which end by themselves, then its place on the
 * list (which drops what is not there), then the conversation as a whole, which keeps the messages.
 */
export function copyWith(
  { connection, keys, given }: Engine,
  read: Conversations['read'],
  enlist: (id: string, at: number, user: string) => Promise<void>,
): Conversations['copy'] {
  return async (from, copy) => {
    for (let n = 0; n < tries; n++) {
      const source = (await read(from, { messages: 0 }))?.conversation
      if (!source) return false
      const home = homeOfConversation(copy.id)
      const there = await connection.run((redis) => redis.exists(keys.conversation(home, copy.id)))
      if (there === 1 || (await attempt(source, copy))) {
        await enlist(copy.id, (await read(copy.id, { messages: 0 }))?.conversation.updatedAt ?? 0, copy.user)
        return true
      }
    }
    throw new Fault('store_unavailable', { detail: 'a conversation could not be copied while it changed' })
  }

  async function attempt(source: Conversation, copy: Copy): Promise<boolean> {
    const home = homeOfConversation(copy.id)
    const [conversation, messages] = [keys.conversation(home, copy.id), keys.messages(home, copy.id)]
    const first = Math.max(0, source.count - copy.messages)
    const copied: string[] = []
    while (first + copied.length < source.count) {
      const count = copied.length
      const some = await storedFrom(source.id, first + count, Math.min(chunk, source.count - first - count))
      const put = await connection.script(
        'copy_put',
        [conversation, messages],
        given({ at: count, ms: pendingMs }),
        ...some,
      )
      if (put !== 1 || some.length === 0) return false
      copied.push(...some)
    }
    await enlist(copy.id, 0, copy.user)
    const at = [conversation, messages, keys.turns(home, copy.id), keys.updated(home)]
    const whole = { conversation: copy.id, user: copy.user, count: copied.length, turns: placesOf(copied) }
    return (await connection.script('copy_keep', at, given(whole), ...fieldsOf(source, copy, first))) === 1
  }

  function storedFrom(id: string, first: number, most: number): Promise<string[]> {
    const messages = keys.messages(homeOfConversation(id), id)
    return connection.run((redis) => redis.lrange(messages, first, first + most - 1))
  }
}

/** By turn: seq of its first message and of its answer, as the commit script writes it. */
function placesOf(stored: string[]): string[] {
  const places = new Map<string, { first: number; answer: number | '-' }>()
  for (const [seq, text] of stored.entries()) {
    const turn = text.slice(0, text.indexOf(' '))
    const place = places.get(turn) ?? { first: seq, answer: '-' }
    const { role } = JSON.parse(text.slice(turn.length + 1)) as { role: string }
    places.set(turn, role === 'assistant' ? { ...place, answer: seq } : place)
  }
  return [...places].flatMap(([turn, { first, answer }]) => [turn, `${first} ${answer}`])
}

/** As the accept script writes them. */
function fieldsOf({ title, titledBy, summary }: Conversation, copy: Copy, first: number): string[] {
  return Object.entries({
    id: copy.id,
    title,
    titledBy,
    surface: copy.surface,
    direct: copy.direct ? '1' : '0',
    ...(copy.audience !== undefined && { audience: copy.audience }),
    ...(summary && { summary: summary.text, summaryUpTo: String(Math.max(0, summary.upTo - first)) }),
  }).flat()
}
