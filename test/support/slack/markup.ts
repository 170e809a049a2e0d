import { marked, type Token } from 'marked'
import type { Json, JsonObject } from '../../../src/types.ts'
import { isObject } from './request.ts'
import type { Block } from './state.ts'

/** Names for the ids in a text, as the one who reads it sees them. */
export interface Names {
  person(id: string): string
  channel(id: string): string
}

/** What a person reads, without the markup: mrkdwn with its `<...>` tokens and entities resolved. */
export function plainMrkdwn(text: string, names: Names): string {
  return text
    .replace(/<([^<>\n]+)>/g, (_, inner: string) => token(inner, names))
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}

function token(inner: string, names: Names): string {
  const [target = '', label] = split(inner)
  if (target.startsWith('@')) return `@${names.person(target.slice(1))}`
  if (target.startsWith('#')) return `#${label || names.channel(target.slice(1))}`
  // A date shows in the reader's own way; here its fallback stands for that.
  if (target.startsWith('!')) return label ?? `@${target.slice(1).split('^')[0]}`
  return label && label !== target ? `${label} (${target})` : target
}

function split(inner: string): [string, string?] {
  const bar = inner.indexOf('|')
  return bar < 0 ? [inner] : [inner.slice(0, bar), inner.slice(bar + 1)]
}

/** What a person reads of standard Markdown. A link shows where it goes, so that a disguised one can be seen. */
export function plainMarkdown(text: string, names: Names): string {
  return blocksText(marked.lexer(text), names).trim()
}

function blocksText(tokens: Token[], names: Names): string {
  return tokens.map((each) => blockText(each, names)).join('')
}

function blockText(each: Token, names: Names): string {
  switch (each.type) {
    case 'space':
      return ''
    case 'code':
      return `${each.text}\n`
    case 'hr':
      return '———\n'
    case 'blockquote':
      return `${blocksText(each.tokens ?? [], names)
        .trimEnd()
        .replace(/^/gm, '│ ')}\n`
    case 'list':
      return each.items
        .map((item: { tokens: Token[] }, index: number) => {
          const mark = each.ordered ? `${Number(each.start || 1) + index}.` : '•'
          return `${mark} ${blocksText(item.tokens, names).trimEnd().replaceAll('\n', '\n  ')}\n`
        })
        .join('')
    case 'table':
      return [each.header, ...each.rows]
        .map((row: { tokens: Token[] }[]) => `${row.map((cell) => inlineText(cell.tokens, names)).join(' | ')}\n`)
        .join('')
    default:
      return `${inlineText('tokens' in each && each.tokens ? each.tokens : [each], names)}\n`
  }
}

function inlineText(tokens: Token[], names: Names): string {
  return tokens
    .map((each): string => {
      switch (each.type) {
        case 'codespan':
          return each.text
        case 'br':
          return '\n'
        case 'link':
          return linkText(inlineText(each.tokens ?? [], names), each.href)
        case 'image':
          return linkText(each.text, each.href)
        default:
          return 'tokens' in each && each.tokens ? inlineText(each.tokens, names) : plainMrkdwn(literal(each), names)
      }
    })
    .join('')
}

function literal(each: Token): string {
  return 'text' in each && typeof each.text === 'string'
    ? each.text.replaceAll('&quot;', '"').replaceAll('&#39;', "'")
    : each.raw
}

function linkText(label: string, href: string): string {
  return label === href || `mailto:${label}` === href ? label : `${label} (${href})`
}

/** What a person reads of a message's blocks, a line for each piece. Buttons show as `[label]`. */
export function plainBlocks(blocks: Block[], names: Names): string {
  return blocks
    .map((block) => plainBlock(block, names))
    .filter((text) => text !== '')
    .join('\n')
}

function plainBlock(block: JsonObject, names: Names): string {
  const items = Array.isArray(block.elements) ? block.elements.filter(isObject) : []
  switch (block.type) {
    case 'markdown':
      return plainMarkdown(String(block.text), names)
    case 'divider':
      return '———'
    case 'section':
      return [block.text, ...(Array.isArray(block.fields) ? block.fields : []), block.accessory]
        .map((part) => plainElement(part, names))
        .filter((text) => text !== '')
        .join('\n')
    case 'header':
    case 'alert':
      return plainElement(block.text, names)
    case 'input':
      return plainElement(block.label, names)
    case 'actions':
    case 'context':
    case 'context_actions':
      return items.map((item) => plainElement(item, names)).join(' ')
    case 'rich_text':
      return items.map((item) => richText(item, names)).join('\n')
    case 'table':
      return (block.rows as Json[][]).map((row) => row.map((cell) => plainElement(cell, names)).join(' | ')).join('\n')
    case 'task_card':
      return `${block.status === 'complete' ? '✓' : '…'} ${String(block.title)}`
    case 'plan':
      return String(block.title)
    case 'image':
      return `[${String(block.alt_text)}]`
    default:
      return ''
  }
}

