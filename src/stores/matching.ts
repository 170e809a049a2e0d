/** How searches compare and what they show; the same in every engine. */

/** Letters shown before and after a hit. */
const around = { before: 60, after: 120 }

/** What a search compares: case and width do not matter. */
export function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase()
}

/** The words of the original around the first hit of `wanted` (folded already), `null` where there is none. */
export function snippetOf(text: string, wanted: string): string | null {
  const folded = fold(text)
  const hit = folded.indexOf(wanted)
  if (hit < 0) return null
  const at = folded.length === text.length ? hit : originalIndex(text, hit)
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

/** Folding changes lengths: halve until the longest beginning whose folded form ends before the hit. */
function originalIndex(text: string, hit: number): number {
  let low = 0
  let high = text.length
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (fold(text.slice(0, middle)).length <= hit) low = middle
    else high = middle - 1
  }
  return low
}
