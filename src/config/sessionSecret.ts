import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
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
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    // Written aside and linked, so that of two instances that start at once both read the same whole file.
    const fresh = `${file}.${process.pid}`
    writeFileSync(fresh, randomBytes(36).toString('base64url'), { mode: 0o600 })
    try {
      linkSync(fresh, file)
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown
    } finally {
      unlinkSync(fresh)
    }
    return readFileSync(file, 'utf8').trim()
  } catch (thrown) {
    const problem = `is ${JSON.stringify(dataDir)}: ${messageOf(thrown)}`
    throw new ConfigError([{ variable: 'DATA_DIR', problem, expected: 'a folder that can be written' }])
  }
}
