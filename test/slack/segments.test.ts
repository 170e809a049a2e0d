import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { zeroWidth } from '../../adapters/slack/guard.ts'
import { createRenderer, render } from '../../adapters/slack/markdown.ts'
import {
  type Content,
  createPacker,
  joined,
  type MessageLimits,
  type Part,
  pack,
  postLimits,
  streamLimits,
} from '../../adapters/slack/segments.ts'
import { markdownText } from './texts.ts'

const small: MessageLimits = { bytes: 400, chars: 400, tables: true, soft: 1 }
const textOf = (parts: readonly Part[]): string =>
  parts.map((part) => ('text' in part ? part.text : part.table.rows.map((row) => row.join('|')).join('\n'))).join('')

/** The messages of an answer that came in pieces, each as it stands in the end. */
function stream(
  text: string,
  sizes: readonly number[],
  limits: MessageLimits,
): { messages: Part[][]; contents: Content[] } {
  const renderer = createRenderer()
  const packer = createPacker(limits)
  const goes: Part[][][] = [[]]
  const contents: Content[] = []
  const take = (batch: Content[]): void => {
    for (const [index, content] of batch.entries()) {
      if (index > 0) goes.push([])
      goes.at(-1)!.push(content.parts)
      contents.push(content)
    }
  }
  let at = 0
  for (const size of sizes) {
    take(packer.add(renderer.push(text.slice(at, at + size))))
    at += size
  }
  take(packer.add([...renderer.push(text.slice(at)), ...renderer.end()]))
  return { messages: goes.map(joined), contents }
}

describe('a long answer', () => {
  test('is cut at its paragraphs', () => {
    const paragraph = `${'words and '.repeat(12)}more.\n\n`
    const messages = pack(render(paragraph.repeat(10)), small)
    expect(messages.length).toBe(5)
    for (const { parts } of messages) expect(textOf(parts)).toMatch(/^words.*more\.\n\n$/s)
  })

  test('of 100,000 characters takes as few messages as the limits allow', () => {
    const text = `${'A sentence of some length, as they come. '.repeat(10)}\n\n`.repeat(300).slice(0, 100_000)
    const messages = pack(render(text), postLimits)
    expect(messages.length).toBe(Math.ceil(100_000 / (postLimits.chars - 500)))
    expect(messages.map(({ parts }) => textOf(parts)).join('')).toBe(text)
  })

  test('has its code block closed and opened again', () => {
    const code = `Look:\n\n\`\`\`ts\n${'const a = 1\n'.repeat(60)}\`\`\`\n\nDone.`
    const messages = pack(render(code), small).map(({ parts }) => textOf(parts))
    expect(messages.length).toBeGreaterThan(2)
    for (const text of messages) expect(text.match(/^```/gm)?.length ?? 0).toBe(text.includes('const') ? 2 : 0)
    expect(messages[1]).toMatch(/^```ts\nconst/)
    expect(messages[0]).toMatch(/\n```\n$/)
  })

  test('has one table block in a message, and further ones as code', () => {
    const table = '| a | b |\n|---|---|\n| 1 | 2 |\n\n'
    const [message] = pack(render(table + table), postLimits)
    expect(message!.parts.map((part) => Object.keys(part)[0])).toEqual(['table', 'text'])
    expect(textOf([message!.parts[1]!])).toContain('```\na   | b')
  })

  test('a table that is too large for a block is code', () => {
    const table = `| a | b |\n|---|---|\n${'| some | cells |\n'.repeat(120)}`
    const messages = pack(render(table), postLimits)
    expect(messages.length).toBe(1)
    expect(textOf(messages[0]!.parts)).toMatch(/^```\n.*```\n$/s)
  })
})

/** What a reader sees of all messages, with what was put in for the cuts taken out. */
function reassembled(messages: Part[][]): string {
  return messages.map(textOf).join('').replaceAll(zeroWidth, '')
}

test('no message passes its limits, in any pieces', () => {
  fc.assert(
    fc.property(markdownText({ long: true }), fc.array(fc.nat({ max: 200 })), (text, sizes) => {
      const { messages } = stream(text, sizes, { ...small, soft: 0.8 })
      for (const parts of messages) {
        expect(Buffer.byteLength(textOf(parts))).toBeLessThanOrEqual(small.bytes)
        expect(parts.filter((part) => 'table' in part).length).toBeLessThanOrEqual(1)
      }
    }),
    { numRuns: 400 },
  )
})

test('put together again, the messages are the answer', () => {
  const prose = markdownText({ long: true, tables: false }).map((text) =>
    text.replaceAll(/[`~]/g, "'").replaceAll(zeroWidth, ''),
  )
  fc.assert(
    fc.property(prose, fc.array(fc.nat({ max: 200 })), (text, sizes) => {
      const { messages, contents } = stream(text, sizes, { ...small, soft: 0.8 })
      expect(reassembled(messages)).toBe(text)
      expect(contents.at(-1)!.end.offset).toBe(text.length)
    }),
    { numRuns: 600 },
  )
})

test('code blocks are whole in every message, and no line of them is lost', () => {
  const line = fc.constantFrom('let a = 1', '', '  indented', 'x'.repeat(90), '~~~', '日本語')
  const block = fc
    .tuple(fc.constantFrom('```', '````', '~~~~', '  ```'), fc.array(line, { maxLength: 40 }))
    .map(([fence, lines]) => `${fence}js\n${lines.map((one) => `${one}\n`).join('')}${fence}\n\nText.\n\n`)
  fc.assert(
    fc.property(fc.array(block, { maxLength: 5 }), fc.array(fc.nat({ max: 100 })), (blocks, sizes) => {
      const text = blocks.join('')
      const { messages } = stream(text, sizes, { ...small, soft: 0.8 })
      const kept = (source: string): string =>
        source
          .split('\n')
          .filter((one) => !/^\s*(`{3,}|~{4,})(js)?$/.test(one))
          .join('\n')
          .replaceAll(/\n+/g, '\n')
      expect(kept(reassembled(messages))).toBe(kept(text))
      for (const parts of messages) {
        const fences = textOf(parts)
          .split('\n')
          .filter((one) => /^\s*(`{3,}|~{4,})(js)?$/.test(one))
        expect(fences.length % 2).toBe(0)
      }
    }),
    { numRuns: 400 },
  )
})

test('what was sent up to any place and what is rendered from there are the whole', () => {
  const prose = markdownText({ long: true, tables: false }).map((text) =>
    text.replaceAll(/[`~]/g, "'").replaceAll(zeroWidth, ''),
  )
  fc.assert(
    fc.property(prose, fc.array(fc.nat({ max: 60 }), { minLength: 1 }), fc.nat(), (text, sizes, pick) => {
      const { contents } = stream(text, sizes, small)
      const { start } = contents[pick % contents.length]!
      const rest = pack(render(text.slice(start.offset), start), postLimits, start)
      const seen = rest
        .map(({ parts }) => textOf(parts))
        .join('')
        .replaceAll(zeroWidth, '')
      expect(seen.trim()).toBe(text.slice(start.offset).trim())
    }),
    { numRuns: 400 },
  )
})

test('a streamed message stays under what Slack was seen to end them at', () => {
  const text = 'Ein Satz mit Überlänge und 日本語 dazu. '.repeat(900)
  const { messages } = stream(
    text,
    Array.from({ length: 300 }, () => 120),
    streamLimits,
  )
  for (const parts of messages) expect(Buffer.byteLength(textOf(parts))).toBeLessThan(9_000)
  expect(reassembled(messages)).toBe(text)
})
