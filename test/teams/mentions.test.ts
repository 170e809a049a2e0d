import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Entity } from '../../adapters/teams/activity.ts'
import { mentions, outsideCode, peopleIn, readable, withMentions } from '../../adapters/teams/mentions.ts'

const us = '28:bot'
const at = (name: string, id: string): Entity => ({
  type: 'mention',
  text: `<at>${name}</at>`,
  mentioned: { id, name },
})
const read = (text: string, entities: Entity[] = [at('Aide', us)], format?: string): string =>
  readable(text, { entities, us, format })

describe('a message that came in', () => {
  test('loses every mention of us', () => {
    expect(read('<at>Aide</at>&nbsp;hello <at>Aide</at>, you')).toBe('hello , you')
    expect(read('Well <at>Aide</at> what now')).toBe('Well  what now')
  })

  test('names others readably, as many as there are', () => {
    const entities = [at('Aide', us), at('Ana Marsh', '29:ana'), at('R&amp;D', '29:rd')]
    expect(read('<at>Aide</at> ask <at>Ana Marsh</at> and <at>R&amp;D</at>', entities)).toBe('ask @Ana Marsh and @R&D')
    expect(read('ask <at id="0">Ana <b>M</b></at> or <at>Ben</at>', [])).toContain('@Ben')
  })

  test('survives mentions without text or people', () => {
    expect(
      read('hello', [{ type: 'mention' }, { type: 'mention', text: null, mentioned: null }, { type: 'clientInfo' }]),
    ).toBe('hello')
  })

  test('keeps what a person typed', () => {
    expect(read('mail ana@marsh.example & use a < b, &lt;b&gt;')).toBe('mail ana@marsh.example & use a < b, <b>')
    expect(read('say <div>hi</div> there')).toBe('say <div>hi</div> there')
    expect(read('run `a&nbsp;&lt;b <at>Aide</at>` and\n```\n<at>Aide</at>&nbsp;\n```\nnow')).toBe(
      'run `a&nbsp;&lt;b <at>Aide</at>` and\n```\n<at>Aide</at>&nbsp;\n```\nnow',
    )
    expect(read('&amp;lt; once')).toBe('&lt; once')
  })

  test('loses its markup where it is nothing but markup', () => {
    const html =
      '<div><p>Hello&nbsp;<b>there</b><br>second</p><ul><li>one</li><li>two</li></ul><p><a href="https://x.example/?a=1&amp;b=2">link</a></p>' +
      '<pre><code>if (a &lt; b) {\n  c\n}</code></pre><p>use <code>x</code></p><script>alert(1)</script><img alt="a cat" src="x"></div>'
    expect(read(html, [])).toBe(
      'Hello there\nsecond\n\n- one\n- two\nlink (https://x.example/?a=1&b=2)\n\n```\nif (a < b) {\n  c\n}\n```\nuse `x`\na cat',
    )
    expect(read('<p>only words</p>', [], 'xml')).toBe('only words')
  })

  test('of a megabyte takes no longer than it is long', () => {
    for (const piece of ['<at>', '<a ', '<', '&', ' ', '`', '<pre>', '<p></p>', '\n ', '```\n'])
      for (const format of ['plain', 'xml'])
        expect(read(piece.repeat(200_000), [at('Aide', us)], format)).toBeTypeOf('string')
  })
})

test('who is meant', () => {
  const entities = [at('Aide', us), at('Ana', '29:ana'), at('Ana', '29:ana')]
  expect(mentions(entities, us)).toBe(true)
  expect(mentions(entities, '28:other')).toBe(false)
  expect(peopleIn(entities, us)).toEqual([{ id: '29:ana', name: 'Ana' }])
})

describe('an answer that names people', () => {
  const people = [
    { id: '29:ana', name: 'Ana' },
    { id: '29:marsh', name: 'Ana Marsh' },
    { id: '29:x', name: 'A & <B>' },
  ]

  test('mentions each of them once, the longest name first', () => {
    expect(withMentions('Ask @Ana Marsh, then @Ana and @Ana again.', people)).toEqual({
      text: 'Ask <at>Ana Marsh</at>, then <at>Ana</at> and @Ana again.',
      entities: [
        { type: 'mention', text: '<at>Ana Marsh</at>', mentioned: { id: '29:marsh', name: 'Ana Marsh' } },
        { type: 'mention', text: '<at>Ana</at>', mentioned: { id: '29:ana', name: 'Ana' } },
      ],
    })
    expect(withMentions('@A & <B>', people).text).toBe('<at>A &amp; &lt;B&gt;</at>')
  })

  test('but not in code, e-mail addresses and longer words', () => {
    for (const text of ['`@Ana`', '```\n@Ana\n```', 'x@Ana.example', '@Anaconda', '@ana', 'me.x@Ana', '@Someone'])
      expect(withMentions(text, people)).toEqual({ text, entities: [] })
    expect(withMentions('@Ana', [])).toEqual({ text: '@Ana', entities: [] })
  })

  test('every mention in the text has its entity and the other way round', () => {
    const bits = fc.constantFrom('@Ana', '@Ana Marsh', ' ', '`', '```\n', '\n', 'x', '.', '@A & <B>')
    fc.assert(
      fc.property(fc.array(bits, { maxLength: 20 }), (parts) => {
        const { text, entities } = withMentions(parts.join(''), people)
        const marks = text.match(/<at>.*?<\/at>/g) ?? []
        expect([...marks].sort()).toEqual(entities.map((entity) => String(entity.text)).sort())
      }),
    )
  })
})

test('code and the rest of a text are all of it', () => {
  const bits = fc.constantFrom('`', '``', '```', '~~~', '\n', 'word', ' ', '```js\n')
  fc.assert(
    fc.property(fc.array(bits, { maxLength: 30 }), (parts) => {
      const text = parts.join('')
      expect(outsideCode(text, (part) => part)).toBe(text)
    }),
  )
})
