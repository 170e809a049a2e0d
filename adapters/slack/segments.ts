import type { Run } from './guard.ts'
import { type Fence, fenceAfter, type Piece } from './markdown.ts'
import { charsOf, fitsBlock, type Table } from './tables.ts'

/** How much goes into one message. A table counts twice. */
export interface MessageLimits {
  bytes: number
  chars: number
  /** The first table of a message goes into a block of its own. */
  tables: boolean
  /** From this part of a full message on, the next paragraph begins a new one. 1: only what does not fit does. */
  soft: number
}

/**
 * A streamed message: Slack ends it near 11 kB of UTF-8 (measured between 10.6 and 11.3). What was sent cannot be taken
 * back to a better border, so a new one is begun early.
 */
export const streamLimits: MessageLimits = { bytes: 8_900, chars: 12_000, tables: true, soft: 0.8 }
/** A posted message: 12,000 characters over all its blocks, footer and fallback aside. */
export const postLimits: MessageLimits = { bytes: 40_000, chars: 11_000, tables: true, soft: 1 }

/** A place in the answer between two characters, and what a message that begins there must know. */
export interface Spot {
  /** Characters of the answer before it. */
  offset: number
  fence: Fence | null
  /** What precedes it in its line. */
  midLine: string
}

export const theBeginning: Spot = { offset: 0, fence: null, midLine: '' }

export type Part = { text: string } | { table: Table }

/** What goes to one message in one go. */
export interface Content {
  start: Spot
  end: Spot
  parts: Part[]
}

/** Lays pieces out over messages. */
export interface Packer {
  /** The first content continues the open message (and may be empty), each further one begins a new message. */
  add(pieces: readonly Piece[]): Content[]
  /** Begin a new message with the next paragraph, or with the next word. */
  turn(when: 'paragraph' | 'now'): void
}

/** For a closing fence and its line break, and what is put in for it at the next message's beginning. */
const reserve = 80
/** A paragraph's end is taken when it leaves the message at least so full; a line's end else. */
const wellFilled = 0.4

/** The message that is being filled. */
interface Open {
  start: Spot
  parts: Part[]
  bytes: number
  chars: number
  filled: boolean
  hasTable: boolean
}

/** Where the open message could end: what of the queue was in it then, and how everything stood. */
interface Border {
  taken: number
  parts: Part[]
  spot: Spot
  used: number
}

export function createPacker(limits: MessageLimits, start: Spot = theBeginning): Packer {
  let spot = start
  let open = begin()
  let turning: 'paragraph' | 'now' | undefined

  function begin(): Open {
    const opening = spot.fence?.opening ?? ''
    const size = { bytes: Buffer.byteLength(opening), chars: opening.length }
    return { start: spot, parts: [], ...size, filled: false, hasTable: false }
  }

  const used = (): number => Math.max(open.bytes / limits.bytes, open.chars / limits.chars)
  const border = (taken: number): Border => ({ taken, parts: open.parts, spot, used: used() })

  function fits(piece: Piece): boolean {
    const { bytes, chars } = sizeOf(piece)
    return open.bytes + bytes + reserve <= limits.bytes && open.chars + chars + reserve <= limits.chars
  }

  function put(piece: Piece): void {
    if (!open.filled && spot.fence) open.parts = appended(open.parts, { text: spot.fence.opening })
    const { bytes, chars } = sizeOf(piece)
    open.bytes += bytes
    open.chars += chars
    open.filled = true
    open.parts = appended(open.parts, piece)
    open.hasTable ||= 'table' in piece
    spot = spotAfter(spot, piece)
  }

  /** Close the open message, and its code block with it. */
  function close(): Content {
    if (spot.fence && open.filled) {
      const lineBreak = spot.midLine === '' ? '' : '\n'
      open.parts = appended(open.parts, { text: lineBreak + spot.fence.closing })
    }
    const content = { start: open.start, end: spot, parts: open.parts }
    open = begin()
    turning = undefined
    return content
  }

  /** A table is a block where it can be one; else its lines as code. */
  function fitting(piece: Piece): Piece[] {
    if (!('table' in piece)) return [piece]
    const block = limits.tables && !open.hasTable && fitsBlock(piece.table) && sizeOf(piece).bytes < limits.bytes / 2
    return block ? [piece] : [...piece.instead]
  }

  function add(pieces: readonly Piece[]): Content[] {
    const done: Content[] = []
    let queue: Piece[] = [...pieces]
    let taken = 0
    let paragraph: Border | undefined
    let line = open.filled && spot.midLine === '' ? border(0) : undefined
    open.start = spot

    function next(rest: Piece[]): void {
      done.push(close())
      queue = rest
      taken = 0
      paragraph = undefined
      line = undefined
    }

    while (taken < queue.length) {
      const [piece, ...others] = fitting(queue[taken]!)
      if (others.length > 0) queue.splice(taken, 1, piece!, ...others)
      if (turning === 'now' && open.filled && !isBlank(piece!)) {
        next(queue.slice(taken))
        continue
      }
      if (fits(piece!)) {
        const blank = isParagraphEnd(piece!, spot)
        put(piece!)
        taken++
        if (spot.midLine === '') line = border(taken)
        if (blank && !spot.fence) {
          paragraph = line
          if (turning === 'paragraph' || used() >= limits.soft) turning = 'now'
        }
        continue
      }
      const back = [paragraph, line].find((one) => one && one.used >= wellFilled)
      if (back) {
        open.parts = back.parts
        spot = back.spot
        next(queue.slice(back.taken))
      } else if ('table' in piece!) {
        if (open.filled) next(queue.slice(taken))
        else queue.splice(taken, 1, ...piece.instead)
      } else {
        const room = { bytes: limits.bytes - reserve - open.bytes, chars: limits.chars - reserve - open.chars }
        const [head, tail] = split(piece!, room, !open.filled)
        if (head) put(head)
        next([...(tail ? [tail] : []), ...queue.slice(taken + 1)])
      }
    }
    done.push({ start: open.start, end: spot, parts: open.parts })
    open.parts = []
    return done
  }

  return {
    add,
    turn(when) {
      if (turning !== 'now') turning = when
    },
  }
}

