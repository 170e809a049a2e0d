import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { clean, cleanLine, safeNext } from '../../adapters/web/text.ts'

describe('text of a message', () => {
  test.each([
    ['Windows and old Mac newlines', 'a\r\nb\rc\u0085d', 'a\nb\nc\nd'],
    ['control characters', 'a\u0000b\u0007c\u001b[31md\u009b', 'abc[31md'],
    ['tabs and newlines stay', 'a\tb\n\nc', 'a\tb\n\nc'],
    ['halves of characters', 'a\ud83d b \udc4d', 'a\ufffd b \ufffd'],
    ['whole characters beyond the first plane stay', '👍🏽', '👍🏽'],
    ['marks for the direction of writing stay', '\u202eשלום\u202c', '\u202eשלום\u202c'],
    ['blanks around it', ' \u00a0\n text \t\n', 'text'],
    ['nothing but what is dropped', ' \u0000\r\n ', ''],
    ['nothing that can be seen', '\u200b\u2060\n\ufeff\u202e', ''],
    ['what is unseen between what is seen stays', '\u200ba\u200db', '\u200ba\u200db'],
  ])('%s', (_, before, after) => {
    expect(clean(before)).toBe(after)
  })

  test('is well formed, trimmed and as it was after a second time, whatever comes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const once = clean(text)
        expect(once.isWellFormed()).toBe(true)
        expect(clean(once)).toBe(once)
      }),
    )
  })

  test('is one line where it is a title', () => {
    expect(cleanLine(' two\r\n  lines\tand a tab ')).toBe('two lines and a tab')
  })
})

describe('the way after the sign-in', () => {
  test.each([
    ['/c/abc?before=3', '/c/abc?before=3'],
    ['/', '/'],
  ])('leads to %s', (next, to) => {
    expect(safeNext(next, '')).toBe(to)
  })

  test.each([
    'https://evil.example/',
    '//evil.example/',
    '/\\evil.example/',
    '\\\\evil.example',
    '/\t/evil.example',
    '/\n/evil.example',
    '/./\\evil.example',
    '/..//evil.example',
    'javascript:alert(1)',
    ' /c/abc',
    '',
    `/${'a'.repeat(3_000)}`,
    ['/c/abc'],
    undefined,
  ])('never leaves the house by %j', (next) => {
    expect(safeNext(next, '')).toBe('/')
  })

  test('stays in the sub-path', () => {
    expect(safeNext('/bot/c/abc', '/bot')).toBe('/bot/c/abc')
    for (const next of ['/other', '/bot/../other', '/bother', '/', '//bot/'])
      expect(safeNext(next, '/bot')).toBe('/bot/')
  })
})
