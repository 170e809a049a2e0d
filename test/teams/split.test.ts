import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytesOf, split } from '../../adapters/teams/split.ts'

describe('an answer too long for one message', () => {
  test('is cut between paragraphs', () => {
    const paragraph = `${'word '.repeat(50)}end.`
    const text = Array.from({ length: 400 }, () => paragraph).join('\n\n')
    const pieces = split(text, 80_000)
    expect(pieces.length).toBe(3)
    expect(pieces.join('\n\n')).toBe(text)
    for (const piece of pieces) expect(bytesOf(piece)).toBeLessThanOrEqual(80_000)
  })

  test('and one that fits is not', () => {
    const text = 'a'.repeat(39_998)
    expect(split(text, 80_000)).toEqual([text])
    expect(split('', 80_000)).toEqual([''])
  })

  test('is cut between lines, words or characters where there are no paragraphs', () => {
    const lines = Array.from({ length: 100 }, (_, index) => `line ${index}`).join('\n')
    expect(split(lines, 400).join('\n')).toBe(lines)
    const words = 'word '.repeat(200).trim()
    expect(split(words, 400).join(' ')).toBe(words)
    const letters = '👍'.repeat(300)
    const pieces = split(letters, 400)
    expect(pieces.join('')).toBe(letters)
    expect(pieces.every((piece) => piece.isWellFormed())).toBe(true)
  })

  test('keeps its code as code', () => {
    const code = Array.from({ length: 60 }, (_, index) => `  let x${index} = ${index}`).join('\n')
    const pieces = split(`Look:\n\n\`\`\`js\n${code}\n\`\`\`\n\nDone.`, 800)
    expect(pieces.length).toBeGreaterThan(2)
    for (const piece of pieces) expect((piece.match(/^```/gm) ?? []).length % 2).toBe(0)
    for (const piece of pieces.slice(1, -1)) expect(piece.startsWith('```js\n  let')).toBe(true)
    expect(pieces.join('\n').replace(/\n```\n```js/g, '')).toContain(code)
  })
})

test('whatever it is: all pieces fit, none is empty, and no letter is lost', () => {
  const bits = fc.constantFrom('word', ' ', '\n', '\n\n', '```\n', '`', '👍', '你', '"', '\\', '\u0001', 'x'.repeat(50))
  fc.assert(
    fc.property(
      fc.array(bits, { maxLength: 200 }).map((parts) => parts.join('')),
      fc.integer({ min: 400, max: 2_000 }),
      (text, max) => {
        const pieces = split(text, max)
        for (const piece of pieces) expect(bytesOf(piece)).toBeLessThanOrEqual(max)
        if (text.trim() !== '') for (const piece of pieces) expect(piece).not.toBe('')
        const letters = (all: string): string => all.replace(/[\s`]/g, '')
        expect(letters(pieces.join(''))).toBe(letters(text))
        expect(pieces[0]!.length >= Math.min(text.trimEnd().length, max / 13)).toBe(true)
      },
    ),
  )
})
