import { guard, type Run, zeroWidth } from './guard.ts'
import { alignedLines, columnsOf, mayBeRow, type Table, tableOf } from './tables.ts'

/**
 * A bit of what Slack is given, in order. `source` counts the characters of the model's text it stands for, so that it is
 * known at any time how much of the answer a message holds.
 */
export type Piece = Run | { table: Table; source: number; instead: Run[] }

/** A code block that is open: how one like it is opened again, and closed. */
export interface Fence {
  opening: string
  closing: string
  /** Its backticks or tildes. */
  marker: string
  /** We opened it, around a table. */
  ours?: true
}

/**
 * Slack renders the Markdown that models write, but for three things: tables, which have blocks of their own, and pings
 * and disguised links, which must not work. Text may come in any pieces: the output is the same, and as much of it as is
 * certain comes at once.
 */
export interface Renderer {
  push(delta: string): Piece[]
  end(): Piece[]
}

/** Where in a text rendering begins: inside a code block, or with a part of its first line already shown. */
export interface Beginning {
  fence?: Fence | null
  midLine?: string
}

const fenceLine = /^(\s*(?:>\s?)*)(`{3,}|~{3,})([^\n]*)\n?$/

/** The code block that is open after a line, given the one that was before it. */
export function fenceAfter(line: string, fence: Fence | null): Fence | null {
  const found = fenceLine.exec(line)
  if (!found) return fence
  const [, indent = '', marker = '', info = ''] = found
  if (fence) {
    const closes = marker[0] === fence.marker[0] && marker.length >= fence.marker.length && info.trim() === ''
    return closes ? null : fence
  }
  // Backticks in its info make it a line with code in it.
  if (marker[0] === '`' && info.includes('`')) return null
  return { marker, opening: `${indent}${marker}${info.slice(0, 40)}\n`, closing: `${indent}${marker}\n` }
}

/** Lines whose meaning only their end tells: a fence, a row of a table; and those that have not begun. */
const undecided = /^\s*(?:>\s?)*(?:$|`{1,2}$|`{3}|~{1,2}$|~{3}|\|)/

const codeLineChars = 1_000

export function createRenderer(begin: Beginning = {}): Renderer {
  let fence = begin.fence ?? null
  /** What has come of the current line, and how much of it is out. */
  let line = begin.midLine ?? ''
  let out = line.length
  /** A line that may be the head of a table (without `align`), or the lines of one. */
  let held: string[] = []
  let align: Table['align'] | undefined

  function release(): Piece[] {
    const lines = held
    held = []
    if (!align) return lines.flatMap((text) => guard(text, true).runs)
    const table = tableOf(lines[0]!, align, lines.slice(2))
    align = undefined
    return [asPiece(table, lines)]
  }

  /** True: the line belongs to a table, or may. */
  function collects(text: string): boolean {
    if (fence) return false
    if (align && mayBeRow(text)) return true
    if (held.length !== 1 || align) return false
    align = columnsOf(held[0]!, text)
    return align !== undefined
  }

  function endLine(text: string): Piece[] {
    const shown = out
    out = 0
    if (shown > 0) return guard(text.slice(shown), true, text.slice(0, shown)).runs
    if (collects(text)) {
      held.push(text)
      return []
    }
    const released = release()
    if (!fence && mayBeRow(text)) {
      held = [text]
      return released
    }
    fence = fenceAfter(text, fence)
    return [...released, ...guard(text, true).runs]
  }

  /** What can be told of a line before its end. */
  function peek(): Piece[] {
    if (out === 0 && (held.length > 0 || undecided.test(line))) return []
    // Code is shown line by line, so that no line of it is cut where a message ends.
    if (fence && line.length < codeLineChars) return []
    const { runs, rest } = guard(line.slice(out), false, line.slice(0, out))
    out = line.length - rest.length
    return runs
  }

  return {
    push(delta) {
      const pieces: Piece[] = []
      let from = 0
      for (let end = delta.indexOf('\n'); end >= 0; end = delta.indexOf('\n', from)) {
        pieces.push(...endLine(line + delta.slice(from, end + 1)))
        line = ''
        from = end + 1
      }
      line += delta.slice(from)
      if (line.length > out) pieces.push(...peek())
      return pieces
    },
    end() {
      const pieces = line.length > out ? endLine(line) : []
      line = ''
      pieces.push(...release())
      return pieces
    },
  }
}

/** A table as a block, and as the code block that takes its place where the block cannot be. */
function asPiece(table: Table, lines: string[]): Piece {
  const source = lines.reduce((sum, line) => sum + line.length, 0)
  const aligned = alignedLines(table)
  const code: Run[] = [{ text: '```\n', source: 0, ours: true }]
  for (const [index, line] of lines.entries())
    code.push({ text: `${harmless(aligned[index] ?? '')}\n`, source: line.length, ours: true })
  code.push({ text: '```\n', source: 0, ours: true })
  return { table, source, instead: code }
}

/** In our own code block nothing may end it, and nothing may ping. */
function harmless(text: string): string {
  const guarded = guard(text.replaceAll('```', `\`${zeroWidth}\`\``), true)
  return guarded.runs.map((run) => run.text).join('')
}

/** All of a text at once. */
export function render(text: string, begin?: Beginning): Piece[] {
  const renderer = createRenderer(begin)
  return [...renderer.push(text), ...renderer.end()]
}
