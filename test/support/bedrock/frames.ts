import { crc32 } from 'node:zlib'

/** The event stream's encoder, written from its specification and not from our decoder. */

/** A frame with string headers: prelude of two lengths and their CRC, headers, payload, CRC over all before it. */
export function encodeFrame(headers: Record<string, string>, payload: string | Buffer): Buffer {
  const head = Buffer.concat(Object.entries(headers).map(([name, value]) => encodeHeader(name, value)))
  const body = typeof payload === 'string' ? Buffer.from(payload) : payload
  const frame = Buffer.alloc(12 + head.length + body.length + 4)
  frame.writeUInt32BE(frame.length, 0)
  frame.writeUInt32BE(head.length, 4)
  frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8)
  head.copy(frame, 12)
  body.copy(frame, 12 + head.length)
  frame.writeUInt32BE(crc32(frame.subarray(0, frame.length - 4)), frame.length - 4)
  return frame
}

function encodeHeader(name: string, value: string): Buffer {
  const key = Buffer.from(name)
  const text = Buffer.from(value)
  const header = Buffer.alloc(1 + key.length + 1 + 2 + text.length)
  header.writeUInt8(key.length, 0)
  key.copy(header, 1)
  header.writeUInt8(7, 1 + key.length)
  header.writeUInt16BE(text.length, 2 + key.length)
  text.copy(header, 4 + key.length)
  return header
}

/** Padding as Bedrock adds it, so that frames do not tell the length of their text. */
const padding = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'

export function eventFrame(name: string, payload: object): Buffer {
  const padded = { ...payload, p: padding.slice(0, 5 + (JSON.stringify(payload).length % 40)) }
  const headers = { ':event-type': name, ':content-type': 'application/json', ':message-type': 'event' }
  return encodeFrame(headers, JSON.stringify(padded))
}

export function exceptionFrame(name: string, message: string): Buffer {
  const headers = { ':exception-type': name, ':content-type': 'application/json', ':message-type': 'exception' }
  return encodeFrame(headers, JSON.stringify({ message }))
}

export function errorFrame(code: string, message: string): Buffer {
  return encodeFrame({ ':error-code': code, ':error-message': message, ':message-type': 'error' }, '')
}
