/**
 * Links as a model writes them in Markdown, `[label](target)`: whether one goes where its words say. Surfaces that render
 * them ask here, and take the meaning from those that do not.
 */

/** What is looked at of a link; one that is longer is none that a person wrote. */
export const labelChars = 300
export const targetChars = 2_000

/** A link that begins at an opening bracket: `close` is its closing bracket, `end` what comes after it. */
export interface Link {
  label: string
  close: number
  end: number
  honest: boolean
}

/** The link at an opening bracket. `wait`: its end may still come; null: it is none, or none that can be judged. */
export function linkAt(text: string, at: number, ended: boolean): Link | 'wait' | null {
  const close = closingBracket(text, at)
  if (close === undefined) return !ended && text.length - at <= labelChars ? 'wait' : null
  if (close === 'no label') return null
  if (text[close + 1] === undefined && !ended) return 'wait'
  if (text[close + 1] !== '(') return null
  const end = closingParenthesis(text, close + 1)
  if (end === undefined) return !ended && text.length - close <= targetChars ? 'wait' : null
  const label = text.slice(at + 1, close)
  return { label, close, end: end + 1, honest: isHonest(label, text.slice(close + 2, end)) }
}

/** Where the bracket at `at` is closed; `no label` if what is in it cannot be one. */
export function closingBracket(text: string, at: number): number | 'no label' | undefined {
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === '[' || i - at > labelChars) return 'no label'
    if (text[i] === ']') return i
  }
  return undefined
}

export function closingParenthesis(text: string, at: number): number | undefined {
  let depth = 0
  for (let i = at; i < text.length && i - at <= targetChars; i++) {
    if (text[i] === '(') depth++
    else if (text[i] === ')' && --depth === 0) return i
  }
  return undefined
}

/** Endings of file names that are endings of domains too, or look so. */
const fileEnding =
  /\.(?:js|ts|jsx|tsx|mjs|json|md|py|rs|go|sh|rb|cs|c|h|cpp|java|php|pl|css|html|xml|yml|yaml|toml|txt|sql|vue|net)$/i
const address = /(?:[a-z][a-z0-9+.-]*:\/\/|www\.)[^\s]*|[^\s@]+@[^\s@]+\.[a-z]{2,}/i
const domain = /^(?:[\p{L}\p{N}-]+\.)+\p{L}{2,}(?:[/:?#]\S*)?$/u

/** A link goes where a person expects who reads its label. `rawTarget` is all that stands between its parentheses. */
export function isHonest(label: string, rawTarget: string): boolean {
  const [, bare = ''] = /^\s*<?([^\s<>]*)/.exec(rawTarget) ?? []
  if (/<[!@#]/.test(rawTarget)) return false
  let url: URL
  try {
    url = new URL(bare)
  } catch {
    return false
  }
  const named = label.trim().replace(/^[*_`~\s]+|[*_`~\s]+$/g, '')
  const claimed = address.exec(named)?.[0] ?? (domain.test(named) && !fileEnding.test(named) ? named : undefined)
  if (url.protocol === 'mailto:') return claimed === undefined || claimed === url.pathname
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return false
  return claimed === undefined || hostOf(claimed) === withoutWww(url.host)
}

/** The host a person reads: of `https://bank.example@evil.example` not the one it leads to, so there is none. */
function hostOf(text: string): string {
  try {
    const url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`)
    return url.username === '' ? withoutWww(url.host) : ''
  } catch {
    return ''
  }
}

function withoutWww(host: string): string {
  return host.replace(/^www\./, '')
}
