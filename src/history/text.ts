import type { Message } from '../types.ts'

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

/** A name as it may stand before a colon: one short line, and never an e-mail address. */
export function safeName(name = ''): string {
  const plain = visible(name)
    .replace(/[\p{Cf}:[\]<>{}*_`#|\\]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return plain === '' || plain.includes('@') ? 'Someone' : shorten(plain, 60)
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

/** What a guardrail or a content filter objected to once, it objects to in every prompt that repeats it. */
export function heldBackTurns(messages: readonly Message[]): Set<string> {
  return new Set(
    messages
      .filter(({ answer }) => answer?.stop === 'guardrail' || answer?.stop === 'filtered')
      .map(({ turn }) => turn),
  )
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
