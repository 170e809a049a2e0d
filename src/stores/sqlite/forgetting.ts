import type { Conversations } from '../../store.ts'
import type { Message, Rating } from '../../types.ts'
import type { Database, Sql } from './database.ts'
import { whoIs } from './people.ts'
import { participantsOf, type Shelf } from './shelf.ts'

/** Messages looked at in one transaction: bounds how long the event loop is held. */
const messagesAtOnce = 200

interface Row {
  seq: number
  role: Message['role']
  turn: string
  rating: string | null
  body: string
}

export function createForgetting(db: Database, shelf: Shelf): Conversations['forget'] {
  return async (id, user) => {
    const ids = await db.read(() => idsOf(user))
    for (let from: number | undefined = 0; from !== undefined; ) {
      const first: number = from
      from = await db.write(() => forgetFrom(id, first, ids))
    }
    await db.write(() => shelf.leave(id, user))
  }

  /** All the ids that messages of theirs may have. */
  function idsOf(user: string): Set<string> {
    const id = whoIs(db, user)
    const formerly = db.all<{ id: string }>('SELECT id FROM aliases WHERE user = ?', id)
    return new Set([id, ...formerly.map((alias) => alias.id)])
  }

  /** Returns where to go on. */
  function forgetFrom(id: string, first: number, ids: Set<string>): number | undefined {
    const rows = db.all<Row>(
      'SELECT seq, role, turn, rating, body FROM messages WHERE conversation = ? AND seq >= ? ORDER BY seq LIMIT ?',
      id,
      first,
      messagesAtOnce,
    )
    for (const row of rows) {
      const { author } = JSON.parse(row.body) as Message
      if (author && ids.has(author.user)) forgetTurn(id, row.turn)
      if (row.rating !== null && ids.has((JSON.parse(row.rating) as Rating).user)) {
        db.run('UPDATE messages SET rating = NULL WHERE conversation = ? AND seq = ?', id, row.seq)
      }
    }
    return rows.length === messagesAtOnce ? rows.at(-1)!.seq + 1 : undefined
  }

  function forgetTurn(id: string, turn: string): void {
    // With it goes what was made of its text: a title, a summary.
    shelf.amend(id, turn, { text: null, title: '' })
    const rows = db.all<Row>('SELECT * FROM messages WHERE conversation = ? AND turn = ?', id, turn)
    for (const { seq, body } of rows) {
      const { author: _, quotes: __, ...rest } = JSON.parse(body) as Message
      const blank = JSON.stringify({ ...rest, text: '' })
      db.run(
        "UPDATE messages SET body = ?, size = ?, folded = '' WHERE conversation = ? AND seq = ?",
        blank,
        Buffer.byteLength(blank),
        id,
        seq,
      )
    }
  }
}

/** A walk along the index by time of update; what has something waiting is passed over. */
export function staleIn(
  sql: Sql,
  { before, surface, after, limit }: Parameters<Conversations['stale']>[0],
): Awaited<ReturnType<Conversations['stale']>> {
  const [, at = '0', id = ''] = /^(\d{1,15})\.([\w-]{1,64})$/.exec(after ?? '') ?? []
  const rows = sql.all<{ id: string; updated_at: number; waiting: number }>(
    `SELECT id, updated_at, EXISTS (SELECT 1 FROM entries WHERE conversation = c.id) AS waiting FROM conversations c
      WHERE updated_at < ?1 AND (updated_at, id) > (?2, ?3) ${surface ? 'AND surface = ?5' : ''}
      ORDER BY updated_at, id LIMIT ?4`,
    before,
    Number(at),
    id,
    limit,
    ...(surface ? [surface] : []),
  )
  const items = rows
    .filter((row) => row.waiting === 0)
    .map((row) => ({ id: row.id, participants: participantsOf(sql, row.id) }))
  const last = rows.length === limit ? rows.at(-1) : undefined
  return last ? { items, next: `${last.updated_at}.${last.id}` } : { items }
}
