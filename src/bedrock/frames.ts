import { crc32 } from 'node:zlib'

/**
 * The event stream of AWS (`application/vnd.amazon.eventstream`), decoded with nothing but what Converse uses of it: a
 * 12-byte prelude (total length, headers' length, CRC), headers, a JSON payload, a CRC over all. The SDK's own decoder
 * costs two to three times the CPU, and takes streams for whole that end in the middle of a length prefix.
 */

export interface FrameHeaders {
  kind: 'event' | 'exception' | 'error'
  /** `contentBlockDelta`, `throttlingException`, an error's code. */
  name: string
  /** Of an `error` frame, which has no payload. */
  message?: string
}

/** What came is no event stream, or was damaged on its way. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}

export interface FrameDecoder {
  /** Hands out every frame that became whole with this chunk, up to the first that is damaged, for which it throws. */
  push(chunk: Buffer, take: (headers: FrameHeaders, payload: object) => void): void
  /** Call at the end of the stream; throws if it ended inside a frame. */
  end(): void
}

const preludeLength = 12
const checksumLength = 4
/** AWS sends frames of some hundred bytes; a length beyond this is garbage that must not be waited for. */
const maxFrameLength = 16 * 1024 * 1024

export function createFrameDecoder(): FrameDecoder {
  let rest: Buffer | undefined
  // Nearly all frames of a stream have the very same headers: compared as bytes, they are parsed once.
  let knownBytes = Buffer.alloc(0)
  let known: FrameHeaders = { kind: 'event', name: '' }

  function headersAt(bytes: Buffer, start: number, end: number): FrameHeaders {
    if (end - start === knownBytes.length && bytes.compare(knownBytes, 0, knownBytes.length, start, end) === 0)
      return known
    known = parseHeaders(bytes.subarray(start, end))
    knownBytes = Buffer.from(bytes.subarray(start, end))
    return known
  }

  function push(chunk: Buffer, take: (headers: FrameHeaders, payload: object) => void): void {
    const bytes = rest ? Buffer.concat([rest, chunk]) : chunk
    let at = 0
    while (bytes.length - at >= preludeLength) {
      const length = bytes.readUInt32BE(at)
      if (length > bytes.length - at) {
        // Only worth waiting for if it is the length of a frame. A whole frame's checksum covers its prelude too.
        checkPrelude(bytes, at)
        break
      }
      if (length < preludeLength + bytes.readUInt32BE(at + 4) + checksumLength) throw new FrameError('not a message')
      const end = at + length - checksumLength
      if (crc32(bytes.subarray(at, end)) !== bytes.readUInt32BE(end))
        throw new FrameError('wrong checksum of a message')
      const payloadAt = at + preludeLength + bytes.readUInt32BE(at + 4)
      const headers = headersAt(bytes, at + preludeLength, payloadAt)
      take(headers, parsePayload(bytes.toString('utf8', payloadAt, end)))
      at += length
    }
    rest = at < bytes.length ? bytes.subarray(at) : undefined
  }

  return {
    push,
    end() {
      if (rest) throw new FrameError('the stream ended inside a message')
    },
  }
}

function checkPrelude(bytes: Buffer, at: number): void {
  if (crc32(bytes.subarray(at, at + 8)) !== bytes.readUInt32BE(at + 8))
    throw new FrameError('wrong checksum of a prelude')
  const length = bytes.readUInt32BE(at)
  if (length > maxFrameLength) throw new FrameError(`a message of ${length} bytes`)
}

function parsePayload(json: string): object {
  if (json === '') return {}
  let payload: unknown
  try {
    payload = JSON.parse(json)
  } catch (thrown) {
    throw new FrameError('a payload that is not JSON', { cause: thrown })
  }
  if (typeof payload !== 'object' || payload === null) throw new FrameError('a payload that is no object')
  return payload
}

/** Bytes of a header's value by its type; strings and byte arrays (7, 6) carry their own length. */
const valueLengths: Record<number, number> = { 0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16 }

function parseHeaders(bytes: Buffer): FrameHeaders {
  const values = new Map<string, string>()
  for (let at = 0; at < bytes.length; ) {
    const nameEnd = at + 1 + bytes.readUInt8(at)
    if (nameEnd + 1 > bytes.length) throw new FrameError('headers that end too soon')
    const name = bytes.toString('utf8', at + 1, nameEnd)
    const type = bytes.readUInt8(nameEnd)
    const valueAt = nameEnd + 1
    if (type === 6 || type === 7) {
      const start = valueAt + 2
      at = start + (start <= bytes.length ? bytes.readUInt16BE(valueAt) : 0)
      if (start > bytes.length || at > bytes.length) throw new FrameError('headers that end too soon')
      if (type === 7) values.set(name, bytes.toString('utf8', start, at))
    } else {
      const length = valueLengths[type]
      if (length === undefined) throw new FrameError(`a header of unknown type ${type}`)
      at = valueAt + length
    }
  }
  const kind = values.get(':message-type')
  if (kind === 'exception') return { kind, name: values.get(':exception-type') ?? 'Unknown' }
  if (kind === 'error')
    return { kind, name: values.get(':error-code') ?? 'Unknown', message: values.get(':error-message') ?? '' }
  return { kind: 'event', name: values.get(':event-type') ?? '' }
}
