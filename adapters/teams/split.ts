const encoder = new TextEncoder()

/** What Teams counts, or the body that carries it: JSON, its escapes included, as UTF-16 or UTF-8, whichever is more. */
export function bytesOf(text: string): number {
  const json = JSON.stringify(text)
  return Math.max(json.length * 2, encoder.encode(json).length)
}

const fenceLine = /^\s*(?:>\s?)*(`{3,}|~{3,})([^\n]*)$/

/**
 * A long answer as messages of at most `maxBytes` each, cut at the border of a paragraph if there is one in the second half
 * of what fits, else of a line, a word, at worst between two characters. Code that is cut is closed and opened again. The
 * first piece always holds at least half of what fits: a stream that stopped before that is continued by it.
 */
export function split(text: string, maxBytes: number): string[] {
  const pieces: string[] = []
  let rest = text
  let opening = ''
  while (bytesOf(opening + rest) > maxBytes) {
    const room = maxBytes - bytesOf(opening) - 64
    const end = cut(rest, Math.max(room, 64))
    const piece = opening + rest.slice(0, end).trimEnd()
    const fence = openFence(piece)
    pieces.push(fence ? `${piece}\n${fence.marker}` : piece)
    opening = fence ? `${fence.marker}${fence.info}\n` : ''
    // Code keeps its indentation; prose begins with words.
    rest = fence ? rest.slice(end).replace(/^\n/, '') : rest.slice(end).trimStart()
  }
  if (rest !== '' || pieces.length === 0) pieces.push(opening + rest)
  return pieces
}

function cut(text: string, maxBytes: number): number {
  const most = fitting(text, maxBytes)
  const half = text.slice(0, most)
  const least = Math.floor(most / 2)
  for (const border of ['\n\n', '\n', ' ']) {
    const found = half.lastIndexOf(border)
    if (found > least && !(border === '\n\n' && openFence(text.slice(0, found)))) return found
  }
  return most
}

/** How many characters fit, none of them cut in two. At least one. */
function fitting(text: string, maxBytes: number): number {
  let low = 1
  let high = Math.min(text.length, Math.ceil(maxBytes / 2))
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (bytesOf(text.slice(0, middle)) <= maxBytes) low = middle
    else high = middle - 1
  }
  const unit = text.charCodeAt(low - 1)
  const half = unit >= 0xd800 && unit <= 0xdbff
  return half ? (low > 1 ? low - 1 : low + 1) : low
}

/** The code block that is open at the end of a text. */
function openFence(text: string): { marker: string; info: string } | null {
  let open: { marker: string; info: string } | null = null
  for (const line of text.split('\n')) {
    const [, marker = '', info = ''] = fenceLine.exec(line) ?? []
    if (!marker) continue
    if (!open) {
      if (!(marker[0] === '`' && info.includes('`'))) open = { marker, info: info.slice(0, 40) }
    } else if (marker[0] === open.marker[0] && marker.length >= open.marker.length && info.trim() === '') open = null
  }
  return open
}
