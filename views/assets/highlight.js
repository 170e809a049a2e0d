/** Code blocks: colours and a copy button, added to what was rendered. A language is loaded when it is first needed. */
import { fromTemplate, setIcon } from './elements.js'
import { sanitize } from './render.js'
import highlighter from './vendor/highlight/core.js'

/** File of a language by the names it goes by; see `vendor.json`. @type {Record<string, string>} */
const files = {
  bash: 'bash',
  c: 'c',
  'c++': 'cpp',
  console: 'shell',
  cpp: 'cpp',
  cs: 'csharp',
  csharp: 'csharp',
  css: 'css',
  diff: 'diff',
  docker: 'dockerfile',
  dockerfile: 'dockerfile',
  go: 'go',
  golang: 'go',
  html: 'xml',
  ini: 'ini',
  java: 'java',
  javascript: 'javascript',
  js: 'javascript',
  json: 'json',
  jsonc: 'json',
  jsx: 'javascript',
  kotlin: 'kotlin',
  kt: 'kotlin',
  markdown: 'markdown',
  md: 'markdown',
  mjs: 'javascript',
  patch: 'diff',
  php: 'php',
  powershell: 'powershell',
  ps1: 'powershell',
  py: 'python',
  python: 'python',
  rb: 'ruby',
  rs: 'rust',
  ruby: 'ruby',
  rust: 'rust',
  sh: 'bash',
  shell: 'shell',
  sql: 'sql',
  svg: 'xml',
  swift: 'swift',
  toml: 'ini',
  ts: 'typescript',
  tsx: 'typescript',
  typescript: 'typescript',
  xml: 'xml',
  yaml: 'yaml',
  yml: 'yaml',
  zsh: 'bash',
}

/** Longer code stays plain: colouring it would hold up the page. */
const longest = 40_000

/** @param {string} file */
async function load(file) {
  if (highlighter.getLanguage(file)) return
  const module = await import(`./vendor/highlight/languages/${file}.js`)
  highlighter.registerLanguage(file, module.default)
}

/** @param {HTMLElement} code */
async function colour(code) {
  const language = /\blanguage-(\S+)/.exec(code.className)?.[1] ?? ''
  const file = Object.hasOwn(files, language) ? files[language] : undefined
  const text = code.textContent
  if (!file || text.length > longest || code.dataset.coloured) return
  code.dataset.coloured = 'yes'
  // Without colours the code is as readable: offline, or a grammar that does not load.
  await load(file).catch(() => undefined)
  if (!highlighter.getLanguage(file) || code.textContent !== text) return
  code.replaceChildren(sanitize(highlighter.highlight(text, { language: file, ignoreIllegals: true }).value))
}

/** Colours and copy buttons for all code in here. May be called again. @param {Iterable<HTMLElement>} roots */
export function finishCode(roots) {
  for (const root of roots) {
    const blocks = root.matches('.code') ? [root] : root.querySelectorAll('.code')
    for (const block of blocks) {
      const head = block.querySelector('.code-head')
      if (head && !head.querySelector('button')) head.append(fromTemplate('copy-template'))
      const code = block.querySelector('code')
      if (code) colour(code)
    }
  }
}

/**
 * @param {HTMLElement} button
 * @param {Record<string, string>} kinds what to copy, by its media type; `text/plain` always
 * @returns {Promise<boolean>}
 */
export async function copy(button, kinds) {
  const plain = kinds['text/plain'] ?? ''
  try {
    const blobs = Object.entries(kinds).map(([type, text]) => [type, new Blob([text], { type })])
    await navigator.clipboard.write([new ClipboardItem(Object.fromEntries(blobs))])
  } catch {
    // No rich clipboard, or none at all on a page without TLS.
    const copied = await navigator.clipboard?.writeText(plain).then(
      () => true,
      () => false,
    )
    if (!copied) return false
  }
  setIcon(button, 'check')
  setTimeout(() => setIcon(button, 'copy'), 2_000)
  return true
}