/** All contents of a text's pieces: one for each message. */
export function pack(pieces: readonly Piece[], limits: MessageLimits, start?: Spot): Content[] {
  return createPacker(limits, start)
    .add(pieces)
    .filter(({ parts }) => !isBlankContent(parts))
}

export function isBlankContent(parts: readonly Part[]): boolean {
  return parts.every((part) => 'text' in part && part.text.trim() === '')
}

/** What a message shows that was written in several goes. */
export function joined(goes: readonly (readonly Part[])[]): Part[] {
  return goes.flat().reduce<Part[]>(appended, [])
}

function appended(parts: readonly Part[], piece: Part): Part[] {
  if ('table' in piece) return [...parts, { table: piece.table }]
  const last = parts.at(-1)
  if (last && 'text' in last) return [...parts.slice(0, -1), { text: last.text + piece.text }]
  return [...parts, { text: piece.text }]
}

function spotAfter(spot: Spot, piece: Piece): Spot {
  const offset = spot.offset + piece.source
  if ('table' in piece) return { offset, fence: null, midLine: '' }
  const line = spot.midLine + piece.text
  if (!piece.text.endsWith('\n')) return { ...spot, offset, midLine: line }
  const fence = fenceAfter(line, spot.fence)
  return { offset, fence: fence && piece.ours ? { ...fence, ours: true } : fence, midLine: '' }
}

function sizeOf(piece: Piece): { bytes: number; chars: number } {
  if ('text' in piece) return { bytes: Buffer.byteLength(piece.text), chars: piece.text.length }
  const text = piece.table.rows.map((row) => row.join(' ')).join(' ')
  return { bytes: Buffer.byteLength(text) * 2, chars: Math.max(text.length, charsOf(piece.table)) * 2 }
}

const isBlank = (piece: Piece): boolean => 'text' in piece && piece.text.trim() === ''

/** It ends a blank line, or is a table. */
function isParagraphEnd(piece: Piece, { midLine }: Spot): boolean {
  return 'table' in piece || (piece.text.endsWith('\n') && (midLine + piece.text).trim() === '')
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/**
 * A piece in two, the first within the room: at a space if there is one in its last third, never within a character.
 * `must`: some of it goes in, be it a part of a character that is larger than a whole message.
 */
function split(
  piece: Run,
  room: { bytes: number; chars: number },
  must: boolean,
): [head: Run | undefined, tail: Run | undefined] {
  let end = 0
  let bytes = 0
  for (const { segment } of graphemes.segment(piece.text.slice(0, Math.max(0, room.chars) + 64))) {
    bytes += Buffer.byteLength(segment)
    if (bytes > room.bytes || end + segment.length > room.chars) break
    end += segment.length
  }
  if (end === 0 && must) {
    end = Math.max(1, Math.floor(Math.min(room.chars, room.bytes / 4)))
    if (/[\ud800-\udbff]/.test(piece.text[end - 1] ?? '')) end++
  }
  if (end === 0) return [undefined, piece]
  const space = piece.text.lastIndexOf(' ', end - 1) + 1
  if (space > end * (2 / 3) && end < piece.text.length) end = space
  const whole = piece.source === piece.text.length
  const head = { ...piece, text: piece.text.slice(0, end), source: whole ? end : 0 }
  const tail = { ...piece, text: piece.text.slice(end), source: piece.source - head.source }
  return [head, tail.text === '' ? undefined : tail]
}
