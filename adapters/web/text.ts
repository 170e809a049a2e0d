import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Response } from 'express'

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is dropped
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g

/**
 * Text as it is stored: one kind of newline, no control characters but tab and newline, no halves of characters, nothing
 * blank around it; empty where nothing of it can be seen. Marks for the direction of writing stay, people write with them.
 */
export function clean(text: string): string {
  const plain = text
    .replace(/\r\n?|\u0085/g, '\n')
    .replace(controls, '')
    .toWellFormed()
    .trim()
  return /[^\p{White_Space}\p{Cf}]/u.test(plain) ? plain : ''
}

/** The same on one line. */
export function cleanLine(text: string): string {
  return clean(text).replace(/\s+/g, ' ')
}

/** Where to go after the sign-in: a path of ours, whatever somebody wrote into the link. */
export function safeNext(next: unknown, base: string): string {
  const home = `${base}/`
  if (typeof next !== 'string' || next.length > 2_000 || !next.startsWith('/')) return home
  // The parser of URLs reads as browsers do: backslashes, tabs and dots are resolved here and not there.
  if (!URL.canParse(next, 'http://here')) return home
  const { origin, pathname, search } = new URL(next, 'http://here')
  if (origin !== 'http://here' || pathname.startsWith('//') || !pathname.startsWith(home)) return home
  return pathname + search
}

/** What fails before the first piece can still be told in words. */
export async function sendAll(pieces: AsyncIterable<string>, response: Response): Promise<void> {
  const iterator = pieces[Symbol.asyncIterator]()
  const first = await iterator.next()
  const all = async function* () {
    if (!first.done) yield first.value
    yield* { [Symbol.asyncIterator]: () => iterator }
  }
  await pipeline(Readable.from(all()), response).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw cause
  })
}
