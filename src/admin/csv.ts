export type Cell = string | number | undefined

/** Begins a file whose letters are to be read as UTF-8 by spreadsheets too. */
export const byteOrderMark = '\ufeff'

/** One line of RFC 4180. */
export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(written).join(',')}\r\n`
}

/**
 * Text that a spreadsheet would take for a formula gets an apostrophe in front, which it hides: names and comments are
 * other people's words. https://owasp.org/www-community/attacks/CSV_Injection
 */
function written(cell: Cell = ''): string {
  if (typeof cell === 'number') return String(cell)
  const safe = /^\s*[=+\-@\t\r\n＝＋－＠]/u.test(cell) || /^[\t\r\n]/.test(cell) ? `'${cell}` : cell
  return /[",\r\n;]/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe
}
