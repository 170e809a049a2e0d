import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../errors.ts'
import { ConfigError } from './fault.ts'
import { Secret } from './secret.ts'

/** The session secret of this data folder, made at the first time. Readable by its owner only. */
export function keptSecret(dataDir: string): Secret {
  const file = join(dataDir, 'session-secret')
  const kept = readOrMake(dataDir, file)
  if (kept.length >= 32) return new Secret(kept)
  const problem = `has a damaged file in it: ${file}`
  throw new ConfigError([{ variable: 'DATA_DIR', problem, expected: 'to delete that file, which signs everybody out' }])
}

function readOrMake(dataDir: string, file: string): string {
  try {
    // Nothing is written where there is one: a start must not need room on a disk that is full.
    return readIfThere(file) ?? make(dataDir, file)
  } catch (thrown) {
    const problem = `is ${JSON.stringify(dataDir)}: ${messageOf(thrown)}`
    throw new ConfigError([{ variable: 'DATA_DIR', problem, expected: 'a folder that can be written' }])
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw thrown
  }
}

/** Written aside and linked, so that of two instances that start at once both read the same whole file. */
function make(dataDir: string, file: string): string {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const fresh = `${file}.${randomBytes(6).toString('hex')}`
  try {
    writeFileSync(fresh, randomBytes(36).toString('base64url'), { mode: 0o600 })
    linkSync(fresh, file)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown
  } finally {
    rmSync(fresh, { force: true })
  }
  return readFileSync(file, 'utf8').trim()
}
