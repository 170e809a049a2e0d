import { DatabaseSync } from 'node:sqlite'
import { resultCode } from './failures.ts'

/** How long to wait for a predecessor that is just ending, milliseconds. */
const patienceMs = 1_500

/**
 * Keep every other instance away from a data file, until the result is called or this process ends in whatever way.
 * A second, empty database beside the file is held in an exclusive transaction: the kernel frees that lock even on
 * `kill -9`, and the data file itself stays open to the command line tools.
 */
export function lockFor(file: string): () => void {
  const lock = new DatabaseSync(`${file}.lock`, { timeout: patienceMs })
  try {
    lock.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    lock.close()
    if (resultCode(error) !== 5) throw error
    throw new Error(
      `Another instance is already running on ${file}. Stop it first, give this one a directory of its own for the ` +
        'data, or use Redis to run several instances together.',
      { cause: error },
    )
  }
  return () => {
    if (lock.isOpen) lock.close()
  }
}
