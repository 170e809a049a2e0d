import type { JsonObject } from '../../src/types.ts'
import type { Entity } from './activity.ts'

/** Somebody a message can mention. */
export interface Person {
  /** `29:…`, as this bot knows them. */
  id: string
  name: string
}

const fenceLine = /^[ \t]*(`{3,}|~{3,})(.*)$/

/**
 * Change a text wherever it is not code: not in fences, nor between backticks on one line. By hand, because a regular
 * expression for it takes minutes for a megabyte of backticks.
 */
export function outsideCode(text: string, change: (part: string) => string): string {
  let result = ''
  let prose = ''
  let fence = ''
  const take = (): void => {
    result += change(prose)
    prose = ''
  }
  for (const line of text.split(/(?<=\n)/)) {
    const [, marker = '', info = ''] = fenceLine.exec(line.trimEnd()) ?? []
    if (fence) {
      result += line
      if (marker[0] === fence[0] && marker.length >= fence.length && info.trim() === '') fence = ''
    } else if (marker && !(marker[0] === '`' && info.includes('`'))) {
      take()
      fence = marker
      result += line
    } else {
      for (const { code, words } of spansOf(line)) {
        if (code) {
          take()
          result += words
        } else prose += words
      }
    }
  }
  take()
  return result
}

/** A line as prose and code between as many backticks as opened it. */
function spansOf(line: string): { code: boolean; words: string }[] {
  const runs = [...line.matchAll(/`+/g)]
  const closing: number[] = []
  const last = new Map<number, number>()
  for (let index = runs.length - 1; index >= 0; index--) {
    const { length } = runs[index]![0]
    closing[index] = last.get(length) ?? -1
    last.set(length, index)
  }
  const spans: { code: boolean; words: string }[] = []
  let from = 0
  for (let index = 0; index < runs.length; index++) {
    const end = closing[index]!
    if (end < 0) continue
    const until = runs[end]!.index + runs[end]![0].length
    spans.push({ code: false, words: line.slice(from, runs[index]!.index) })
    spans.push({ code: true, words: line.slice(runs[index]!.index, until) })
    from = until
    index = end
  }
  spans.push({ code: false, words: line.slice(from) })
  return spans
}

/** Whether a message names us. */
export function mentions(entities: readonly Entity[], id: string): boolean {
  return entities.some((entity) => entity.type === 'mention' && entity.mentioned?.id === id)
}

/** The people a message names, but for one (us). */
export function peopleIn(entities: readonly Entity[], except: string): Person[] {
  const people = new Map<string, Person>()
  for (const { type, mentioned, text } of entities) {
    const name = mentioned?.name || nameIn(text ?? '')
    if (type === 'mention' && mentioned?.id && mentioned.id !== except && name && people.size < 20)
      people.set(mentioned.id, { id: mentioned.id, name })
  }
  return [...people.values()]
}

/**
 * A message as a person reads it: every mention of us gone, others by name, no markup of Teams' left. botbuilder's own way
 * takes off the first mention alone, keeps `&nbsp;`, and throws for a card that mentions.
 */
export function readable(
  text: string,
  options: { entities: readonly Entity[]; us: string; format?: string | null | undefined },
): string {
  const { entities, us, format } = options
  const rich = format === 'xml' || isRichText(text)
  // In rich text code is markup like the rest; in plain text what looks like markup was typed by a person.
  const plain = rich
    ? fromHtml(withNames(text, entities, us))
    : outsideCode(text, (part) => unescapeHtml(withNames(part, entities, us)))
  return plain
    .toWellFormed()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}

function withNames(text: string, entities: readonly Entity[], us: string): string {
  let result = text
  for (const { type, mentioned, text: marked } of entities) {
    if (type !== 'mention' || !marked) continue
    const name = mentioned?.id === us ? '' : `@${mentioned?.name || nameIn(marked)}`
    result = result.replaceAll(marked, () => name)
  }
  // What is left are mentions without an entity, as tools and old clients send them.
  return result.replace(/<at(?: [^<>]{0,200})?>([^<>]{0,300})<\/at>/gi, (_, name: string) => `@${nameIn(name)}`)
}

function nameIn(marked: string): string {
  return unescapeHtml(marked.replace(/<[^<>]*>/g, '')).trim()
}

