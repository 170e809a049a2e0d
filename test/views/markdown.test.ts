import fc from 'fast-check'
import { marked } from 'marked'
import { describe, expect, it } from 'vitest'
import { createMarkdown, safeLink } from '../../views/assets/markdown.js'
import { hostile } from './hostile.ts'

const render = createMarkdown({ marked })

/** Every tag of the result, with its attributes. */
const tags = (html: string) => html.match(/<[^>]*>/g) ?? []

const ours = new RegExp(
  `^</?(?:${[
    '(?:strong|em|del|li|br|hr|thead|tbody|tr|pre|code|div|span|p)',
    'li class="task"',
    'p dir="auto"',
    'p class="raw"(?: dir="auto")?',
    'h[3-6](?: class="heading-[1-6]" dir="auto")?',
    '(?:ul|blockquote|table)(?: dir="auto")?',
    'ol(?: start="\\d+")?(?: dir="auto")?',
    't[hd](?: scope="col")?(?: class="align-(?:left|right|center)")?',
    'a(?: href="(?:https?://|mailto:)[^"<>]*" target="_blank" rel="noopener noreferrer nofollow")?',
    'span class="(?:code-language|checkbox(?: checked)?)"(?: role="img" aria-label="(?:Done|To do)")?',
    'div class="code" dir="ltr"',
    'div class="code-head"',
    'div class="table" role="group" aria-label="Table" tabindex="0"',
    'pre tabindex="0"',
    'code class="language-[\\w+#.-]+"',
  ].join('|')})>$`,
  'i',
)

const foreign = (text: string) => tags(render(text)).filter((tag) => !ours.test(tag))

describe('Markdown', () => {
  it('becomes what it says', () => {
    expect(render('**bold** *italic* ~~gone~~ `code`')).toBe(
      '<p dir="auto"><strong>bold</strong> <em>italic</em> <del>gone</del> <code>code</code></p>\n',
    )
    expect(render('one\ntwo')).toBe('<p dir="auto">one<br>two</p>\n')
    expect(render('3. three\n4. four')).toContain('<ol start="3" dir="auto">')
    expect(render('- [x] yes\n- [ ] no')).toMatch(/aria-label="Done"[\s\S]*aria-label="To do"/)
    expect(render('')).toBe('')
  })

  it('shows raw HTML as text, and takes only line breaks for what they are', () => {
    expect(render('a <b>b</b>')).toBe('<p dir="auto">a &lt;b&gt;b&lt;/b&gt;</p>\n')
    expect(render('<div>\nx\n</div>')).toBe('<p class="raw">&lt;div&gt;\nx\n&lt;/div&gt;</p>\n')
    expect(render('| a |\n|---|\n| 1<br>2 |')).toContain('1<br>2')
    expect(render('1 < 2 & 3 > 2 &copy; &lt;')).toContain('1 &lt; 2 & 3 &gt; 2 &copy; &lt;'.replace(' & ', ' &amp; '))
  })

  it('links to the web and to mail, and to nothing else', () => {
    expect(render('[x](https://example.com/?a=1&b=2)')).toContain(
      '<a href="https://example.com/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer nofollow">x</a>',
    )
    expect(render('https://example.com/?a=1&copy=2')).toContain('href="https://example.com/?a=1&amp;copy=2"')
    expect(render('a@b.example')).toContain('href="mailto:a@b.example"')
    for (const href of ['javascript:x', '/path', '//host', '#top', 'data:text/html,x', 'https:', 'https://a b'])
      expect(safeLink(href)).toBeUndefined()
    expect(render('[x](/logout)')).toBe('<p dir="auto">x</p>\n')
  })

  it('shows images as links, since loading them would tell a stranger who reads', () => {
    expect(render('![a cat](https://example.com/cat.png)')).toContain('>a cat</a>')
    expect(render('![](https://example.com/cat.png)')).toContain('>https://example.com/cat.png</a>')
    expect(render('[![a cat](https://example.com/cat.png)](https://example.com)').match(/<a /g)).toHaveLength(1)
  })

  it('labels code with its language, also before the block is closed', () => {
    expect(render('```ts\nlet x = 1 < 2\n```')).toContain('<span class="code-language">TypeScript</span>')
    expect(render('```ts\nlet x = 1 < 2')).toContain('<code class="language-ts">let x = 1 &lt; 2\n</code>')
    expect(render('```\nx\n```')).toContain('<span class="code-language">Code</span>')
    expect(render('```constructor\nx\n```')).toContain('language-constructor')
  })

  it('goes on from the headings of the page without leaving out a level', () => {
    const levels = (text: string) => render(text).match(/<h\d/g)
    expect(levels('# a\n## b\n### c\n#### d\n##### e')).toEqual(['<h3', '<h4', '<h5', '<h6', '<h6'])
    expect(levels('#### a\n# b\n###### c')).toEqual(['<h3', '<h3', '<h4'])
  })

  it.each(hostile)('has no markup but ours: %j', (text) => {
    expect(foreign(text)).toEqual([])
  })

  it('has no markup but ours, however the pieces are put together', () => {
    const piece = fc.oneof(
      fc.constantFrom(...hostile),
      fc.constantFrom(
        '[',
        ']',
        '(',
        ')',
        '<',
        '>',
        '`',
        '```',
        '\n',
        '\n\n',
        '*',
        '_',
        '|',
        '"',
        "'",
        '&',
        '#',
        '!',
        '\\',
        ' ',
      ),
      fc.string(),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        expect(foreign(pieces.join(''))).toEqual([])
      }),
      { numRuns: 2_000 },
    )
  })

  // Each of these took the parser alone between a second and minutes; the test's own limit is the measure.
  it.each([
    ['emphasis', '_a*'.repeat(30_000)],
    ['bold', '**a'.repeat(33_000)],
    ['words with marks', 'a_'.repeat(50_000)],
    ['brackets', '['.repeat(50_000)],
    ['open links', '[a]('.repeat(25_000)],
    ['quotes in quotes', '>'.repeat(50_000)],
    ['lists in lists', '- '.repeat(50_000)],
    ['lists in lists, line by line', Array.from({ length: 300 }, (_, at) => `${'  '.repeat(at)}- a`).join('\n')],
    ['blanks and marks', `${' '.repeat(200)}- `.repeat(500)],
    ['tags', '<a '.repeat(30_000)],
    ['backticks', Array.from({ length: 400 }, (_, at) => '`'.repeat(at)).join(' ')],
    ['addresses', 'a@'.repeat(50_000)],
    ['struck', '~~a '.repeat(25_000)],
  ])('takes bounded time for hostile text: %s', (_name, text) => {
    expect(render(text).length).toBeGreaterThan(0)
  })

  it('shows what is nested deeper than it can read as it was written', () => {
    const text = `${'> '.repeat(50_000)}<b>x</b>`
    expect(foreign(text)).toEqual([])
    expect(render(text)).toContain('&lt;b&gt;x&lt;/b&gt;')
  })
})
