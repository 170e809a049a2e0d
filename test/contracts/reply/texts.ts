import { expect } from 'vitest'
import type { Shown, Stage } from './stage.ts'

/** So many different words, a space between them. */
export function words(count: number, from = 0): string {
  return Array.from({ length: count }, (_, i) => `w${from + i}`).join(' ')
}

/** Paragraphs of different words, to exactly this length. */
export function paragraphs(length: number): string {
  let text = ''
  for (let word = 0; text.length < length; word++) text += `w${word}${word % 50 === 49 ? '.\n\n' : ' '}`
  return exactly(text, length)
}

/** A text cut to a length, with a last word that is its own. */
export function exactly(text: string, length: number): string {
  return length < 12
    ? 'x'.repeat(length)
    : `${text
        .slice(0, length - 5)
        .trimEnd()
        .padEnd(length - 5, '.')} end.`
}

const fence = /^\s*(?:>\s?)*(`{3,}|~{3,})/

/** The lines of Markdown, and which of them are code. Fences themselves are left out. */
export function linesOf(source: string): { text: string; code: boolean }[] {
  let open = ''
  return source.split('\n').flatMap((text) => {
    const [, marker = ''] = fence.exec(text) ?? []
    if (!marker || (open && marker[0] !== open[0])) return [{ text, code: open !== '' }]
    open = open ? '' : marker
    return []
  })
}

/** Words in their order, without any markup. */
export function wordsIn(source: string): string[] {
  return linesOf(source).flatMap(({ text }) => text.match(/[\p{L}\p{N}\p{M}]+/gu) ?? [])
}

/** All signs in their order, but for white space and what was put in to take the meaning from something. */
export const signsIn = (source: string): string => source.replace(/[\s\u200b]+/g, '')

/** The answer as it is read from message to message. */
export const bodyOf = (shown: readonly Shown[]): string => shown.map(({ body }) => body).join('\n')
export const textOf = (shown: readonly Shown[]): string => shown.map(({ text }) => text).join('\n')

/** Everything is said, and nothing looks as if there was more to come. */
export async function expectAtRest(stage: Pick<Stage, 'screen' | 'busy'>): Promise<Shown[]> {
  await expect.poll(() => stage.busy(), { timeout: 20_000, interval: 5 }).toBe(false)
  const shown = await stage.screen()
  expect(shown.filter(({ state }) => state !== 'final')).toEqual([])
  return shown
}

/** The whole text, once, in order: each of its signs. For text without markup. */
export async function expectWhole(stage: Pick<Stage, 'screen' | 'busy'>, text: string): Promise<Shown[]> {
  const shown = await expectAtRest(stage)
  expectSame(signsIn(bodyOf(shown)), signsIn(text))
  return shown
}

/** The same for text with code, tables and the like: each of its words. */
export async function expectWords(stage: Pick<Stage, 'screen' | 'busy'>, text: string): Promise<Shown[]> {
  const shown = await expectAtRest(stage)
  expectSame(shown.flatMap(({ body }) => wordsIn(body)).join(' '), wordsIn(text).join(' '))
  return shown
}

/** As `toBe`, with a difference that can be read where the texts are long. */
export function expectSame(found: string, wanted: string): void {
  if (found === wanted) return
  let at = 0
  while (found[at] === wanted[at]) at++
  const around = (text: string) => `${text.length}: …${text.slice(Math.max(0, at - 40), at + 60)}…`
  expect({ at, text: around(found) }).toEqual({ at, text: around(wanted) })
}
