/** Markdown as nodes: rendered safe, then cleaned once more by a sanitizer of the browser's own parser. */
import { createMarkdown } from './markdown.js'
import './vendor/dompurify/purify.min.js'
import { marked } from './vendor/marked/marked.esm.js'

export { marked }

const toHtml = createMarkdown({ marked })

const allowed = {
  ALLOWED_TAGS: [
    ...['a', 'b', 'blockquote', 'br', 'code', 'del', 'div', 'em', 'h3', 'h4', 'h5', 'h6', 'hr', 'li', 'ol', 'p', 'pre'],
    ...['span', 'strong', 'table', 'tbody', 'td', 'th', 'thead', 'tr', 'ul'],
  ],
  ALLOWED_ATTR: ['aria-label', 'class', 'dir', 'href', 'rel', 'role', 'scope', 'start', 'tabindex', 'target'],
  // All but `href` are no addresses, and would be held against the pattern for addresses.
  ADD_URI_SAFE_ATTR: ['aria-label', 'class', 'dir', 'rel', 'role', 'scope', 'start', 'tabindex', 'target'],
  ALLOWED_URI_REGEXP: /^(?:https?:\/\/|mailto:)/i,
  ALLOW_DATA_ATTR: false,
}

/** @param {string} html @returns {DocumentFragment} */
export function sanitize(html) {
  return /** @type {DocumentFragment} */ (DOMPurify.sanitize(html, { ...allowed, RETURN_DOM_FRAGMENT: true }))
}

/** @param {string} text Markdown @returns {DocumentFragment} */
export function render(text) {
  return sanitize(toHtml(text))
}
