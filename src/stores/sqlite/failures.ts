import { Fault, messageOf } from '../../errors.ts'

/**
 * Primary result codes that tell of the file, the disk or another process, not of a mistake in a statement:
 * PERM, BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOLFS, AUTH, NOTADB.
 */
const outside = new Set([3, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 22, 23, 26])

/** SQLite's primary result code of an error (the extended one holds it in its low byte), or undefined for any other. */
export function resultCode(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !('errcode' in thrown) || typeof thrown.errcode !== 'number') return undefined
  return thrown.errcode & 0xff
}

/** What a caller is told: a store that cannot be used is a Fault, a defect of ours stays as it is. */
export function failureOf(thrown: unknown): unknown {
  const code = resultCode(thrown)
  if (code === undefined || !outside.has(code)) return thrown
  return new Fault('store_unavailable', { cause: thrown, detail: `sqlite: ${messageOf(thrown)}` })
}

/** Words for an operator whose data file cannot be opened. */
export function openingFailure(file: string, thrown: unknown): unknown {
  const elsewhere = 'or use another directory for the data'
  switch (resultCode(thrown) ?? (thrown as NodeJS.ErrnoException | null)?.code) {
    case 26:
      return new Error(`${file} is not a data file of this application. Move it away, ${elsewhere}.`, { cause: thrown })
    case 11:
      return new Error(`The data file ${file} is damaged. Restore it from a backup, ${elsewhere}.`, { cause: thrown })
    case 5:
    case 6:
      return new Error(`The data file ${file} is locked by another program. Close that program and try again.`, {
        cause: thrown,
      })
    case 10:
    case 13:
    case 'ENOSPC':
    case 'EDQUOT':
      return new Error(`The data file ${file} cannot be written. Is the disk full? Make room, ${elsewhere}.`, {
        cause: thrown,
      })
    case 3:
    case 8:
    case 14:
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
    case 'EEXIST':
    case 'EISDIR':
    case 'ENOENT':
      return new Error(
        `The data file ${file} cannot be opened for writing (${messageOf(thrown)}). ` +
          `Let this user write to its directory, ${elsewhere}.`,
        { cause: thrown },
      )
    default:
      return thrown
  }
}
