import { Fault } from '../../errors.ts'
import { homeOfConversation } from '../../ids.ts'
import type { Conversations } from '../../store.ts'
import type { Message, Rating } from '../../types.ts'
import { jsonOf } from './claims.ts'
import type { Engine } from './engine.ts'
import { shards } from './keys.ts'
import type { UserRecords } from './userRecords.ts'

/** Questions looked at in one step, and the messages behind them among which the answer to the last is. */
const chunk = 100
const behind = 10
/** How often a page that changed meanwhile is read again. */
const tries = 5

export function forgetWith(
  { connection, keys, given }: Engine,
  records: UserRecords,
  leave: Conversations['leave'],
): Conversations['forget'] {
  return async (id, user) => {
    const ids = new Set(await records.idsOf(user))
    for (let first = 0; first >= 0; ) first = await forgetFrom(id, first, ids)
    await leave(id, user)
  }

  /** A question and its answer in one step. Returns where to go on, or less than 0. */
  async function forgetFrom(id: string, first: number, ids: Set<string>): Promise<number> {
    const home = homeOfConversation(id)
    const [conversation, messages] = [keys.conversation(home, id), keys.messages(home, id)]
    for (let n = 0; n < tries; n++) {
      const page = await connection.run((redis) => redis.lrange(messages, first, first + chunk + behind - 1))
      const turns = new Set(page.slice(0, chunk).flatMap((stored) => askedBy(ids, stored)))
      const blank = page.map((stored) => blankOf(stored, turns))
      const at = [...page.keys()].filter((i) => blank[i] !== page[i])
      const changed = await connection.script(
        'forget',
        [keys.home(home), keys.inbox(home), keys.due(home), conversation, messages],
        given({ at: at.map((i) => first + i) }),
        ...at.flatMap((i) => [page[i]!, blank[i]!]),
      )
      if (changed !== 1) continue
      await forgetRatings(id, page, ids)
      return page.length > chunk ? first + chunk : -1
    }
    throw new Fault('store_unavailable', { detail: 'a conversation changed too fast to forget someone in it' })
  }

  async function forgetRatings(id: string, page: string[], ids: Set<string>): Promise<void> {
    const home = homeOfConversation(id)
    const [conversation, places] = [keys.conversation(home, id), keys.turns(home, id)]
    const turns = [...new Set(page.map(turnOf))]
    if (turns.length === 0) return
    for (const [i, place] of (await connection.run((redis) => redis.hmget(places, ...turns))).entries()) {
      const rating = /^\d+ \d+ (.*)$/s.exec(place ?? '')?.[1]
      if (rating === undefined || !ids.has((JSON.parse(rating) as Rating).user)) continue
      await connection.script('rate', [conversation, places], given({ turn: turns[i] }), '')
    }
  }
}

/** A stored message is its turn, a blank and its JSON. */
const turnOf = (stored: string): string => stored.slice(0, stored.indexOf(' '))
const messageOf = (stored: string) => JSON.parse(stored.slice(stored.indexOf(' ') + 1)) as Omit<Message, 'seq'>

/** Its turn, if it is a question of one of these. */
function askedBy(ids: Set<string>, stored: string): string[] {
  return ids.has(messageOf(stored).author?.user ?? '') ? [turnOf(stored)] : []
}

/** Without what it said and who said it, if it is of one of the turns. */
function blankOf(stored: string, turns: Set<string>): string {
  if (!turns.has(turnOf(stored))) return stored
  const { author: _author, quotes: _quotes, ...message } = messageOf(stored)
  return `${turnOf(stored)} ${jsonOf({ ...message, text: '' })}`
}

/** Shard by shard, in each the oldest first. */
export function staleWith({ connection, keys, given }: Engine): Conversations['stale'] {
  return async ({ before, surface, after, limit }) => {
    const [, at = '0', score = '0', id = ''] = /^(\d+)\.(\d+)\.([\w-]+)$/.exec(after ?? '') ?? []
    const items: { id: string; participants: string[] }[] = []
    let left = limit
    for (let shard = Number(at); shard < shards; shard++) {
      const from = shard === Number(at) ? { score: Number(score), id } : { score: 0, id: '' }
      const found = await oldest(shard, from, before, left)
      items.push(...(await Promise.all(found.map((one) => look(one.id, surface)))).filter((one) => one !== null))
      left -= found.length
      const last = found.at(-1)
      if (left <= 0 && last) return { items, next: `${shard}.${last.score}.${last.id}` }
    }
    return { items }
  }

  /** The next of a shard after a place in its order: by score, then by id. */
  async function oldest(shard: number, after: { score: number; id: string }, before: number, limit: number) {
    const found: { id: string; score: number }[] = []
    for (let offset = 0; found.length < limit; offset += limit) {
      const flat = await connection.run((redis) =>
        redis.zrangebyscore(keys.updatedIn(shard), after.score, `(${before}`, 'WITHSCORES', 'LIMIT', offset, limit),
      )
      for (let i = 0; i < flat.length; i += 2) {
        const one = { id: flat[i]!, score: Number(flat[i + 1]) }
        if (one.score > after.score || one.id > after.id) found.push(one)
      }
      if (flat.length < limit * 2) break
    }
    return found.slice(0, limit)
  }

  async function look(id: string, surface: string | undefined) {
    const home = homeOfConversation(id)
    const at = [keys.conversation(home, id), keys.inbox(home), keys.updated(home)]
    const participants = (await connection.script('stale', at, given({ conversation: id, surface }))) as string[] | null
    return participants && { id, participants }
  }
}
