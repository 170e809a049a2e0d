import fc from 'fast-check'
import { marked } from 'marked'
import { describe, expect, it } from 'vitest'
import { settledLength } from '../../views/assets/growing.js'
import { createMarkdown } from '../../views/assets/markdown.js'

const render = createMarkdown({ marked })

describe('an answer that grows', () => {
  it('is settled up to its last block', () => {
    const settled = (text: string) => text.slice(0, settledLength(marked, text))
    expect(settled('One.')).toBe('')
    expect(settled('One.\n\nTwo')).toBe('')
    expect(settled('One.\n\nTwo\n')).toBe('One.\n\n')
    expect(settled('1. a\n\n2\n')).toBe('1. a\n\n')
    expect(settled('One.\n\n')).toBe('')
    expect(settled('- a\n- b\n\n')).toBe('')
    expect(settled('```js\nlet x\n\nlet y')).toBe('')
    expect(settled('```js\nlet x\n```\n\nAnd\n')).toBe('```js\nlet x\n```\n\n')
    expect(settled('# A\n\ntext\n\n| a |\n|---|\n| 1\n')).toBe('# A\n\ntext\n\n')
  })

  it('rendered in settled pieces reads like rendered whole, wherever it was cut', () => {
    const block = fc.constantFrom(
      'A paragraph of words.',
      'Two lines\nof words.',
      '# A heading',
      '- a\n- b',
      '1. a\n2. b',
      '```js\nlet x = 1\n\nlet y = 2\n```',
      '> quoted',
      '| a | b |\n|---|---|\n| 1 | 2 |',
      '---',
      '**bold** and `code`',
    )
    // Levels of headings follow from what came before, which a piece does not know.
    const plain = (html: string) => html.replaceAll(/<(\/?)h\d/g, '<$1h').replaceAll(/\s+/g, ' ')
    fc.assert(
      fc.property(fc.array(block, { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 30 }), (blocks, step) => {
        const text = blocks.join('\n\n')
        let done = 0
        let html = ''
        for (let end = step; done < text.length; end += step) {
          const upTo = Math.min(end, text.length)
          const more = settledLength(marked, text.slice(done, upTo))
          html += render(text.slice(done, done + more))
          done += more
          if (upTo === text.length) {
            html += render(text.slice(done))
            break
          }
        }
        expect(plain(html).trim()).toBe(plain(render(text)).trim())
      }),
    )
  })
})
