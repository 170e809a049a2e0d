import { homeOfConversation } from '../../ids.ts'
import type { Conversations } from '../../store.ts'
import type { Found } from '../../types.ts'
import { copyWith } from './copies.ts'
import type { Engine } from './engine.ts'
import { forgetWith, staleWith } from './forgetting.ts'
import { fold, search } from './search.ts'
import type { UserRecords } from './userRecords.ts'
import { type Window, windowOf } from './windows.ts'

/** What one call with `matching` looks at before it hands back what it has: conversations, and bytes of messages. */
const searchLimits = { conversations: 200, bytes: 8_000_000, atOnce: 8 }

export function openConversations(engine: Engine, records: UserRecords): Conversations {
  const { connection, keys, given } = engine
  const keysOf = (id: string) => {
    const home = homeOfConversation(id)
    return [keys.conversation(home, id), keys.messages(home, id), keys.turns(home, id)] as const
  }

  async function read(id: string, window: { before?: number; messages: number; bytes?: number }) {
    const reply = (await connection.script('read', [...keysOf(id)], given(window))) as Window | null
    return reply && windowOf(reply)
  }

  /** Entries of a user's list after a cursor, newest first. */
  async function page(user: string, after: Cursor | undefined, limit: number): Promise<Cursor[]> {
    const at = [keys.conversations(user), keys.user(user)]
    const flat = (await connection.script('page', at, given({ ...after, limit }))) as string[] | string
    if (typeof flat === 'string') return page(flat, after, limit)
    return flat.flatMap((id, i) => (i % 2 === 0 ? [{ id, score: Number(flat[i + 1]) }] : []))
  }

  /** What is on a user's list but was deleted: a crash came between the two steps of a removal. */
  async function unlist(user: string, ids: string[]): Promise<void> {
    if (ids.length > 0) await connection.run((redis) => redis.zrem(keys.conversations(user), ...ids))
  }

  /** The conversations on a user's list, the last updated first, read some at once. */
  async function* walk(user: string, after: Cursor | undefined, atOnce: number) {
    let entries: Cursor[] = []
    do {
      // One more than needed tells whether something follows.
      entries = await page(user, entries.at(-2) ?? after, atOnce + 1)
      const heads = await Promise.all(entries.slice(0, atOnce).map(({ id }) => read(id, { messages: 0 })))
      await unlist(
        user,
        heads.flatMap((head, i) => (head ? [] : [entries[i]!.id])),
      )
      for (const [i, head] of heads.entries()) {
        if (head) yield { entry: entries[i]!, conversation: head.conversation, more: i + 1 < entries.length }
      }
    } while (entries.length > atOnce)
  }

  /**
   * Put it on the list of a user, or of the one they were merged into, who then takes part in it instead; as of a time, or of
   * now.
   */
  async function enlist(id: string, at: number | undefined, user: string): Promise<void> {
    const list = [keys.conversations(user), keys.user(user)]
    const into = (await connection.script('enlist', list, given({ id, at }))) as string
    if (into === '') return
    await connection.script('move', [keysOf(id)[0]], given({ from: user, into, leave: true }))
    await enlist(id, at, into)
  }

  async function leave(id: string, user: string): Promise<void> {
    for (const one of new Set([user, await records.whoIs(user)])) {
      const as = (await connection.script('leave', [keysOf(id)[0]], given({ user: one }))) as string
      await unlist(one, [id])
      if (as !== one) await unlist(as, [id])
    }
  }

  async function messagesFrom(id: string, first: number, count: number): Promise<string[]> {
    const [, messages] = keysOf(id)
    return connection.run((redis) => redis.lrange(messages, first, first + count - 1))
  }

  return {
    read,

    async join(id, user, takesPart) {
      if (takesPart) return enlist(id, undefined, user)
      const joined = (await connection.script('join', [keysOf(id)[0]], given({ user }))) as [number, string] | null
      if (joined) await enlist(id, ...joined)
    },

    async list(user, { before, limit, matching }) {
      const items: Found[] = []
      const most = Math.max(1, limit)
      const wanted = matching === undefined ? undefined : fold(matching)
      const budget = { ...searchLimits }
      const after = before === undefined ? undefined : cursorOf(before)
      for await (const { entry, conversation, more } of walk(
        user,
        after,
        wanted === undefined ? most : searchLimits.atOnce,
      )) {
        const snippet = wanted === undefined ? '' : await search(conversation, wanted, messagesFrom, budget)
        if (snippet !== null) items.push({ conversation, snippet })
        budget.conversations -= 1
        const spent = wanted !== undefined && (budget.conversations <= 0 || budget.bytes <= 0)
        if (items.length >= most || spent) return more ? { items, next: textOf(entry) } : { items }
      }
      return { items }
    },

    async update(id, { title, summary }) {
      const [conversation] = keysOf(id)
      return (await connection.script('describe', [conversation], given({ title, summary }))) === 1
    },

    async remove(id) {
      const home = homeOfConversation(id)
      const users = (await connection.script(
        'remove',
        [keys.home(home), keys.inbox(home), keys.due(home), ...keysOf(id), keys.updated(home)],
        given({ home, conversation: id }),
      )) as string[]
      await Promise.all(users.map((user) => unlist(user, [id])))
    },

    async rate(id, turn, rating) {
      const [conversation, , turns] = keysOf(id)
      const text = rating ? JSON.stringify(rating) : ''
      return (await connection.script('rate', [conversation, turns], given({ turn }), text)) === 1
    },

    copy: copyWith(engine, read, enlist),
    leave,
    forget: forgetWith(engine, records, leave),
    stale: staleWith(engine),
  }
}

// --- pages -------------------------------------------------------------------------------------------------------

/** The last entry of a page: the next one goes on after it. */
interface Cursor {
  id: string
  score: number
}

const textOf = ({ id, score }: Cursor) => `${score}.${id}`

function cursorOf(text: string): Cursor {
  const [score = '', id = ''] = text.split('.', 2)
  return { id, score: Number(score) || 0 }
}
