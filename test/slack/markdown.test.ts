import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { zeroWidth } from '../../adapters/slack/guard.ts'
import { createRenderer, type Piece, render } from '../../adapters/slack/markdown.ts'
import { alignedLines, fitsBlock, tableBlock } from '../../adapters/slack/tables.ts'
import { markdownText } from './texts.ts'

const textOf = (pieces: readonly Piece[]): string =>
  pieces.map((piece) => ('text' in piece ? piece.text : piece.instead.map(({ text }) => text).join(''))).join('')
const shown = (text: string): string => textOf(render(text))
const visible = (text: string): string => shown(text).replaceAll(zeroWidth, '')

describe('nothing a model writes can ping', () => {
  test.each([
    '<!channel>',
    'Hello <!here> all',
    '<!everyone|everyone>',
    '<!subteam^S012|@team>',
    '<!date^1392734382^{date}|soon>',
    '<@U0123ABC>',
    '<@W0123ABC|someone>',
    'in `<@U0123ABC>` code',
    '```\n<!channel>\n```\n',
    '[<!channel>](https://example.com)',
    '<#C0123|general>',
    '| a | b |\n|---|---|\n| <!channel> | <@U123> |\n',
  ])('%j', (text) => {
    expect(shown(text)).not.toMatch(/<[!@#][a-zA-Z]/)
  })

  test('in plain words either', () => {
    expect(shown('@channel, see: @here and @everyone.')).not.toMatch(/@(channel|here|everyone)/)
    expect(shown('mail me@here.example')).toBe('mail me@here.example')
    expect(shown('@channels are fine')).toBe('@channels are fine')
  })

  test('and HTML, generics and comparisons stay as they are', () => {
    const text = 'a < b, List<String>, <!DOCTYPE html>, <!-- note -->, #include <stdio.h>, 1 <# 2\n'
    expect(shown(text)).toBe(text)
  })
})

describe('a link goes where it says', () => {
  test.each([
    '[our site](https://example.com/a_(b))',
    '[example.com](https://example.com/path)',
    '[https://www.example.com](https://example.com)',
    '[Node.js](https://nodejs.org)',
    '[README.md](https://example.com/x)',
    '[write us](mailto:a@example.com)',
    'https://example.com and <https://example.com>',
    '![a picture](https://example.com/a.png "title")',
    'array[0] and [a] [b] [x]',
    'call(f)[1](2) is code to no one'.replace('[1](2)', '[1]'),
  ])('%j is left alone', (text) => {
    expect(shown(text)).toBe(text)
  })

  test.each([
    '[https://bank.example](https://evil.example)',
    '[bank.com](https://evil.com)',
    '[www.bank.com](https://evil.com)',
    '[**bank.com**](https://evil.com)',
    '[me@bank.com](https://evil.com)',
    '[click](javascript:alert(1))',
    '[open](slack://user?team=T1)',
    '[see](data:text/html,x)',
    '[bank.com [here]](https://evil.com)',
    '[bank\n.com](https://evil.com)',
    `[${'x'.repeat(400)}](https://evil.com)`,
    '[bank.com]: https://evil.com',
    '<https://evil.com|bank.com>',
    '[pay](https://evil.com',
  ])('%j is shown with its target', (text) => {
    const out = shown(text)
    expect(out).not.toMatch(/\](\(|:)|<https?:[^>]*\|/)
    expect(visible(text)).toBe(text)
  })
})

describe('tables', () => {
  const table = '| Name | Count |\n|:-----|------:|\n| **apples** | 3 |\n| `pears` \\| plums | 12 |\n'

  test('become blocks, cell by cell', () => {
    const [piece] = render(table)
    if (!piece || !('table' in piece)) throw new Error('no table')
    expect(piece.table.rows).toEqual([
      ['Name', 'Count'],
      ['apples', '3'],
      ['pears | plums', '12'],
    ])
    expect(tableBlock(piece.table).column_settings.map(({ align }) => align)).toEqual(['left', 'right'])
    expect(piece.source).toBe(table.length)
  })

  test('and are aligned where they cannot be blocks', () => {
    const [piece] = render(table)
    if (!piece || !('table' in piece)) throw new Error('no table')
    expect(alignedLines(piece.table)).toEqual([
      'Name          | Count',
      '--------------|------',
      'apples        |     3',
      'pears | plums |    12',
    ])
    expect(fitsBlock({ rows: Array.from({ length: 101 }, () => ['x']), align: ['left'] })).toBe(false)
  })

  test('a wide character takes two columns', () => {
    const lines = alignedLines({
      rows: [
        ['名前', 'x'],
        ['ab', 'y'],
      ],
      align: ['left', 'left'],
    })
    expect(lines).toEqual(
      ['名前 | x', '-----|----', 'ab   | y'].map((line) => line.replace('-----|----', '-----|----')),
    )
  })

  test('a line of pipes alone is no table, nor is one in code', () => {
    expect(shown('| not | a table |\nmore\n')).toBe('| not | a table |\nmore\n')
    const code = '```\n| a | b |\n|---|---|\n| 1 | 2 |\n```\n'
    expect(shown(code)).toBe(code)
  })

  test('cells that are too many are kept', () => {
    const [piece] = render('| a | b |\n|---|---|\n| 1 | 2 | 3 |\n| 4 |\n')
    expect(piece && 'table' in piece && piece.table.rows.slice(1)).toEqual([
      ['1', '2 | 3'],
      ['4', ''],
    ])
  })
})

test('text is the same however it comes in', () => {
  fc.assert(
    fc.property(markdownText(), fc.array(fc.nat({ max: 12 })), (text, sizes) => {
      const renderer = createRenderer()
      const pieces: Piece[] = []
      let at = 0
      for (const size of sizes) {
        pieces.push(...renderer.push(text.slice(at, at + size)))
        at += size
      }
      pieces.push(...renderer.push(text.slice(at)), ...renderer.end())
      expect(textOf(pieces)).toBe(shown(text))
      expect(pieces.reduce((sum, piece) => sum + piece.source, 0)).toBe(text.length)
    }),
    { numRuns: 2_000 },
  )
})

test('outside of tables every character of the model is shown, and nothing else', () => {
  fc.assert(
    fc.property(markdownText({ tables: false }), (text) => {
      expect(visible(text)).toBe(text.replaceAll(zeroWidth, ''))
    }),
    { numRuns: 2_000 },
  )
})

test('the beginning of a line is shown before its end', () => {
  const renderer = createRenderer()
  expect(textOf(renderer.push('Hello wor'))).toBe('Hello wor')
  expect(textOf(renderer.push('ld, see [the'))).toBe('ld, see ')
  expect(textOf(renderer.push(' page](https://example.com) for'))).toBe('[the page](https://example.com) for')
  expect(textOf(renderer.push(' more\n| a'))).toBe(' more\n')
})

test('hostile text takes no longer than it should', () => {
  for (const part of ['[', '](', '<', '@', '<https://', '[a](', '|', '`', '> ', '[a]:', '  ']) {
    const text = part.repeat(Math.floor(40_000 / part.length))
    const began = performance.now()
    render(text)
    // A loose bound against quadratic and worse: those take minutes.
    expect(performance.now() - began).toBeLessThan(5_000)
  }
})
