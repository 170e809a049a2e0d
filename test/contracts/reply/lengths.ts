import { describe, expect, test } from 'vitest'
import type { AnswerWorld } from './answers.ts'
import { inPieces, type Shown, type Story, type Traits, whole } from './stage.ts'
import {
  exactly,
  expectAtRest,
  expectSame,
  expectWhole,
  expectWords,
  linesOf,
  paragraphs,
  signsIn,
  textOf,
  words,
  wordsIn,
} from './texts.ts'

const long = 100_000

/** How an answer may come. */
const ways = {
  'written piece by piece': (text: string): Story => inPieces(text, Math.max(3, Math.ceil(text.length / 1_500))),
  'there at once': (text: string): Story => ({ pieces: [], end: whole(text) }),
}

/** Answers of any length: nothing lost, nothing twice, in order, in as few messages as can be. */
export function lengthsContract({ fill, edges }: Traits, open: () => AnswerWorld): void {
  describe.each(Object.entries(ways))('a long answer, %s,', (way, story) => {
    const told = async (text: string) => {
      const stage = await open().ask()
      await stage.tell(story(text))
      return stage
    }
    const most = way === 'there at once' ? fill.whole : fill.grown

    test.each(edges)('is whole just below, at and above the limit of %i', async (edge) => {
      for (const length of [edge - 2, edge - 1, edge, edge + 1, edge + 2]) {
        for (const text of [paragraphs(length), exactly('y'.repeat(length), length)]) {
          const shown = await expectWhole(await told(text), text)
          expect(shown.length).toBeLessThanOrEqual(Math.ceil(length / most))
        }
      }
    })

    test('of 100,000 characters is whole, in as few messages as can be', async () => {
      const text = paragraphs(long)
      const shown = await expectWhole(await told(text), text)
      expect(shown.length).toBeLessThanOrEqual(Math.ceil(long / most))
      // Cut between paragraphs: each message ends where one of them does.
      for (const { body } of shown.slice(0, -1)) expect(body.trimEnd().endsWith('.')).toBe(true)
    })

    test('of one line without an end or a space is whole', async () => {
      const text = exactly(words(20_000).replaceAll(' ', ''), long)
      await expectWhole(await told(text), text)
    })

    test('of signs that are several characters each has none of them cut in two', async () => {
      const sign = '👩‍👩‍👧‍👦'
      const text = sign.repeat(3_000)
      const shown = await expectWhole(await told(text), text)
      for (const { body } of shown) expectSame(signsIn(body), sign.repeat(signsIn(body).length / sign.length))
    })

    test('of one block of code has it closed and opened again in each message', async () => {
      const lines = Array.from({ length: 6_000 }, (_, i) => `  w${i}(x${i});`)
      const code = `Before.\n\n\`\`\`ts\n${lines.join('\n').slice(0, long)}\n\`\`\`\n\nAfter.`
      const shown = await expectWords(await told(code), code)
      expect(shown.length).toBeLessThanOrEqual(Math.ceil(code.length / most) + 1)
      expectSame(inCode(shown), wordsIn(lines.join('\n').slice(0, long)).join(' '))
      // Its lines are the lines it had.
      const known = new Set(code.split('\n'))
      expect(shown.flatMap(({ body }) => linesOf(body)).filter(({ text, code }) => code && !known.has(text))).toEqual(
        [],
      )
    })

    test('of blocks of code and paragraphs by turns keeps the one apart from the other', async () => {
      const parts = Array.from({ length: 60 }, (_, i) => [
        `Paragraph p${i} ${'of words '.repeat(60)}.`,
        `\`\`\`\n${Array.from({ length: 40 }, (_, line) => `c${i}x${line} = 1`).join('\n')}\n\`\`\``,
      ])
      const text = parts.flat().join('\n\n')
      const shown = await expectWords(await told(text), text)
      expectSame(inCode(shown), wordsIn(parts.map(([, code]) => linesIn(code!)).join('\n')).join(' '))
    })

    test('of tables loses no cell and has none twice', async () => {
      const tables = Array.from({ length: 40 }, (_, t) => {
        const rows = Array.from({ length: 12 }, (_, r) => `| a${t}x${r} | b${t}x${r} | c${t}x${r} |`)
        return `Table t${t}:\n\n| h${t} | i${t} | j${t} |\n|---|:-:|--:|\n${rows.join('\n')}`
      })
      const text = tables.join('\n\n')
      await expectWords(await told(text), text)
    })

    test('with a table of wide cells and one of very many rows shows each cell once', async () => {
      const wide = `| k1 | k2 |\n|---|---|\n| ${words(40, 1_000)} | ${words(40, 2_000)} |`
      const rows = Array.from({ length: 3_000 }, (_, r) => `| r${r} | s${r} |`).join('\n')
      const text = `Wide:\n\n${wide}\n\nLong:\n\n| m1 | m2 |\n|---|---|\n${rows}\n\nThe end.`
      const found = wordsIn(textOf(await expectAtRest(await told(text))))
      const wanted = new Set(wordsIn(text))
      const cells = found.filter((word) => /^[a-z]\d+$/.test(word) && wanted.has(word)).sort()
      expectSame(
        cells.join(' '),
        [...wanted]
          .filter((word) => /^[a-z]\d+$/.test(word))
          .sort()
          .join(' '),
      )
    })
  })
}

const linesIn = (block: string): string => block.split('\n').slice(1, -1).join('\n')

/** The words that stand in code, message by message: what is not closed in one is not code in the next. */
function inCode(shown: readonly Shown[]): string {
  return shown
    .flatMap(({ body }) => linesOf(body).filter(({ code }) => code))
    .flatMap(({ text }) => wordsIn(text))
    .join(' ')
}
