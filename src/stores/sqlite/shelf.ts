import type { Amendment, Outcome } from '../../store.ts'
import type { Conversation, Message } from '../../types.ts'
import { fold } from '../matching.ts'
import type { Sql } from './database.ts'
import { whoIs } from './people.ts'

export interface ConversationRow {
  id: string
  title: string
  title_folded: string
  titled_by: Conversation['titledBy']
  created_at: number
  updated_at: number
  surface: Conversation['surface']
  direct: number
  audience: string | null
  count: number
  input: number
  output: number
  cache_read: number
  cache_write: number
  summary: string | null
  summary_up_to: number | null
}

/** Where conversations stand: what both turns and readers do with them, inside the transaction of the caller. */
export interface Shelf {
  has(id: string): boolean
  /** Begin an empty one. Its first participant is the caller's. */
  begin(id: string, birth: Pick<Conversation, 'surface' | 'direct' | 'audience'>): void
  get(id: string): Conversation | undefined
  /** Append a turn's messages, after dropping those it replaces, and all else that a finished turn changes. */
  append(id: string, turn: string, outcome: Outcome, replaces?: string): void
  /** The turn under which a turn's question goes on, however often it was asked anew. */
  latest(id: string, turn: string): string
  /** Give a turn's question another text, and let nothing else tell of the old one. False: it has none. */
  amend(id: string, turn: string, amendment: Amendment): boolean
  setTitle(id: string, text: string, by: Conversation['titledBy']): void
  /** Put it on a user's list, at its top. */
  join(id: string, user: string): void
  /** Take someone out of those who took part. */
  leave(id: string, user: string): void
  /** Delete it, unless it has messages or something waits in it. */
  dropEmpty(id: string): void
  /** Delete it with its messages, members and pointers. Its waiting turns are the caller's. */
  drop(id: string): void
}

