import type { Message, Quote } from '../types.ts'

/** The text of stored messages as it may stand in a prompt. */

export const maxSummaryChars = 8_000
/** In place of a question that nobody can see: no model takes a blank one. */
export const emptyQuestion = '(an empty message)'

/** Text without what no model should read; empty when nothing in it can be seen. */
export function visible(text: string): string {
  const clean = text
    .toWellFormed()
    .replace(/\r\n?/g, '\n')
    .replace(/[^\P{Cc}\t\n]|[\uFFFE\uFFFF]/gu, '')
  return /[^\p{White_Space}\p{Cf}]/u.test(clean) ? clean.trimEnd().replace(/^\s*\n/, '') : ''
}

/** In shared conversations each message names who wrote it. */
export function signed(text: string, author: string | undefined, shared: boolean): string {
  return shared ? `${safeName(author)}: ${text}` : text
}

/** What Slack (`U0123ABCD`) and Teams (a GUID) call people where nobody told us a name. */
const idLike = /^((?=.*\d)[UW][\dA-Z]{7,}|[\da-fA-F]{8}(-[\da-fA-F]{4}){3}-[\da-fA-F]{12})$/

/** A name as it may stand before a colon: one short line, and never an e-mail address or an id. */
export function safeName(name = ''): string {
  const plain = visible(name)
    .replace(/[\p{Cf}:[\]<>{}*_`#|\\]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return plain === '' || plain.includes('@') || idLike.test(plain) ? 'Someone' : shorten(plain, 60)
}

/** At most so many UTF-16 units, never half a character. */
export function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).replace(/[\uD800-\uDBFF]$/, '')}…`
}

/** The beginning and the end of a long text, which say most of what it is about. */
export function gist(text: string, length: number): string {
  if (text.length <= length) return text
  return `${shorten(text, Math.floor((length * 3) / 4))}\n[…]\n${text.slice(-Math.floor(length / 4)).replace(/^[\uDC00-\uDFFF]/, '')}`
}

/**
 * The turns that a prompt may repeat. What a guardrail or a content filter objected to once, it objects to in every prompt
 * that repeats it; and where the question is gone (its author deleted it), so is what was said to it.
 */
export function repeatable(messages: readonly Message[]): Set<string> {
  const turns = new Set<string>()
  for (const { role, turn, text } of messages) if (role === 'user' && visible(text) !== '') turns.add(turn)
  for (const { turn, answer } of messages) {
    if (answer?.stop === 'guardrail' || answer?.stop === 'filtered') turns.delete(turn)
  }
  return turns
}

/** A question as the model reads it: what it refers to in front, marked as said by others and not by the person who asks. */
export function withQuotes(text: string, quotes: readonly Quote[] = []): string {
  if (quotes.length === 0) return text
  const said = quotes.map(({ author, text }) => `> ${safeName(author)}: ${text.replaceAll('\n', '\n> ')}`).join('\n>\n')
  return `Earlier messages, quoted for context:\n${said}\n\n${text}`
}

/** An answer as the model should remember it; empty for one that failed. */
export function said({ text, answer }: Message): string {
  const words = visible(text)
  if (answer?.stop === 'failed') return ''
  if (answer?.stop === 'stopped')
    return words === ''
      ? '[The person stopped this answer before it began.]'
      : `${words}\n\n[The person stopped this answer here.]`
  if (answer?.stop === 'broken' && words !== '') return `${words}\n\n[This answer broke off here.]`
  return words
}
