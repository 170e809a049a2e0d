import { expect, test } from 'vitest'
import { renderMarkdown as render } from '../../adapters/web/markdown.ts'
import { isHonest as judged } from '../../src/links.ts'
import { isHonest } from '../../views/assets/markdown.js'

const labels = [
  ...['here', 'the bank', 'bank.example', 'www.bank.example', 'https://bank.example', 'https://bank.example/a?b#c'],
  ...[
    '**bank.example**',
    ' bank.example ',
    '`bank.example`',
    'help@bank.example',
    'README.md',
    'bank.example@evil.example',
  ],
  ...['https://bank.example@evil.example', 'münchen.example', 'http://[::1]/', 'a.b', 'see bank.example', '1.5'],
]
const targets = [
  ...['https://bank.example', 'http://www.bank.example/x', 'https://evil.example', 'https://bank.example.evil.example'],
  ...['https://bank.example@evil.example', 'mailto:help@bank.example', 'mailto:help@evil.example', 'https://[::1]/'],
  'https://xn--mnchen-3ya.example/',
]

test('the page finds the links honest that the other surfaces do', () => {
  for (const label of labels) {
    for (const target of targets) {
      const asked = { label, target }
      expect({ ...asked, honest: isHonest(label, target) }).toEqual({ ...asked, honest: judged(label, target) })
    }
  }
})

test('a link that does not go where its words say is shown with its target', () => {
  expect(render('[bank.example](https://evil.example/)')).toMatch(
    /^<p dir="auto">bank\.example \(<a href="https:\/\/evil\.example\/"[^>]*>https:\/\/evil\.example\/<\/a>\)<\/p>\n$/,
  )
  expect(render('![bank.example](https://evil.example/x.png)')).toContain('>https://evil.example/x.png</a>')
  expect(render('[bank&period;example](https://evil.example/)')).toContain('>https://evil.example/</a>')
  expect(render('[bank&#46;example](https://evil.example/)')).toContain('>https://evil.example/</a>')
  expect(render('[Q&A at bank.example](https://bank.example/a?b=1&c=2)')).toMatch(/^<p dir="auto"><a [^>]*>Q&amp;A/)
})