export function createShelf(sql: Sql, now: () => number): Shelf {
  const shelf: Shelf = {
    has: (id) => sql.one('SELECT 1 FROM conversations WHERE id = ?', id) !== undefined,
    begin(id, { surface, direct, audience }) {
      sql.run(
        `INSERT INTO conversations (id, created_at, updated_at, surface, direct, audience)
          VALUES (?1, ?2, ?2, ?3, ?4, ?5)`,
        id,
        now(),
        surface,
        direct ? 1 : 0,
        audience ?? null,
      )
    },
    get(id) {
      const row = sql.one<ConversationRow>('SELECT * FROM conversations WHERE id = ?', id)
      if (!row) return undefined
      return conversationOf(row, participantsOf(sql, id))
    },
    append(id, turn, outcome, replaces) {
      if (replaces !== undefined) replace(id, replaces, turn)
      const { count: first, titled_by } = sql.one<ConversationRow>('SELECT * FROM conversations WHERE id = ?', id)!
      for (const [n, message] of outcome.messages.entries()) insert(id, first + n, message)
      addUp(id, outcome.messages)
      if (titled_by === 'none' && outcome.title) shelf.setTitle(id, outcome.title, 'text')
      sql.run('UPDATE members SET at = ? WHERE conversation = ?', now(), id)
      for (const user of outcome.participants) shelf.join(id, user)
    },
    latest(id, turn) {
      for (let latest = turn; ; ) {
        const row = sql.one<{ successor: string }>(
          'SELECT successor FROM replaced WHERE conversation = ? AND turn = ?',
          id,
          latest,
        )
        if (!row) return latest
        latest = row.successor
      }
    },
    amend(id, turn, { text, title }) {
      const row = sql.one<{ seq: number; body: string }>(
        "SELECT seq, body FROM messages WHERE conversation = ? AND turn = ? AND role = 'user'",
        id,
        turn,
      )
      if (!row) return false
      const message = { ...(JSON.parse(row.body) as Omit<Message, 'seq'>), text: text ?? '' }
      const body = JSON.stringify(message)
      sql.run(
        'UPDATE messages SET size = ?, body = ?, folded = ? WHERE conversation = ? AND seq = ?',
        Buffer.byteLength(body),
        body,
        fold(message.text),
        id,
        row.seq,
      )
      forgetSummary(id, row.seq)
      if (row.seq === 0) retitle(id, title, text === null)
      return true
    },
    setTitle(id, text, by) {
      sql.run(
        'UPDATE conversations SET title = ?, title_folded = ?, titled_by = ? WHERE id = ?',
        text,
        fold(text),
        by,
        id,
      )
    },
    join(id, user) {
      sql.run(
        'INSERT INTO members (user, conversation, at) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at',
        // A turn that began before its author was merged into another is theirs.
        whoIs(sql, user),
        id,
        now(),
      )
    },
    leave(id, user) {
      sql.run('DELETE FROM members WHERE conversation = ? AND user = ?', id, whoIs(sql, user))
    },
    dropEmpty(id) {
      const used = sql.one(
        `SELECT 1 FROM conversations
          WHERE id = ? AND (count > 0 OR EXISTS (SELECT 1 FROM entries WHERE conversation = ?))`,
        id,
        id,
      )
      if (!used) shelf.drop(id)
    },
    drop(id) {
      sql.run('DELETE FROM pointers WHERE conversation = ?', id)
      sql.run('DELETE FROM conversations WHERE id = ?', id)
    },
  }
  return shelf

  function insert(id: string, seq: number, message: Omit<Message, 'seq'>): void {
    const { rating, ...rest } = message
    const body = JSON.stringify(rest)
    sql.run(
      'INSERT INTO messages (conversation, seq, turn, role, size, rating, body, folded) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      id,
      seq,
      message.turn,
      message.role,
      Buffer.byteLength(body),
      rating ? JSON.stringify(rating) : null,
      body,
      fold(message.text),
    )
  }

  function addUp(id: string, messages: Omit<Message, 'seq'>[]): void {
    const sum = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }
    for (const { answer } of messages) {
      if (!answer?.usage) continue
      sum.input += answer.usage.input
      sum.output += answer.usage.output
      sum.cacheRead += answer.usage.cacheRead
      sum.cacheWrite += answer.usage.cacheWrite
    }
    sql.run(
      `UPDATE conversations SET updated_at = ?, count = count + ?, input = input + ?, output = output + ?,
        cache_read = cache_read + ?, cache_write = cache_write + ? WHERE id = ?`,
      now(),
      messages.length,
      sum.input,
      sum.output,
      sum.cacheRead,
      sum.cacheWrite,
      id,
    )
  }

  /** Drop a turn that is asked anew, and all after it. */
  function replace(id: string, turn: string, successor: string): void {
    const { seq } = sql.one<{ seq: number | null }>(
      'SELECT min(seq) AS seq FROM messages WHERE conversation = ? AND turn = ?',
      id,
      turn,
    )!
    if (seq === null) return
    sql.run('DELETE FROM messages WHERE conversation = ? AND seq >= ?', id, seq)
    sql.run('UPDATE conversations SET count = ? WHERE id = ?', seq, id)
    sql.run('INSERT INTO replaced (conversation, turn, successor) VALUES (?, ?, ?)', id, turn, successor)
    forgetSummary(id, seq)
  }

  /** A summary that tells of a message that is gone goes with it. */
  function forgetSummary(id: string, seq: number): void {
    sql.run('UPDATE conversations SET summary = NULL, summary_up_to = NULL WHERE id = ? AND summary_up_to > ?', id, seq)
  }

  /** The first question is what a title is made of, if no person made it. */
  function retitle(id: string, title: string, deleted: boolean): void {
    const { titled_by } = sql.one<ConversationRow>('SELECT * FROM conversations WHERE id = ?', id)!
    if (titled_by === 'user' || (titled_by === 'model' && !deleted)) return
    shelf.setTitle(id, title, title === '' ? 'none' : 'text')
  }
}

/** In the order in which they came. */
export function participantsOf(sql: Sql, id: string): string[] {
  const rows = sql.all<{ user: string }>('SELECT user FROM members WHERE conversation = ? ORDER BY rowid', id)
  return rows.map((row) => row.user)
}

function conversationOf(row: ConversationRow, participants: string[]): Conversation {
  return {
    id: row.id,
    title: row.title,
    titledBy: row.titled_by,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    surface: row.surface,
    direct: row.direct === 1,
    ...(row.audience === null ? {} : { audience: row.audience }),
    participants,
    count: row.count,
    usage: { input: row.input, output: row.output, cacheRead: row.cache_read, cacheWrite: row.cache_write },
    ...(row.summary === null ? {} : { summary: { text: row.summary, upTo: row.summary_up_to ?? 0 } }),
  }
}
