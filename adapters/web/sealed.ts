import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import type { Request, Response } from 'express'
import type { JsonObject } from '../../src/types.ts'
import { cookieOf } from './csrf.ts'
import type { Cookies } from './sessions.ts'

/** Something that is kept with the browser for a while, where it can be neither read nor changed nor made. */
export interface SealedCookie<T> {
  write(request: Request, response: Response, data: T): void
  /** What was written, or null: nothing, or its time is over. */
  read(request: Request): T | null
  clear(request: Request, response: Response): void
}

const ivBytes = 12
const tagBytes = 16

/**
 * A cookie encrypted by AES-256-GCM under a key of its own, made of the session secrets: the first seals, all open. It
 * saves a place in the store for each visitor who begins something and does not end it.
 */
export function createSealedCookie<T extends object>(options: {
  /** Its name, and what its key is for. */
  name: string
  secrets: readonly string[]
  cookies: Cookies
  lifeMs: number
  now(): number
}): SealedCookie<T> {
  const { cookies, lifeMs, now } = options
  const name = `${cookies.prefix}${options.name}`
  const keys = options.secrets.map((secret) => Buffer.from(hkdfSync('sha256', secret, '', options.name, 32)))
  const attributes = (request: Request) => {
    const secure = cookies.secure === 'auto' ? request.secure : cookies.secure
    return { httpOnly: true, sameSite: 'lax', secure, path: cookies.path } as const
  }

  return {
    write(request, response, data) {
      const text = JSON.stringify({ data, endsAt: now() + lifeMs })
      response.cookie(name, seal(text, keys[0]!), { ...attributes(request), maxAge: lifeMs })
    },
    read(request) {
      const value = cookieOf(request, name)
      const text = value === undefined ? null : open(value, keys)
      if (text === null) return null
      const { data, endsAt } = JSON.parse(text) as { data: T & JsonObject; endsAt: number }
      return now() < endsAt ? data : null
    },
    clear(request, response) {
      if (cookieOf(request, name) !== undefined) response.clearCookie(name, attributes(request))
    },
  }
}

function seal(text: string, key: Buffer): string {
  const iv = randomBytes(ivBytes)
  const cipher = createCipheriv('aes-256-gcm', key, iv)
  return Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64url')
}

function open(sealed: string, keys: readonly Buffer[]): string | null {
  const bytes = Buffer.from(sealed, 'base64url')
  if (bytes.length < ivBytes + tagBytes) return null
  for (const key of keys) {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, ivBytes))
    decipher.setAuthTag(bytes.subarray(-tagBytes))
    try {
      return decipher.update(bytes.subarray(ivBytes, -tagBytes), undefined, 'utf8') + decipher.final('utf8')
    } catch {
      // Under another key, or not by us.
    }
  }
  return null
}
