import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { openSqlite } from '../../src/stores/sqlite/index.ts'
import type { Open } from '../contracts/store/kit.ts'

/** Directories that are gone when the tests of the file are over. */
export function tempDirectories(): () => Promise<string> {
  const made: string[] = []
  afterAll(() => Promise.all(made.map((directory) => rm(directory, { recursive: true, force: true }))))
  return async () => {
    const directory = await mkdtemp(join(tmpdir(), 'chat-sqlite-'))
    made.push(directory)
    return directory
  }
}

/** Opens SQLite stores for the contract: each fresh one on a file of its own. */
export function sqliteOpener(): Open {
  const directory = tempDirectories()
  let file = ''
  return async ({ fresh = true, ...options } = {}) => {
    if (fresh || !file) file = join(await directory(), 'chat.db')
    return openSqlite({ ...options, file })
  }
}
