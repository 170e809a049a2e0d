/**
 * Markdown to HTML that is safe to put on the page, in Node and in the browser. Whatever a model or a person wrote, the
 * result has no markup but ours: raw HTML is shown as text, links lead to http, https and mailto alone, images become links.
 *
 * @typedef {typeof import('marked').marked} Marked
 */

/** @type {Record<string, string>} */
const replacements = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** @param {string} text */
export function escapeHtml(text) {
  return text.replace(/[&<>"']/g, (character) => /** @type {string} */ (replacements[character]))
}

/** Like `escapeHtml`, but what is a character reference already (`&copy;`) stays one, as Markdown has it. @param {string} text */
function escapeText(text) {
  return text.replace(
    /[<>"']|&(?!(#\d{1,7}|#[Xx][a-fA-F0-9]{1,6}|\w+);)/g,
    (character) => replacements[character] ?? '',
  )
}

/** How languages are called on the label of a code block; anything else shows as it was written. @type {Record<string, string>} */
const languageNames = {
  bash: 'Bash',
  c: 'C',
  cpp: 'C++',
  'c++': 'C++',
  cs: 'C#',
  csharp: 'C#',
  css: 'CSS',
  diff: 'Diff',
  dockerfile: 'Dockerfile',
  go: 'Go',
  html: 'HTML',
  ini: 'INI',
  java: 'Java',
  javascript: 'JavaScript',
  js: 'JavaScript',
  json: 'JSON',
  jsx: 'JSX',
  kotlin: 'Kotlin',
  markdown: 'Markdown',
  md: 'Markdown',
  php: 'PHP',
  powershell: 'PowerShell',
  py: 'Python',
  python: 'Python',
  rb: 'Ruby',
  rs: 'Rust',
  ruby: 'Ruby',
  rust: 'Rust',
  sh: 'Shell',
  shell: 'Shell',
  sql: 'SQL',
  swift: 'Swift',
  toml: 'TOML',
  ts: 'TypeScript',
  tsx: 'TSX',
  typescript: 'TypeScript',
  xml: 'XML',
  yaml: 'YAML',
  yml: 'YAML',
}

/**
 * A link that may be followed, or nothing. The scheme must stand there literally, so that no character reference, white
 * space or control character can make another one of it.
 * @param {string} href
 */
export function safeLink(href) {
  const link = href.trim()
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return /^(https?:\/\/|mailto:)[^\s\u0000-\u001f]+$/i.test(link) ? link : undefined
}

/**
 * @param {string} href
 * @param {string} inner HTML
 * @param {boolean} [literal] taken from the text as it stands, so `&` in it is no character reference
 */
function anchor(href, inner, literal) {
  return `<a href="${literal ? escapeHtml(href) : escapeText(href)}" target="_blank" rel="noopener noreferrer nofollow">${inner}</a>`
}

/** Endings of file names that are endings of domains too, or look so. */
const fileEnding =
  /\.(?:js|ts|jsx|tsx|mjs|json|md|py|rs|go|sh|rb|cs|c|h|cpp|java|php|pl|css|html|xml|yml|yaml|toml|txt|sql|vue|net)$/i
const address = /(?:[a-z][a-z0-9+.-]*:\/\/|www\.)[^\s]*|[^\s@]+@[^\s@]+\.[a-z]{2,}/i
const domain = /^(?:[\p{L}\p{N}-]+\.)+\p{L}{2,}(?:[/:?#]\S*)?$/u

/** The host a person reads; of `https://bank.example@evil.example` not the one it leads to. @param {string} text */
function hostOf(text) {
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`
  const url = URL.canParse(whole) && new URL(whole)
  return url && url.username === '' ? url.host.replace(/^www\./, '') : ''
}

/**
 * A link goes where a person expects who reads its words: the same as in `src/links.ts`, which the page cannot import.
 * @param {string} label plain text @param {string} link
 */
export function isHonest(label, link) {
  if (!URL.canParse(link)) return false
  const url = new URL(link)
  const named = label.replace(/^[*_`~\s]+|[*_`~\s]+$/g, '')
  const claimed = address.exec(named)?.[0] ?? (domain.test(named) && !fileEnding.test(named) ? named : undefined)
  if (claimed === undefined) return true
  return url.protocol === 'mailto:' ? claimed === url.pathname : hostOf(claimed) === url.host.replace(/^www\./, '')
}

/**
 * A link under words of the model's; one that does not go where they say is shown with its target.
 * @param {string} link @param {string} inner HTML
 */
function labelled(link, inner) {
  const label = inner.replace(/<[^>]*>/g, '')
  // What other references stand for cannot be told here: `bank&period;example`.
  const plain = !/&(?!(?:amp|lt|gt|quot|#39|nbsp);)[#\w]+;/.test(label)
  if (plain && isHonest(label.replaceAll('&amp;', '&'), link)) return anchor(link, inner)
  return `${inner} (${anchor(link, escapeHtml(link), true)})`
}

/** @param {string} text @param {string} info the words after the fence */
function codeBlock(text, info) {
  const language = (/^[\w+#.-]{1,32}/.exec(info.trim())?.[0] ?? '').toLowerCase()
  const label = Object.hasOwn(languageNames, language) ? languageNames[language] : language || 'Code'
  const marked = language ? ` class="language-${escapeHtml(language)}"` : ''
  return (
    `<div class="code" dir="ltr"><div class="code-head"><span class="code-language">${escapeHtml(label ?? '')}</span></div>` +
    `<pre tabindex="0"><code${marked}>${escapeHtml(text.replace(/\n$/, ''))}\n</code></pre></div>\n`
  )
}

/**
 * One renderer a call, because it knows where it is: headings go on from the page's own without leaving out a level, and
 * a link has no link inside.
 * @param {Marked} marked
 */
function createRenderer(marked) {
  const renderer = new marked.Renderer()
  let level = 2
  let inLink = false

  renderer.html = ({ text, block }) => {
    if (/^<br\s*\/?>$/i.test(text.trim())) return '<br>'
    return block ? `<p class="raw">${escapeHtml(text.trim())}</p>\n` : escapeHtml(text)
  }
  renderer.text = (token) =>
    'tokens' in token && token.tokens ? renderer.parser.parseInline(token.tokens) : escapeText(token.text)
  renderer.code = ({ text, lang }) => codeBlock(text, lang ?? '')
  renderer.codespan = ({ text }) => `<code>${escapeHtml(text)}</code>`
  renderer.heading = ({ tokens, depth }) => {
    level = Math.min(depth + 2, level + 1, 6)
    return `<h${level} class="heading-${depth}" dir="auto">${renderer.parser.parseInline(tokens)}</h${level}>\n`
  }
  renderer.paragraph = ({ tokens }) => `<p dir="auto">${renderer.parser.parseInline(tokens)}</p>\n`
  renderer.blockquote = ({ tokens }) => `<blockquote dir="auto">\n${renderer.parser.parse(tokens)}</blockquote>\n`
  renderer.list = ({ ordered, start, items }) => {
    const tag = ordered ? 'ol' : 'ul'
    const from = ordered && Number.isSafeInteger(start) && start !== 1 ? ` start="${start}"` : ''
    return `<${tag}${from} dir="auto">\n${items.map((item) => renderer.listitem(item)).join('')}</${tag}>\n`
  }
  renderer.listitem = (item) => `<li${item.task ? ' class="task"' : ''}>${renderer.parser.parse(item.tokens)}</li>\n`
  renderer.checkbox = ({ checked }) =>
    `<span class="checkbox${checked ? ' checked' : ''}" role="img" aria-label="${checked ? 'Done' : 'To do'}"></span> `
  renderer.table = ({ header, rows }) => {
    const line = (/** @type {import('marked').Tokens.TableCell[]} */ cells) =>
      `<tr>${cells.map((cell) => renderer.tablecell(cell)).join('')}</tr>\n`
    return (
      '<div class="table" role="group" aria-label="Table" tabindex="0"><table dir="auto">\n' +
      `<thead>\n${line(header)}</thead>\n<tbody>\n${rows.map(line).join('')}</tbody>\n</table></div>\n`
    )
  }
  renderer.tablecell = ({ tokens, header, align }) => {
    const inner = renderer.parser.parseInline(tokens)
    const style = align ? ` class="align-${align}"` : ''
    // An empty heading cell is no heading to a screen reader.
    return header && inner.trim() ? `<th scope="col"${style}>${inner}</th>` : `<td${style}>${inner}</td>`
  }
  renderer.link = ({ href, tokens, autolink }) => {
    const link = safeLink(href)
    if (!link || inLink) return renderer.parser.parseInline(tokens)
    inLink = true
    const inner = renderer.parser.parseInline(tokens)
    inLink = false
    return autolink || !inner ? anchor(link, inner || escapeText(link), autolink) : labelled(link, inner)
  }
  renderer.image = ({ href, text }) => {
    const link = safeLink(href)
    const inner = escapeText(text || link || 'image')
    return link && !inLink ? labelled(link, inner) : inner
  }
  renderer.def = () => ''
  return renderer
}

/** How far ahead marks and addresses are looked for, in characters, and how many marks of emphasis count in one text. */
const reach = 1000
const addressReach = 320
const emphasisMarks = 5000

/**
 * The parser's own, but with bounded work: it reads all the rest of a paragraph at every mark and word, so that 30,000
 * times `_a*` takes it more than a minute.
 * @param {Marked} marked
 */
function createTokenizer(marked) {
  const tokenizer = new marked.Tokenizer()
  const { emStrong, del, url, inlineText } = tokenizer
  let marks = 0
  tokenizer.emStrong = (src, masked, previous) => {
    if (!/^[*_]/.test(src) || ++marks > emphasisMarks) return undefined
    const from = masked.length - src.length
    return emStrong.call(tokenizer, src.slice(0, reach), masked.slice(from, from + reach), previous)
  }
  tokenizer.del = (src, masked, previous) => {
    if (!src.startsWith('~') || ++marks > emphasisMarks) return undefined
    const from = masked.length - src.length
    return del.call(tokenizer, src.slice(0, reach), masked.slice(from, from + reach), previous)
  }
  tokenizer.url = (src) => url.call(tokenizer, /^(https?:|www\.)/i.test(src) ? src : src.slice(0, addressReach))
  tokenizer.inlineText = (src) => inlineText.call(tokenizer, src.slice(0, reach))
  return tokenizer
}

/** A line in so many quotes and lists that reading it takes longer than anyone would look at it. */
const tooDeep = /^(?:[ \t]*(?:>|(?:[-*+]|\d{1,9}[.)])(?=[ \t]))){100}/m

/** @param {string} text */
function asWritten(text) {
  return `<p class="raw" dir="auto">${escapeHtml(text)}</p>\n`
}

/**
 * @param {{ marked: Marked }} parts `marked` as the package of that name exports it
 * @returns {(text: string) => string} never throws: what cannot be parsed is shown as it was written
 */
export function createMarkdown({ marked }) {
  return (text) => {
    if (tooDeep.test(text)) return asWritten(text)
    try {
      const renderer = createRenderer(marked)
      const tokenizer = createTokenizer(marked)
      const options = { ...marked.getDefaults(), gfm: true, breaks: true, renderer, tokenizer }
      return marked.parse(text, { ...options, async: false })
    } catch {
      // Nested deeper than the stack is.
      return asWritten(text)
    }
  }
}
