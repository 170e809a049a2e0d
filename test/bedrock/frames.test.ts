import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createFrameDecoder, FrameError, type FrameHeaders } from '../../src/bedrock/frames.ts'
import { encodeFrame, errorFrame, eventFrame, exceptionFrame } from '../support/bedrock/frames.ts'

type Taken = FrameHeaders & { payload: object }

/** Decodes bytes that come in pieces of these lengths, the rest at once. */
function decode(bytes: Buffer, lengths: readonly number[] = []): Taken[] {
  const taken: Taken[] = []
  const decoder = createFrameDecoder()
  let at = 0
  for (const length of [...lengths, bytes.length]) {
    const chunk = bytes.subarray(at, at + length)
    at += chunk.length
    if (chunk.length > 0) decoder.push(chunk, (headers, payload) => taken.push({ ...headers, payload }))
  }
  decoder.end()
  return taken
}

const delta = (text: string) => eventFrame('contentBlockDelta', { contentBlockIndex: 0, delta: { text } })

describe('frames', () => {
  test('are events, exceptions and errors, with their names', () => {
    const bytes = Buffer.concat([delta('a'), exceptionFrame('throttlingException', 'wait'), errorFrame('E1', 'oops')])
    expect(decode(bytes)).toMatchObject([
      { kind: 'event', name: 'contentBlockDelta', payload: { delta: { text: 'a' } } },
      { kind: 'exception', name: 'throttlingException', payload: { message: 'wait' } },
      { kind: 'error', name: 'E1', message: 'oops', payload: {} },
    ])
  })

  test('come out the same however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary', maxLength: 30 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 20 }),
        (texts, lengths) => {
          const bytes = Buffer.concat(texts.map((text) => delta(text.toWellFormed())))
          const taken = decode(bytes, lengths)
          expect(taken).toMatchObject(texts.map((text) => ({ payload: { delta: { text: text.toWellFormed() } } })))
        },
      ),
    )
  })

  test('may have headers of every type, in any order', () => {
    const name = (text: string) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)])
    const others = Buffer.concat([
      ...[Buffer.from([0]), Buffer.from([1]), Buffer.from([2, 7]), Buffer.from([3, 0, 7])].map((value) =>
        Buffer.concat([name('x'), value]),
      ),
      name('int'),
      Buffer.from([4, 0, 0, 0, 7]),
      name('long'),
      Buffer.from([5, 0, 0, 0, 0, 0, 0, 0, 7]),
      name('bytes'),
      Buffer.from([6, 0, 2, 1, 2]),
      name('time'),
      Buffer.from([8, 0, 0, 0, 0, 0, 0, 0, 7]),
      name('uuid'),
      Buffer.from([9, ...Array.from({ length: 16 }, () => 1)]),
      name(':event-type'),
      Buffer.from([7, 0, 3]),
      Buffer.from('abc'),
    ])
    expect(decode(withHeaders(others, '{"n":1}'))).toEqual([{ kind: 'event', name: 'abc', payload: { n: 1 } }])
  })

  test('of another kind between them are told apart though their headers are as long', () => {
    const names = ['aaaa', 'bbbb', 'aaaa']
    const bytes = Buffer.concat(names.map((name) => eventFrame(name, {})))
    expect(decode(bytes).map(({ name }) => name)).toEqual(names)
  })
})

/** A frame with these header bytes, checksums right. */
function withHeaders(headers: Buffer, payload: string): Buffer {
  const frame = Buffer.alloc(16 + headers.length + payload.length)
  frame.writeUInt32BE(frame.length, 0)
  frame.writeUInt32BE(headers.length, 4)
  return sealed(Buffer.concat([frame.subarray(0, 12), headers, Buffer.from(payload), Buffer.alloc(4)]))
}

/** The same bytes with checksums that fit them. */
function sealed(frame: Buffer): Buffer {
  frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8)
  frame.writeUInt32BE(crc32(frame.subarray(0, -4)), frame.length - 4)
  return frame
}

describe('damage', () => {
  test('of any single byte is noticed', () => {
    const whole = delta('a word')
    for (let at = 0; at < whole.length; at++) {
      const bytes = Buffer.from(whole)
      bytes[at] = bytes[at]! ^ 0x10
      expect(() => decode(bytes), `byte ${at}`).toThrow(FrameError)
    }
  })

  test('of an end at any byte but the last is noticed', () => {
    const whole = delta('a word')
    for (let length = 1; length < whole.length; length++)
      expect(() => decode(whole.subarray(0, length)), `${length} bytes`).toThrow(FrameError)
  })

  test('costs nothing of what came whole before it', () => {
    const taken: object[] = []
    const broken = delta('b')
    broken[20] = broken[20]! ^ 1
    const decoder = createFrameDecoder()
    expect(() => decoder.push(Buffer.concat([delta('a'), broken]), (_, payload) => taken.push(payload))).toThrow(
      FrameError,
    )
    expect(taken).toMatchObject([{ delta: { text: 'a' } }])
  })

  test('in lengths is refused at once, not waited for', () => {
    const huge = delta('a')
    huge.writeUInt32BE(2_000_000_000, 0)
    expect(() => createFrameDecoder().push(sealed(huge).subarray(0, 12), () => {})).toThrow('2000000000')
    const crossed = delta('a')
    crossed.writeUInt32BE(crossed.length, 4)
    expect(() => decode(sealed(crossed))).toThrow(FrameError)
  })

  test.each([
    ['that are cut off in their value', Buffer.from([1, 120, 7, 0, 9, 1])],
    ['that are cut off in their name', Buffer.from([9, 120])],
    ['that are cut off before their length', Buffer.from([1, 120, 7])],
    ['of an unknown type', Buffer.from([1, 120, 77, 0])],
  ])('in headers %s is noticed', (_what, headers) => {
    expect(() => decode(withHeaders(headers, '{}'))).toThrow(FrameError)
  })

  test.each(['no json', '7', 'null'])('in the payload (%s) is noticed', (payload) => {
    const headers = { ':message-type': 'event', ':event-type': 'x' }
    expect(() => decode(encodeFrame(headers, payload))).toThrow(FrameError)
  })
})
