import { renderMarkdown } from '../../../adapters/web/markdown.ts'
import type { Json, JsonObject } from '../../../src/types.ts'
import { escapeHtml, safeLink } from '../../../views/assets/markdown.js'
import { unescapeText } from '../slack/envelopes.ts'
import type { Names } from '../slack/markup.ts'
import { isObject } from '../slack/request.ts'
import type { Block } from '../slack/state.ts'

/** Blocks as Slack's client shows them, as HTML that is safe to put on the page whatever stands in them. */
export function blocksHtml(blocks: Block[], names: Names): string {
  return blocks
    .map((block) => `<div class="block block-${escapeHtml(block.type)}">${blockHtml(block, names)}</div>`)
    .join('')
}

function objects(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

function blockHtml(block: JsonObject, names: Names): string {
  switch (block.type) {
    case 'markdown':
      return renderMarkdown(withNames(String(block.text), names))
    case 'divider':
      return '<hr>'
    case 'header':
      return `<h3>${elementHtml(block.text, names)}</h3>`
    case 'section':
      return [block.text, ...objects(block.fields), block.accessory]
        .map((part) => part && elementHtml(part, names))
        .join(' ')
    case 'actions':
    case 'context':
    case 'context_actions':
      return objects(block.elements)
        .map((element) => elementHtml(element, names))
        .join(' ')
    case 'rich_text':
      return objects(block.elements)
        .map((part) => richPart(part, names))
        .join('')
    case 'table':
      return tableHtml(block, names)
    case 'task_card':
      return `<span class="task task-${escapeHtml(String(block.status))}">${escapeHtml(String(block.title))}</span>`
    case 'plan':
      return `<strong>${escapeHtml(String(block.title))}</strong>`
    case 'alert':
      return elementHtml(block.text, names)
    case 'input':
      return inputHtml(block, names)
    default:
      return `<em>${escapeHtml(String(block.alt_text ?? block.type))}</em>`
  }
}

function elementHtml(part: Json | undefined, names: Names): string {
  if (!isObject(part)) return ''
  switch (part.type) {
    case 'mrkdwn':
      return mrkdwnHtml(String(part.text), names)
    case 'button':
      return buttonHtml(part, String(part.style ?? ''))
    case 'icon_button':
      return buttonHtml(part, '')
    case 'feedback_buttons':
      return [part.positive_button, part.negative_button]
        .filter(isObject)
        .map((button) => buttonHtml({ ...button, action_id: part.action_id ?? '' }, 'quiet'))
        .join(' ')
    case 'rich_text':
      return blockHtml(part, names)
    case 'raw_number':
      return escapeHtml(String(part.text ?? part.value ?? ''))
    default:
      return escapeHtml(String(part.text ?? part.alt_text ?? ''))
  }
}

function buttonHtml(button: JsonObject, style: string): string {
  const label = isObject(button.text) ? String(button.text.text) : ''
  const title = typeof button.accessibility_label === 'string' ? button.accessibility_label : label
  // Several may have the same label: its value says which one was meant.
  const which = typeof button.value === 'string' && button.value !== '' ? button.value : label
  const attributes = `data-button="${escapeHtml(which)}" title="${escapeHtml(title)}" class="press ${escapeHtml(style)}"`
  const url = typeof button.url === 'string' ? safeLink(button.url) : undefined
  if (url)
    return `<a ${attributes} href="${escapeHtml(url)}" target="_blank" rel="noopener noreferrer">${escapeHtml(label)}</a>`
  return `<button type="button" ${attributes}>${escapeHtml(label)}</button>`
}

function inputHtml(block: JsonObject, names: Names): string {
  const element = isObject(block.element) ? block.element : {}
  const id = escapeHtml(String(element.action_id ?? ''))
  const placeholder = isObject(element.placeholder) ? escapeHtml(String(element.placeholder.text)) : ''
  const initial = escapeHtml(String(element.initial_value ?? ''))
  const required = block.optional === true ? '' : ' required'
  const common = `name="${id}" placeholder="${placeholder}"${required}`
  const field =
    element.multiline === true
      ? `<textarea ${common} rows="4">${initial}</textarea>`
      : `<input ${common} value="${initial}">`
  const error = `<span class="error" data-error="${escapeHtml(String(block.block_id ?? element.action_id ?? ''))}"></span>`
  return `<label>${elementHtml(block.label, names)}${field}</label>${error}`
}

function tableHtml(block: JsonObject, names: Names): string {
  const rows = Array.isArray(block.rows) ? (block.rows as Json[][]) : []
  const cells = (row: Json[], tag: string): string =>
    row.map((cell) => `<${tag}>${elementHtml(cell, names)}</${tag}>`).join('')
  const [head = [], ...body] = rows
  return `<div class="scroll"><table><thead><tr>${cells(head, 'th')}</tr></thead><tbody>${body.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('')}</tbody></table></div>`
}

function richPart(part: JsonObject, names: Names): string {
  const leaves = objects(part.elements)
  const inner = (): string => leaves.map((leaf) => richLeaf(leaf, names)).join('')
  switch (part.type) {
    case 'rich_text_list': {
      const tag = part.style === 'ordered' ? 'ol' : 'ul'
      return `<${tag}>${leaves.map((leaf) => `<li>${richPart(leaf, names)}</li>`).join('')}</${tag}>`
    }
    case 'rich_text_preformatted':
      return `<pre>${inner()}</pre>`
    case 'rich_text_quote':
      return `<blockquote>${inner()}</blockquote>`
    default:
      return `<span class="lines">${inner()}</span>`
  }
}

function richLeaf(leaf: JsonObject, names: Names): string {
  const style = isObject(leaf.style) ? leaf.style : {}
  let html: string
  if (leaf.type === 'user') html = mention(`@${names.person(String(leaf.user_id))}`)
  else if (leaf.type === 'channel') html = mention(`#${names.channel(String(leaf.channel_id))}`)
  else if (leaf.type === 'broadcast') html = mention(`@${String(leaf.range)}`)
  else if (leaf.type === 'link') html = link(String(leaf.url), String(leaf.text ?? leaf.url))
  else html = escapeHtml(leaf.type === 'emoji' ? `:${String(leaf.name)}:` : String(leaf.text ?? ''))
  for (const [name, tag] of [
    ['code', 'code'],
    ['bold', 'strong'],
    ['italic', 'em'],
    ['strike', 's'],
  ] as const)
    if (style[name] === true) html = `<${tag}>${html}</${tag}>`
  return html
}

const mention = (text: string): string => `<span class="mention">${escapeHtml(text)}</span>`

function link(url: string, label: string): string {
  const target = safeLink(url)
  if (!target) return escapeHtml(label)
  return `<a href="${escapeHtml(target)}" target="_blank" rel="noopener noreferrer">${escapeHtml(label)}</a>`
}

/** Slack's own markup. */
export function mrkdwnHtml(text: string, names: Names): string {
  const parts = text.split(/(```[\s\S]*?```|`[^`\n]+`)/)
  return `<span class="lines">${parts.map((part) => mrkdwnPart(part, names)).join('')}</span>`
}

function mrkdwnPart(part: string, names: Names): string {
  if (part.startsWith('```') && part.length > 5)
    return `<pre>${escapeHtml(unescapeText(part.slice(3, -3).replace(/^\n/, '')))}</pre>`
  if (part.startsWith('`') && part.length > 2) return `<code>${escapeHtml(unescapeText(part.slice(1, -1)))}</code>`
  return part
    .split(/(<[^<>\n]+>)/)
    .map((piece) =>
      /^<[^<>\n]+>$/.test(piece) ? token(piece.slice(1, -1), names) : styled(escapeHtml(unescapeText(piece))),
    )
    .join('')
}

function styled(html: string): string {
  return html
    .replace(/(^|[\s(])\*([^*\n]+)\*(?=$|[\s).,!?:;])/g, '$1<strong>$2</strong>')
    .replace(/(^|[\s(])_([^_\n]+)_(?=$|[\s).,!?:;])/g, '$1<em>$2</em>')
    .replace(/(^|[\s(])~([^~\n]+)~(?=$|[\s).,!?:;])/g, '$1<s>$2</s>')
}

function token(inner: string, names: Names): string {
  const bar = inner.indexOf('|')
  const target = bar < 0 ? inner : inner.slice(0, bar)
  const label = bar < 0 ? undefined : unescapeText(inner.slice(bar + 1))
  if (target.startsWith('@')) return mention(`@${names.person(target.slice(1))}`)
  if (target.startsWith('#')) return mention(`#${label || names.channel(target.slice(1))}`)
  if (target.startsWith('!date^')) return dateHtml(target, label ?? '')
  if (target.startsWith('!')) return mention(label ?? `@${target.slice(1).split('^')[0]}`)
  return link(unescapeText(target), label ?? unescapeText(target))
}

/** `<!date^seconds^format^link|fallback>`: shown in the reader's own time and way, here always in one. */
function dateHtml(target: string, fallback: string): string {
  const [, seconds, , url] = target.split('^')
  const at = new Date(Number(seconds) * 1000)
  const words = Number.isNaN(at.getTime())
    ? fallback
    : at.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' })
  return url ? link(unescapeText(url), words) : escapeHtml(words)
}

/** Ids in Markdown show as names, as in Slack. */
function withNames(markdown: string, names: Names): string {
  return markdown
    .replace(/<@(\w+)>/g, (_, id: string) => `@${names.person(id)}`)
    .replace(/<#(\w+)(?:\|[^>]*)?>/g, (_, id: string) => `#${names.channel(id)}`)
    .replace(/<!(here|channel|everyone)>/g, '@$1')
}
