import type { JsonObject } from '../../src/types.ts'
import { escapeInline, longCode, withoutHalf } from './inline.ts'
import { alignedLines, columnsOf, mayBeRow, needsCard, type Table, tableCard, tableOf } from './tables.ts'

/**
 * The Markdown that models write, as Teams renders it: headings made bold, tables as lines of equal columns (wide ones as
 * cards), pictures as links, HTML as text, line breaks that hold. Text may come in any pieces and the output is the same;
 * what came out once is never changed, because a stream in Teams may only grow.
 */
export interface Renderer {
  /** What can be told for certain of the text so far. */
  push(delta: string): void
  /** The text is over. */
  end(): void
  readonly text: string
  /** Tables that go along as cards. */
  readonly cards: JsonObject[]
}

interface Fence {
  marker: string
  indent: string
}

/** What a line was, as far as the next one cares. */
type Kind = 'start' | 'plain' | 'heading' | 'block' | 'blank'

/** Lines whose meaning is not known yet, or only when they are whole. */
const undecided = /^\s*(?:>\s?)*(?:$|[-*+_=]+\s*$|\d{1,9}[.)]?$|#{1,6}(?:\s|$)|`{1,2}$|`{3}|~{1,2}$|~{3}|\|)/
const fenceLine = /^(\s*(?:>\s?)*)(`{3,}|~{3,})([^\n]*)$/
const heading = /^ {0,3}#{1,6}\s+(\S.*)$/
const block = /^\s*(?:>|[-*+]\s|\d{1,9}[.)]\s)/
const maxCards = 5

/** Without `cards`, wide tables are lines of a code block as narrow ones are. */
export function createRenderer(options: { cards: boolean } = { cards: true }): Renderer {
  const cards: JsonObject[] = []
  let text = ''
  let last: Kind = 'start'
  let fence: Fence | null = null
  /** What has come of the current line, and how much of it is out. */
  let line = ''
  let out = 0
  let begun = false
  /** Rows of a table, or of what may become one. */
  let held: string[] = []
  let align: Table['align'] | undefined

  function begin(kind: Kind): void {
    if (last === 'heading' && kind !== 'blank') text += '\n\n'
    // Teams joins lines that are not told to stay apart.
    else if (last === 'plain' && kind === 'plain') text += '  \n'
    else if (last !== 'start') text += '\n'
    last = kind
  }

  function inline(words: string, whole: boolean): number {
    const { shown, used } = escapeInline(words, whole)
    text += shown
    return used
  }

  function releaseTable(): void {
    if (held.length === 0) return
    const lines = held
    const columns = align
    held = []
    align = undefined
    if (columns) {
      writeTable(tableOf(lines[0]!, columns, lines.slice(2)))
      return
    }
    for (const one of lines) {
      begin('plain')
      inline(one, true)
    }
  }

  function writeTable(table: Table): void {
    begin('block')
    if (options.cards && needsCard(table) && cards.length < maxCards) {
      const title = `Table ${cards.length + 1}`
      cards.push(tableCard(table, title))
      text += `*${title} is below.*`
    } else text += `\`\`\`\n${alignedLines(table).join('\n').replaceAll('```', "'''")}\n\`\`\``
  }

  /** True: the line belongs to a table, or may. */
  function collects(whole: string): boolean {
    if (fence || begun || !mayBeRow(whole)) return false
    if (align || held.length === 0) {
      held.push(whole)
      return true
    }
    align = columnsOf(held[0]!, whole)
    if (align) held.push(whole)
    else {
      releaseTable()
      held.push(whole)
    }
    return true
  }

  function endLine(whole: string): void {
    if (collects(whole)) return
    if (begun) {
      if (fence) text += whole.slice(out)
      else inline(whole.slice(out), true)
    } else {
      releaseTable()
      wholeLine(whole)
    }
    out = 0
    begun = false
  }

  function wholeLine(whole: string): void {
    const [, indent = '', marker, info = ''] = fenceLine.exec(whole) ?? []
    if (fence) {
      begin('block')
      text += whole
      if (marker && marker[0] === fence.marker[0] && marker.length >= fence.marker.length && info.trim() === '')
        fence = null
      return
    }
    // Backticks in its info make it a line with code in it.
    if (marker && !(marker[0] === '`' && info.includes('`'))) {
      begin('block')
      fence = { marker, indent }
      text += whole
      return
    }
    if (whole.trim() === '') {
      begin('blank')
      return
    }
    const title = heading.exec(whole)?.[1]
    if (title !== undefined) {
      begin('heading')
      text += '**'
      inline(bare(title), true)
      text += '**'
      return
    }
    begin(block.test(whole) ? 'block' : 'plain')
    inline(whole, true)
  }

  /** What can be told of a line before its end. */
  function peek(): void {
    if (fence) {
      if (!begun && line.length < longCode) return
      const end = withoutHalf(line)
      if (!begun) begin('block')
      begun = true
      text += line.slice(out, end)
      out = end
      return
    }
    if (!begun) {
      if (undecided.test(line)) return
      releaseTable()
      begun = true
      begin(block.test(line) ? 'block' : 'plain')
    }
    out += inline(line.slice(out), false)
  }

  return {
    push(markdown) {
      // A return at the end could not be taken back when its line goes on.
      const delta = markdown.replaceAll('\r', '')
      let from = 0
      for (let end = delta.indexOf('\n'); end >= 0; end = delta.indexOf('\n', from)) {
        endLine(line + delta.slice(from, end))
        line = ''
        from = end + 1
      }
      line += delta.slice(from)
      if (line.length > out) peek()
    },
    end() {
      if (line !== '') endLine(line)
      line = ''
      releaseTable()
      // What comes below must not become code.
      if (fence) text += `\n${fence.indent}${fence.marker}`
      fence = null
    },
    get text() {
      return text
    },
    cards,
  }
}

/** All of a text at once. */
export function render(markdown: string, options?: { cards: boolean }): { text: string; cards: JsonObject[] } {
  const renderer = createRenderer(options)
  renderer.push(markdown)
  renderer.end()
  return renderer
}

/** The words of a heading, which will be bold as a whole. */
function bare(title: string): string {
  return title
    .trimEnd()
    .replace(/(?<=\s)#+$/, '')
    .trimEnd()
    .replace(/\*\*|__/g, '')
}