function plainElement(part: Json | undefined, names: Names): string {
  if (!isObject(part)) return ''
  switch (part.type) {
    case 'mrkdwn':
      return plainMrkdwn(String(part.text), names)
    case 'button':
    case 'icon_button':
      return `[${plainElement(part.text, names)}]`
    case 'feedback_buttons':
      return `[${plainElement((part.positive_button as JsonObject).text, names)}] [${plainElement((part.negative_button as JsonObject).text, names)}]`
    case 'rich_text':
      return plainBlock(part, names)
    case 'image':
      return `[${String(part.alt_text)}]`
    case 'raw_number':
      return String(part.text ?? part.value ?? '')
    default:
      return typeof part.text === 'string' ? part.text : ''
  }
}

function richText(item: JsonObject, names: Names): string {
  const leaves = Array.isArray(item.elements) ? item.elements.filter(isObject) : []
  if (item.type === 'rich_text_list') return leaves.map((leaf) => `• ${richText(leaf, names)}`).join('\n')
  const text = leaves.map((leaf) => richLeaf(leaf, names)).join('')
  return item.type === 'rich_text_quote' ? text.replace(/^/gm, '│ ') : text
}

function richLeaf(leaf: JsonObject, names: Names): string {
  switch (leaf.type) {
    case 'user':
      return `@${names.person(String(leaf.user_id))}`
    case 'channel':
      return `#${names.channel(String(leaf.channel_id))}`
    case 'broadcast':
      return `@${String(leaf.range)}`
    case 'emoji':
      return `:${String(leaf.name)}:`
    case 'link':
      return linkText(String(leaf.text ?? leaf.url), String(leaf.url))
    default:
      return String(leaf.text ?? '')
  }
}

/** The text as its author wrote it: Markdown and mrkdwn sources one after another, without buttons and captions. */
export function sourceOf(blocks: Block[]): string {
  return blocks
    .map((block) =>
      block.type === 'markdown' ? String(block.text) : isObject(block.text) ? String(block.text.text) : '',
    )
    .filter((text) => text !== '')
    .join('\n\n')
}

/**
 * Who a message rings for: people's ids and `here`, `channel`, `everyone`, `subteam:S…`. In mrkdwn a token counts wherever
 * it stands, also in code, since there it can be escaped without loss; in Markdown it does not count in code.
 */
export function pingsOf(message: { text: string; blocks?: Block[] }): string[] {
  const found = new Set<string>()
  const scan = (text: string): void => {
    for (const [, kind, id] of text.matchAll(/<([@!])([^<>|\s]+)(?:\|[^<>]*)?>/g)) {
      if (kind === '@') found.add(id!)
      else if (['here', 'channel', 'everyone'].includes(id!)) found.add(id!)
      else if (id!.startsWith('subteam^')) found.add(`subteam:${id!.slice(8)}`)
    }
  }
  const walk = (value: Json | undefined): void => {
    if (Array.isArray(value)) for (const item of value) walk(item)
    else if (isObject(value)) {
      if (value.type === 'markdown') scan(withoutCode(String(value.text)))
      else if (value.type === 'mrkdwn') scan(String(value.text))
      else if (value.type === 'user') found.add(String(value.user_id))
      else if (value.type === 'broadcast') found.add(String(value.range))
      for (const item of Object.values(value)) walk(item)
    }
  }
  if (message.blocks) walk(message.blocks)
  else scan(message.text)
  return [...found]
}

function withoutCode(markdown: string): string {
  const keep: string[] = []
  const walk = (tokens: Token[]): void => {
    for (const each of tokens) {
      if (each.type === 'code' || each.type === 'codespan') continue
      if (each.type === 'list') for (const item of each.items) walk(item.tokens)
      else if (each.type === 'table') {
        for (const row of [each.header, ...each.rows]) for (const cell of row) walk(cell.tokens)
      } else if ('tokens' in each && each.tokens) walk(each.tokens)
      else keep.push(each.raw)
    }
  }
  walk(marked.lexer(markdown))
  // Neighbours are joined: a token that the lexer cut in two is still one to Slack.
  return keep.join('')
}
