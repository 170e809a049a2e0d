import { homeOfConversation } from '../../ids.ts'
import type { Conversations } from '../../store.ts'
import type { Conversation, Message, Rating } from '../../types.ts'
import { copyInto } from './copies.ts'
import type { Database, Sql } from './database.ts'
import { createForgetting, staleIn } from './forgetting.ts'
import type { Homes } from './homes.ts'
import { createLists } from './lists.ts'
import type { Shelf } from './shelf.ts'

interface MessageRow {
  seq: number
  size: number
  body: string
  rating: string | null
}

/** Who may overwrite whose title: nobody one that ranks higher. */
const rank: Record<Conversation['titledBy'], number> = { none: 0, text: 1, model: 2, user: 3 }

export function createConversations(db: Database, homes: Homes, shelf: Shelf): Conversations {
  return {
    read(id, window) {
      return db.read(() => {
        const conversation = shelf.get(id)
        return conversation ? { conversation, messages: messagesOf(db, id, window) } : null
      })
    },
    // The commit of the turn comes after it and takes it to the disk.
    join: (id, user) => db.writeLazily(() => (shelf.has(id) ? shelf.join(id, user) : undefined)),
    list: createLists(db, shelf),
    update(id, { title, summary }) {
      return db.write(() => {
        const current = shelf.get(id)
        if (!current || (title && rank[title.by] < rank[current.titledBy])) return false
        if (title) shelf.setTitle(id, title.text, title.by)
        if (summary) {
          const { text, upTo } = summary
          db.run('UPDATE conversations SET summary = ?, summary_up_to = ? WHERE id = ?', text, upTo, id)
        }
        return true
      })
    },
    remove(id) {
      return db.write(() => {
        db.run('DELETE FROM entries WHERE conversation = ?', id)
        homes.tidy(homeOfConversation(id))
        shelf.drop(id)
      })
    },
    rate(id, turn, rating) {
      return db.write(() => {
        const stored = rating ? JSON.stringify(rating) : null
        const text = "UPDATE messages SET rating = ? WHERE conversation = ? AND turn = ? AND role = 'assistant'"
        return db.run(text, stored, id, turn) > 0
      })
    },
    copy: (id, copy) => db.write(() => copyInto(db, shelf, id, copy)),
    leave: (id, user) => db.write(() => shelf.leave(id, user)),
    forget: createForgetting(db, shelf),
    stale: (query) => db.read(() => staleIn(db, query)),
  }
}

/** From the newest back, row by row, so that nothing past the window is read. */
function messagesOf(
  sql: Sql,
  id: string,
  {
    before = Number.MAX_SAFE_INTEGER,
    messages,
    bytes = Number.POSITIVE_INFINITY,
  }: Parameters<Conversations['read']>[1],
): Message[] {
  const rows = sql.each<MessageRow>(
    'SELECT seq, size, body, rating FROM messages WHERE conversation = ? AND seq < ? ORDER BY seq DESC LIMIT ?',
    id,
    before,
    messages,
  )
  const window: Message[] = []
  let room = bytes
  for (const row of rows) {
    room -= row.size
    if (room < 0 && window.length > 0) break
    window.push(messageOf(row))
  }
  return window.reverse()
}

function messageOf({ seq, body, rating }: MessageRow): Message {
  const message: Message = { seq, ...(JSON.parse(body) as Omit<Message, 'seq'>) }
  return rating === null ? message : { ...message, rating: JSON.parse(rating) as Rating }
}
