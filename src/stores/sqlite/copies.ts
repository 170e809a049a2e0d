import type { Copy } from '../../store.ts'
import type { Sql } from './database.ts'
import type { ConversationRow, Shelf } from './shelf.ts'

/** Begin a conversation as a copy of another, inside the transaction of the caller. */
export function copyInto(sql: Sql, shelf: Shelf, from: string, copy: Copy): boolean {
  const source = sql.one<ConversationRow>('SELECT * FROM conversations WHERE id = ?', from)
  if (!source) return false
  // A repeated call: it was copied as a whole.
  if (shelf.has(copy.id)) return true
  shelf.begin(copy.id, copy)
  const first = Math.max(0, source.count - copy.messages)
  sql.run(
    `INSERT INTO messages (conversation, seq, turn, role, size, body, folded)
      SELECT ?, seq - ?2, turn, role, size, body, folded FROM messages WHERE conversation = ?3 AND seq >= ?2`,
    copy.id,
    first,
    from,
  )
  const { title, title_folded, titled_by, summary, summary_up_to } = source
  sql.run(
    `UPDATE conversations SET title = ?, title_folded = ?, titled_by = ?, count = ?, summary = ?, summary_up_to = ?
      WHERE id = ?`,
    title,
    title_folded,
    titled_by,
    source.count - first,
    summary,
    summary === null ? null : Math.max(0, (summary_up_to ?? 0) - first),
    copy.id,
  )
  shelf.join(copy.id, copy.user)
  return true
}
