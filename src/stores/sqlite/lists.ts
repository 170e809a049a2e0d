import { setImmediate as nextTurn } from 'node:timers/promises'
import { Fault } from '../../errors.ts'
import type { Conversations } from '../../store.ts'
import type { Conversation, Found, Page } from '../../types.ts'
import { fold, snippetOf } from '../matching.ts'
import type { Database } from './database.ts'
import { whoIs } from './people.ts'
import type { Shelf } from './shelf.ts'

/** A place in a user's list: the time of the last change, then the id. */
interface Place {
  at: number
  conversation: string
}

/** The most conversations that one search looks into; the page then ends early and `next` goes on from there. */
const searchedConversations = 500
/** Messages searched in one step, and how long steps may hold the event loop in a row, milliseconds. */
const searchedMessages = 500
const sliceMs = 8

/** A user's list of conversations: a walk along an index, with or without looking into each. */
export function createLists(db: Database, shelf: Shelf): Conversations['list'] {
  return async (user, { before, limit, matching }) => {
    const from = before === undefined ? undefined : placeOf(before)
    const wanted = fold(matching ?? '').trim()
    if (wanted) return search(user, from, limit, wanted)
    return db.read(() => {
      const places = walk(user, from, limit + 1)
      const items = places
        .slice(0, limit)
        .map((place) => ({ conversation: shelf.get(place.conversation)!, snippet: '' }))
      return pageOf(items, places.length > limit ? places[limit - 1] : undefined)
    })
  }

  function walk(user: string, from: Place | undefined, limit: number): Place[] {
    return db.all<Place>(
      `SELECT at, conversation FROM members WHERE user = ? AND (at, conversation) < (?, ?)
        ORDER BY at DESC, conversation DESC LIMIT ?`,
      whoIs(db, user),
      from?.at ?? Number.MAX_SAFE_INTEGER,
      from?.conversation ?? '',
      limit,
    )
  }

  async function search(user: string, from: Place | undefined, limit: number, wanted: string): Promise<Page<Found>> {
    const places = await db.read(() => walk(user, from, searchedConversations + 1))
    const items: Found[] = []
    const breathe = breather()
    for (const [n, place] of places.slice(0, searchedConversations).entries()) {
      const found = await look(place.conversation, wanted, breathe)
      if (found) items.push(found)
      if (items.length === limit) return pageOf(items, n + 1 < places.length ? place : undefined)
    }
    return pageOf(items, places[searchedConversations] && places[searchedConversations - 1])
  }

  async function look(id: string, wanted: string, breathe: () => Promise<void>): Promise<Found | undefined> {
    const conversation = await db.read(() => shelf.get(id))
    if (!conversation) return undefined
    const inTitle = snippetOf(conversation.title, wanted)
    if (inTitle !== null) return { conversation, snippet: inTitle }
    for (let seq = 0; seq < conversation.count; seq += searchedMessages) {
      const text = await db.read(() => firstHit(conversation, seq, wanted))
      await breathe()
      if (text !== undefined) return { conversation, snippet: snippetOf(text, wanted) ?? '' }
    }
    return undefined
  }

  function firstHit({ id }: Conversation, seq: number, wanted: string): string | undefined {
    const row = db.one<{ body: string }>(
      `SELECT body FROM messages
        WHERE conversation = ? AND seq >= ? AND seq < ? AND instr(folded, ?) > 0 ORDER BY seq LIMIT 1`,
      id,
      seq,
      seq + searchedMessages,
      wanted,
    )
    return row && (JSON.parse(row.body) as { text: string }).text
  }
}

/** Lets others have the event loop when it was held for long enough. */
function breather(): () => Promise<void> {
  let since = performance.now()
  return async () => {
    if (performance.now() - since < sliceMs) return
    await nextTurn()
    since = performance.now()
  }
}

function pageOf(items: Found[], last: Place | undefined): Page<Found> {
  return last ? { items, next: `${last.at}.${last.conversation}` } : { items }
}

function placeOf(cursor: string): Place {
  const [, at, conversation] = /^(\d{1,15})\.([\w-]{1,64})$/.exec(cursor) ?? []
  if (!at || !conversation) throw new Fault('bad_request', { detail: 'not a cursor of this list' })
  return { at: Number(at), conversation }
}
