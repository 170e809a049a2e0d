import { type Argon2Parameters, argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

/** In UTF-16 units, after normalising. The upper bound keeps a request from buying much work. */
export const passwordLength = { min: 8, max: 1024 } as const

/** OWASP Password Storage Cheat Sheet, Argon2id: 19 MiB, two passes, one lane. Memory in KiB. */
const parameters = { memory: 19_456, passes: 2, parallelism: 1 }
const saltBytes = 16
const tagBytes = 32
const version = 19

/** On libuv's threads, so a sign-in does not hold up anyone else's stream. */
const derive = promisify(argon2)

/** The same password typed on another keyboard may come as other code points; NFKC makes them one. */
const normalised = (password: string): string => password.normalize('NFKC')

/** What is wrong with a password that somebody chose, in words, or nothing. */
export function passwordFault(password: string): string | undefined {
  const { length } = normalised(password)
  if (length < passwordLength.min) return `The password needs at least ${passwordLength.min} characters.`
  if (length > passwordLength.max) return `The password can have at most ${passwordLength.max} characters.`
  return undefined
}

/** Argon2id in PHC string form: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<tag>`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes)
  const tag = await tagOf(password, { ...parameters, salt, tagLength: tagBytes })
  return phcOf(salt, tag)
}

/**
 * Whether this is the password behind a hash. Without a hash (nobody has that name) it takes as long and says no. A
 * hash that cannot be read is no password's; one with other costs is checked with those.
 */
export async function verifyPassword(password: string, phc: string | undefined): Promise<boolean> {
  const stored = phc === undefined ? undefined : parsePhc(phc)
  // Longer ones cannot have been set.
  const possible = normalised(password).length <= passwordLength.max
  const { tag, ...costs } = stored ?? nobody
  const same = timingSafeEqual(await tagOf(possible ? password : '', { ...costs, tagLength: tag.length }), tag)
  return same && stored !== undefined && possible
}

/** Hashed under other costs than today's, or not readable: hash it anew at the next sign-in. */
export function needsRehash(phc: string): boolean {
  const stored = parsePhc(phc)
  if (!stored) return true
  const { memory, passes, parallelism, salt, tag } = stored
  return phcOf(salt, tag, { memory, passes, parallelism }) !== phcOf(salt, tag) || tag.length < tagBytes
}

type Costs = typeof parameters

interface Hash extends Costs {
  salt: Buffer
  tag: Buffer
}

/** Stands in for a user who does not exist. */
const nobody: Hash = { ...parameters, salt: randomBytes(saltBytes), tag: randomBytes(tagBytes) }

function tagOf(password: string, { salt, ...rest }: Costs & { salt: Buffer; tagLength: number }): Promise<Buffer> {
  const all: Argon2Parameters = { message: normalised(password), nonce: salt, ...rest }
  return derive('argon2id', all)
}

const base64 = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '')

function phcOf(salt: Buffer, tag: Buffer, { memory, passes, parallelism }: Costs = parameters): string {
  return `$argon2id$v=${version}$m=${memory},t=${passes},p=${parallelism}$${base64(salt)}$${base64(tag)}`
}

const phcPattern =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/

function parsePhc(phc: string): Hash | undefined {
  const [, memory, passes, parallelism, salt, tag] = phcPattern.exec(phc) ?? []
  if (!memory || !passes || !parallelism || !salt || !tag) return undefined
  const hash: Hash = {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  }
  // What Argon2 itself demands (RFC 9106, 3.1).
  const possible = hash.passes > 0 && hash.parallelism > 0 && hash.memory >= 8 * hash.parallelism
  return possible ? hash : undefined
}
