import type { Conversation, Message } from '../../types.ts'

/** Messages that are read at once, and the newest of a conversation that are searched. */
const chunk = 50
const searched = 4_000
/** Letters shown before and after a hit. */
const around = { before: 60, after: 120 }

/** What a search compares: case and width do not matter. */
export function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase()
}

/**
 * The words around the first hit in a conversation's title or its newest messages, `null` where there is none. Takes what
 * it read off the budget's bytes.
 */
export async function search(
  { id, title, count }: Conversation,
  wanted: string,
  messagesFrom: (id: string, first: number, count: number) => Promise<string[]>,
  budget: { bytes: number },
): Promise<string | null> {
  if (fold(title).includes(wanted)) return snippetOf(title, wanted)
  for (let first = Math.max(0, count - searched); first < count; first += chunk) {
    for (const stored of await messagesFrom(id, first, chunk)) {
      budget.bytes -= stored.length
      const { text } = JSON.parse(stored.slice(stored.indexOf(' ') + 1)) as Message
      if (fold(text).includes(wanted)) return snippetOf(text, wanted)
    }
  }
  return null
}

/** The words of the original around the first hit of its folded form. */
export function snippetOf(text: string, wanted: string): string {
  const at = originalIndex(text, fold(text).indexOf(wanted))
  const start = Math.max(0, at - around.before)
  const end = Math.min(text.length, at + wanted.length + around.after)
  // Not through a word where one ends nearby, and never through a surrogate pair.
  const words = text
    .slice(start, end)
    .replace(/^[\uDC00-\uDFFF]/, '')
    .replace(/[\uD800-\uDBFF]$/, '')
  const lead = start > 0 ? words.replace(/^\S{1,20}\s+(?=\S)/, '') : words
  return `${start > 0 ? '… ' : ''}${lead.replace(/\s+/g, ' ').trim()}${end < text.length ? ' …' : ''}`
}

/** Folding changes lengths: walk letter by letter (with its marks) until that much of the folded text is behind. */
function originalIndex(text: string, folded: number): number {
  let behind = 0
  for (const { 0: letter, index } of text.matchAll(/\P{M}\p{M}*|\p{M}+/gsu)) {
    behind += fold(letter).length
    if (behind > folded) return index
  }
  return text.length
}