/** A message that is markup from its first to its last character, as Teams' editor makes it. */
function isRichText(text: string): boolean {
  return /^\s*<(p|div)\b[^<>]*>[\s\S]*<\/\1>\s*$/i.test(text)
}

const tag = /<(\/?)([a-z][a-z0-9]*)\b([^<>]*)>/gi
const lineEnds = new Set(['p', 'div', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'blockquote', 'ul', 'ol', 'tr', 'table'])
const silent = new Set(['script', 'style'])

/** Tag by tag, so that it takes no longer than the text is long, whatever is in it. */
function fromHtml(html: string): string {
  let result = ''
  let from = 0
  let inCode = false
  let skipping = ''
  let target = ''
  let labelAt = 0
  const take = (until: number): void => {
    const words = html.slice(from, until)
    if (!skipping) result += unescapeHtml(inCode ? words : onOneLine(words))
  }
  for (const match of html.matchAll(tag)) {
    take(match.index)
    from = match.index + match[0].length
    const closes = match[1] === '/'
    const name = match[2]!.toLowerCase()
    if (skipping) {
      if (closes && name === skipping) skipping = ''
    } else if (silent.has(name)) {
      if (!closes) skipping = name
    } else if (name === 'pre') {
      inCode = !closes
      result += '\n```\n'
    } else if (name === 'code') result += inCode ? '' : '`'
    else if (name === 'br') result += '\n'
    else if (name === 'li') result += closes ? '' : '\n- '
    else if (name === 'td' || name === 'th') result += closes ? ' ' : ''
    else if (name === 'img') result += attribute(match[3]!, 'alt')
    else if (name === 'a') {
      if (!closes) {
        target = attribute(match[3]!, 'href')
        labelAt = result.length
      } else if (target && result.slice(labelAt).trim() !== target) {
        result += result.length > labelAt ? ` (${target})` : target
        target = ''
      }
    } else if (lineEnds.has(name)) result += closes ? '\n' : ''
  }
  take(html.length)
  return result
}

/** A line break in HTML is a space. */
function onOneLine(words: string): string {
  const lines = words.split('\n')
  return lines
    .map((line, index) => {
      const begun = index > 0 ? line.trimStart() : line
      return index < lines.length - 1 ? begun.trimEnd() : begun
    })
    .join(' ')
}

function attribute(attributes: string, name: string): string {
  const found = new RegExp(`\\b${name}\\s?=\\s?"([^"]*)"`, 'i').exec(attributes)
  return unescapeHtml(found?.[1] ?? '')
}

const named: Record<string, string> = { nbsp: ' ', lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

/** One pass, so that what a person typed as `&amp;lt;` stays `&lt;`. */
export function unescapeHtml(text: string): string {
  return text
    .replace(
      /&(?:(nbsp|lt|gt|amp|quot|apos)|#(\d{1,7})|#x([\da-f]{1,6}));/gi,
      (whole, word?: string, dec?: string, hex?: string) => {
        if (word) return named[word.toLowerCase()] ?? whole
        const point = dec ? Number(dec) : Number.parseInt(hex ?? '', 16)
        return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point).replace('\u00a0', ' ') : whole
      },
    )
    .replaceAll('\u00a0', ' ')
}

/**
 * Mentions in an answer: the first `@Name` of each known person, outside of code and e-mail addresses, becomes one that
 * reaches them. What only looks like one stays text.
 */
export function withMentions(text: string, people: readonly Person[]): { text: string; entities: JsonObject[] } {
  const left = people.filter(({ name }) => name.trim() !== '').sort((a, b) => b.name.length - a.name.length)
  if (left.length === 0) return { text, entities: [] }
  const names = left.map(({ name }) => RegExp.escape(name)).join('|')
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}._%+@-])@(${names})(?![\\p{L}\\p{N}_])`, 'gu')
  const found: Person[] = []
  const changed = outsideCode(text, (part) =>
    part.replace(pattern, (whole, name: string) => {
      const person = left.find((one) => one.name === name)
      if (!person || found.includes(person)) return whole
      found.push(person)
      return `<at>${escapeName(name)}</at>`
    }),
  )
  return {
    text: changed,
    entities: found.map(({ id, name }) => ({
      type: 'mention',
      text: `<at>${escapeName(name)}</at>`,
      mentioned: { id, name },
    })),
  }
}

function escapeName(name: string): string {
  return name.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
