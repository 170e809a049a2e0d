import { linkAt } from '../../src/links.ts'

/** Code that is longer is not waited for. */
export const longCode = 1_000
/** It takes the meaning from what stands around it, and is not seen. */
const zeroWidth = '\u200b'

/** The length without half of a character at the end, whose other half is still to come. */
export function withoutHalf(text: string): number {
  const unit = text.charCodeAt(text.length - 1)
  return unit >= 0xd800 && unit <= 0xdbff ? text.length - 1 : text.length
}

/**
 * HTML becomes text and pictures become links (Teams shows none, and looking at one would tell its server), and a link that
 * does not go where its words say is shown with its target; but not in code. Of unfinished text, what comes next decides
 * about is left over.
 */
export function escapeInline(words: string, whole: boolean): { shown: string; used: number } {
  let shown = ''
  let at = 0
  /** The closing bracket of a link that goes where it says. */
  let honest = -1
  const length = whole ? words.length : withoutHalf(words)
  while (at < length) {
    const plain = plainUntil(words, at, length)
    shown += words.slice(at, plain)
    at = plain
    if (at === length) break
    const char = words[at]!
    const next = words[at + 1]
    if (!whole && next === undefined && '`!<\\]'.includes(char)) break
    if (char === '`') {
      const code = codeAt(words, at, whole)
      if (code === 'wait') break
      shown += code
      at += code.length
    } else if (char === '\\' && next !== undefined) {
      if (!whole && at + 2 > length) break
      shown += char + next
      at += 2
    } else {
      if (char === '[') {
        const link = linkAt(words, at, whole)
        if (link === 'wait') break
        if (link?.honest) honest = link.close
      }
      if (char === '<' && next !== undefined && /[a-z/!?]/i.test(next)) shown += '&lt;'
      else if (char === ']' && at !== honest && (next === '(' || next === ':')) shown += `]${zeroWidth}`
      else if (!(char === '!' && next === '[')) shown += char
      at++
    }
  }
  return { shown, used: at }
}

/** Code on one line, with its backticks; or those alone that no others close. */
function codeAt(words: string, at: number, whole: boolean): string | 'wait' {
  const [ticks = ''] = /^`+/.exec(words.slice(at, at + 100)) ?? []
  let from = at + ticks.length
  for (let end = words.indexOf(ticks, from); end >= 0; end = words.indexOf(ticks, from)) {
    const length = /^`+/.exec(words.slice(end, end + 100))![0].length
    // It may still become longer.
    if (!whole && end + length === words.length) return 'wait'
    if (length === ticks.length) return words.slice(at, end + length)
    from = end + length
  }
  return !whole && words.length - at <= longCode ? 'wait' : ticks
}

/** Where the words from `at` on stop being mere words: most are, and go through at once. */
function plainUntil(words: string, at: number, length: number): number {
  special.lastIndex = at
  return Math.min(special.exec(words)?.index ?? length, length)
}

const special = /[`\\<![\]]/g
