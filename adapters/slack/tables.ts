/** A table of the model, cell by cell; the first row is its head. */
export interface Table {
  rows: string[][]
  align: ('left' | 'center' | 'right')[]
}

/** Slack's limits for a table block: rows, columns, and characters of all cells. */
export const tableLimits = { rows: 100, columns: 20, chars: 10_000 }

const delimiter = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/

/** Lines begin with a pipe, as models write them: so it is known at the first character that a table may begin. */
export const mayBeRow = (line: string): boolean => /^\s{0,3}\|/.test(line)

/** The columns that a line of dashes below a head announces; undefined: it is none. */
export function columnsOf(head: string, line: string): Table['align'] | undefined {
  if (!delimiter.test(line) || !line.includes('-')) return undefined
  const align = cellsOf(line).map((cell) => {
    if (/^:-+:$/.test(cell)) return 'center'
    return /^-+:$/.test(cell) ? 'right' : 'left'
  })
  return align.length === cellsOf(head).length ? align : undefined
}

/** The cells of a row, their markup taken off: neither a table block nor a code block shows any. */
export function cellsOf(line: string): string[] {
  const inner = line
    .trim()
    .replace(/^\|/, '')
    .replace(/(?<!\\)\|$/, '')
  return inner.split(/(?<!\\)\|/).map((cell) => plain(cell.replaceAll('\\|', '|').trim()))
}

export function tableOf(head: string, align: Table['align'], lines: string[]): Table {
  const rows = [head, ...lines].map((line) => {
    const cells = cellsOf(line)
    // A row with more cells than columns loses nothing: the rest stays in its last one.
    const kept = cells.slice(0, align.length)
    if (cells.length > align.length) kept[align.length - 1] = cells.slice(align.length - 1).join(' | ')
    return align.map((_, column) => kept[column] ?? '')
  })
  return { rows, align }
}

export function charsOf(table: Table): number {
  return table.rows.reduce((sum, row) => sum + row.reduce((chars, cell) => chars + Math.max(1, cell.length), 0), 0)
}

export function fitsBlock(table: Table): boolean {
  const { rows, align } = table
  return rows.length <= tableLimits.rows && align.length <= tableLimits.columns && charsOf(table) <= tableLimits.chars
}

export function tableBlock({ rows, align }: Table) {
  return {
    type: 'table',
    column_settings: align.map((side) => ({ align: side, is_wrapped: true })),
    // Slack takes no empty cell.
    rows: rows.map((row) => row.map((text) => ({ type: 'raw_text', text: text || ' ' }))),
  }
}

/** The same, as lines of equal columns for a code block: one for each source line (head, dashes, rows). */
export function alignedLines({ rows, align }: Table): string[] {
  const widths = align.map((_, column) => Math.max(3, ...rows.map((row) => widthOf(row[column] ?? ''))))
  const lines = rows.map((row) =>
    widths
      .map((width, column) => pad(row[column] ?? '', width, align[column]))
      .join(' | ')
      .trimEnd(),
  )
  const [head = '', ...body] = lines
  return [head, widths.map((width) => '-'.repeat(width)).join('-|-'), ...body]
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

function plain(cell: string): string {
  return cell
    .replace(/`+([^`]*)`+/g, '$1')
    .replace(/!?\[([^\]]*)\]\(([^)]*)\)/g, (_, label: string, target: string) =>
      label === target ? target : `${label} (${target})`,
    )
    .replace(/(\*\*|__)(?=\S)(.*?\S)\1/g, '$2')
    .replace(/(?<![\w*])\*(?=\S)([^*]*[^\s*])\*(?![\w*])/g, '$1')
    .replace(/<br\s*\/?>/gi, ' ')
}
