import type { JsonObject } from '../../src/types.ts'
import { adaptiveCard } from './cards.ts'

/** A table of the model, cell by cell; the first row is its head. */
export interface Table {
  rows: string[][]
  align: ('left' | 'center' | 'right')[]
}

/** Wider than this, lines of equal columns wrap in Teams' narrower windows, and nobody can read them. */
const alignedWidth = 72
/** A card beside a long text must leave room for it. */
const cardChars = 8_000

/** Lines begin with a pipe, as models write them: so it is known at the first character that a table may begin. */
export const mayBeRow = (line: string): boolean => /^ {0,3}\|/.test(line)

/** The columns that a line of dashes below a head announces; undefined: it is none. */
export function columnsOf(head: string, line: string): Table['align'] | undefined {
  if (!mayBeRow(line) || !/^[\s|:-]+$/.test(line)) return undefined
  const dashes = cellsOf(line)
  if (dashes.length !== cellsOf(head).length || !dashes.every((cell) => /^:?-+:?$/.test(cell))) return undefined
  return dashes.map((cell) => {
    if (cell.length > 1 && cell.startsWith(':') && cell.endsWith(':')) return 'center'
    return cell.endsWith(':') ? 'right' : 'left'
  })
}

export function tableOf(head: string, align: Table['align'], lines: readonly string[]): Table {
  const rows = [head, ...lines].map((line) => {
    const cells = cellsOf(line)
    // A row with more cells than columns loses nothing: the rest stays in its last one.
    const kept = cells.slice(0, align.length)
    if (cells.length > align.length) kept[align.length - 1] = cells.slice(align.length - 1).join(' | ')
    return align.map((_, column) => kept[column] ?? '')
  })
  return { rows, align }
}

function cellsOf(line: string): string[] {
  const inner = line
    .trim()
    .replace(/^\|/, '')
    .replace(/(?<!\\)\|$/, '')
  return inner.split(/(?<!\\)\|/).map((cell) => plain(cell.replaceAll('\\|', '|').trim()))
}

/** Neither a card's table nor a code block shows markup. */
function plain(cell: string): string {
  return (
    cell
      .replace(/`+([^`]*)`+/g, '$1')
      .replace(/!?\[([^[\]]*)\]\(([^()]*)\)/g, (_, label: string, target: string) =>
        label === target ? target : `${label} (${target})`,
      )
      .replace(/(\*\*|__)(?=\S)([^*_]*\S)\1/g, '$2')
      .replace(/<br\s?\/?>/gi, ' ')
      // A card would make links of what is left of nested ones.
      .replaceAll('](', '] (')
  )
}

/** Whether it is better read as a card. */
export function needsCard(table: Table): boolean {
  const chars = table.rows.flat().reduce((sum, cell) => sum + cell.length, 0)
  const width = widthsOf(table).reduce((sum, one) => sum + one + 3, 0)
  return width > alignedWidth && chars <= cardChars && table.rows.length <= 50 && table.align.length <= 12
}

/** Lines of equal columns, for a code block. */
export function alignedLines(table: Table): string[] {
  const { rows, align } = table
  const widths = widthsOf(table)
  const [head = '', ...body] = rows.map((row) =>
    widths
      .map((width, column) => pad(row[column] ?? '', width, align[column]))
      .join(' | ')
      .trimEnd(),
  )
  return [head, widths.map((width) => '-'.repeat(width)).join('-|-'), ...body]
}

/** Teams shows version 1.5 everywhere; of 1.6 it shows the fallback. */
export function tableCard({ rows, align }: Table, title: string): JsonObject {
  return adaptiveCard({
    body: [
      { type: 'TextBlock', text: title, weight: 'Bolder', wrap: true },
      {
        type: 'Table',
        firstRowAsHeaders: true,
        gridStyle: 'accent',
        columns: align.map((side) => ({ width: 1, horizontalCellContentAlignment: side })),
        rows: rows.map((row) => ({
          type: 'TableRow',
          cells: row.map((text) => ({
            type: 'TableCell',
            items: [{ type: 'TextBlock', text: text || ' ', wrap: true }],
          })),
        })),
      },
    ],
  })
}

function widthsOf({ rows, align }: Table): number[] {
  return align.map((_, column) => Math.max(3, ...rows.map((row) => widthOf(row[column] ?? ''))))
}

function pad(text: string, width: number, side: Table['align'][number] | undefined): string {
  const space = width - widthOf(text)
  const left = side === 'right' ? space : side === 'center' ? Math.floor(space / 2) : 0
  return ' '.repeat(left) + text + ' '.repeat(space - left)
}

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/gu

/** Columns it takes in a font of equal widths. */
function widthOf(text: string): number {
  return [...text].length + (text.match(wide)?.length ?? 0)
}
