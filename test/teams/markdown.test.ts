import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRenderer, render } from '../../adapters/teams/markdown.ts'

const text = (markdown: string): string => render(markdown).text

describe('what Teams does not render', () => {
  test('headings are bold', () => {
    expect(text('# Title\nwords\n\n### **Sub** title ##\n- one')).toBe('**Title**\n\nwords\n\n**Sub title**\n\n- one')
    expect(text('#hashtag and # no heading')).toBe('#hashtag and # no heading')
  })

  test('narrow tables are lines of equal columns in a code block', () => {
    expect(text('Prices:\n\n| Fruit | € |\n|:--|--:|\n| **Apple** | 1 |\n| `Fig` | 10 |\n\nThat is all.')).toBe(
      'Prices:\n\n```\nFruit |   €\n------|----\nApple |   1\nFig   |  10\n```\n\nThat is all.',
    )
  })

  test('wide ones go along as cards of version 1.5, which Teams shows everywhere', () => {
    const wide = 'a long cell with many words in it, more than anyone reads in a code block'
    const { text, cards } = render(`Look:\n\n| A | B |\n|---|:-:|\n| ${wide} | ${wide} |\n`)
    expect(text).toBe('Look:\n\n*Table 1 is below.*')
    expect(cards).toMatchObject([
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        content: {
          version: '1.5',
          body: [{ text: 'Table 1' }, { type: 'Table', columns: [{}, { horizontalCellContentAlignment: 'center' }] }],
        },
      },
    ])
    expect(JSON.stringify(cards)).toContain(wide)
  })

  test('a table of too many words stays in the text', () => {
    const row = `| ${'word '.repeat(200)} | b |\n`
    const { text, cards } = render(`| A | B |\n|---|---|\n${row.repeat(20)}`)
    expect(cards).toEqual([])
    expect(text.startsWith('```\nA')).toBe(true)
  })

  test('cells with pipes, rows too long and too short, and wide letters keep their columns', () => {
    expect(text('| a | b |\n|---|---|\n| x \\| y | 你好 |\n| one |\n| 1 | 2 | 3 |')).toBe(
      '```\na     | b\n------|------\nx | y | 你好\none   |\n1     | 2 | 3\n```'.replace(
        '------|------',
        '------|------',
      ),
    )
  })

  test('what only looks like a table stays as it is', () => {
    expect(text('| a | b |\nwords')).toBe('| a | b |  \nwords')
    expect(text('| a | b |\n|---|\n| c | d |')).toBe('| a | b |  \n|---|  \n| c | d |')
  })

  test('pictures are links, HTML is text', () => {
    expect(text('See ![a cat](https://x.example/cat.png)!')).toBe('See [a cat](https://x.example/cat.png)!')
    expect(text('<b>no</b> a < b <at>Ana</at> <!-- x --> \\<i>')).toBe(
      '&lt;b>no&lt;/b> a < b &lt;at>Ana&lt;/at> &lt;!-- x --> \\<i>',
    )
  })

  test('lines that a person would see apart stay apart', () => {
    expect(text('one\ntwo\n\nthree\n- a\n- b\n> q\nfour')).toBe('one  \ntwo\n\nthree\n- a\n- b\n> q\nfour')
  })
})

describe('code', () => {
  test('is untouched', () => {
    const code = '```html\n# no heading\n| a | b |\n|---|---|\n<b>![x](y)</b>\n\n  indented\n```'
    expect(text(code)).toBe(code)
    expect(text('Use `<b>` and ``![x](y) ` <i>`` here <b>')).toBe('Use `<b>` and ``![x](y) ` <i>`` here &lt;b>')
  })

  test('that the answer left open is closed', () => {
    expect(text('```js\nlet a')).toBe('```js\nlet a\n```')
    expect(text('~~~~\na\n~~~\nb')).toBe('~~~~\na\n~~~\nb\n~~~~')
  })
})

const bits = fc.constantFrom(
  ...[
    'word',
    ' ',
    '  ',
    '\n',
    '\n\n',
    '# ',
    '## x',
    '| a | b |',
    '|---|---|',
    '|',
    '```',
    '```js',
    '~~~',
    '`',
    '``',
    '<',
    '<b>',
    '![a](b)',
  ],
  ...[
    '!',
    '[',
    '- ',
    '1. ',
    '12',
    '> ',
    '**',
    '_',
    '\\',
    '\r\n',
    '👍',
    '你',
    '&lt;',
    'https://x.example/a_b',
    '---',
    '===',
    '\u0000',
  ],
)
const markdown = fc.array(bits, { maxLength: 40 }).map((parts) => parts.join(''))

test('in whatever pieces it comes the output is the same, and what is out never changes', () => {
  fc.assert(
    fc.property(markdown, fc.array(fc.nat({ max: 7 }), { minLength: 1, maxLength: 30 }), (source, sizes) => {
      const whole = render(source)
      const renderer = createRenderer()
      let shown = ''
      for (let at = 0, turn = 0; at < source.length; turn++) {
        const size = 1 + sizes[turn % sizes.length]!
        renderer.push(source.slice(at, at + size))
        at += size
        expect(renderer.text.startsWith(shown)).toBe(true)
        shown = renderer.text
        expect(shown.isWellFormed()).toBe(true)
        expect(whole.text.startsWith(shown)).toBe(true)
      }
      renderer.end()
      expect(renderer.text).toBe(whole.text)
      expect(renderer.cards).toEqual(whole.cards)
    }),
    { numRuns: 2_000 },
  )
})

test('prose comes out as it comes in, all but what the next character decides', () => {
  const renderer = createRenderer()
  for (const word of ['Hello', ' my', ' friend', '!']) renderer.push(word)
  expect(renderer.text).toBe('Hello my friend')
  renderer.push(' How')
  expect(renderer.text).toBe('Hello my friend! How')
})

test('a megabyte of anything takes no longer than it is long', () => {
  for (const piece of ['|', '`', '<', '# ', '```\n', '| a ', '\\', '> ', '- ', ' ', '!['])
    expect(text(piece.repeat(300_000)).length).toBeGreaterThanOrEqual(0)
})
