import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Request, Response } from 'express'
import { Fault } from '../../src/errors.ts'
import type { Cookies } from './sessions.ts'

const secretBytes = 24
/** How long an opened login form stays good. */
const formMs = 12 * 3_600_000

export function newCsrfSecret(): string {
  return randomBytes(secretBytes).toString('base64url')
}

/** A token that looks different each time, so that compressed pages do not give it away (BREACH). */
export function csrfToken(secret: string): string {
  const plain = Buffer.from(secret, 'base64url')
  const mask = randomBytes(plain.length)
  return Buffer.concat([mask, xor(plain, mask)]).toString('base64url')
}

export function isCsrfToken(token: unknown, secret: string): boolean {
  if (typeof token !== 'string' || token.length > 200) return false
  const bytes = Buffer.from(token, 'base64url')
  const plain = Buffer.from(secret, 'base64url')
  if (bytes.length !== plain.length * 2) return false
  return timingSafeEqual(xor(bytes.subarray(plain.length), bytes.subarray(0, plain.length)), plain)
}

function xor(left: Buffer, right: Buffer): Buffer {
  return Buffer.from(left.map((byte, at) => byte ^ right[at]!))
}

/**
 * The second line of defence: browsers say where a request comes from. Those that say nothing (no browser, or one that
 * is old and on plain HTTP) have the token alone.
 */
export function refuseForeignOrigin(request: Request): void {
  const site = request.get('sec-fetch-site')
  const origin = request.get('origin')
  if (site) {
    if (site !== 'same-origin' && site !== 'none') throw new Fault('bad_csrf', { detail: 'from another site' })
  } else if (origin && hostOf(origin) !== request.host.toLowerCase()) {
    throw new Fault('bad_csrf', { detail: 'from another origin' })
  }
}

/** Without the scheme: behind a proxy that we do not trust, we cannot know it. */
function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}

export interface LoginForm {
  /** A token for the login form; sets the cookie it belongs to. */
  issue(request: Request, response: Response): string
  verify(request: Request, token: unknown): boolean
}

/**
 * The login form has no session to keep a secret in, and visitors must not fill the store: its secret is made of a random
 * cookie under our signature, so that nothing is stored and a planted cookie is good for nothing without the token.
 */
export function createLoginForm(options: { secrets: readonly string[]; cookies: Cookies; now(): number }): LoginForm {
  const { secrets, cookies, now } = options
  const name = `${cookies.prefix}chat_form`
  const sign = (secret: string, value: string): string =>
    createHmac('sha256', secret).update(`login form ${value}`).digest('base64url')
  const isGood = (value: string | undefined): value is string => {
    const endsAt = Number.parseInt(value?.split('.')[0] ?? '', 36)
    return endsAt > now() && endsAt <= now() + formMs
  }

  return {
    issue(request, response) {
      let value = cookieOf(request, name)
      if (!isGood(value)) {
        value = `${(now() + formMs).toString(36)}.${randomBytes(16).toString('base64url')}`
        const secure = cookies.secure === 'auto' ? request.secure : cookies.secure
        response.cookie(name, value, { httpOnly: true, sameSite: 'lax', secure, path: cookies.path, maxAge: formMs })
      }
      return csrfToken(sign(secrets[0]!, value))
    },
    verify(request, token) {
      const value = cookieOf(request, name)
      return isGood(value) && secrets.some((secret) => isCsrfToken(token, sign(secret, value)))
    },
  }
}

/** A cookie as the browser sent it. */
export function cookieOf(request: Request, name: string): string | undefined {
  for (const pair of request.get('cookie')?.split(';') ?? []) {
    const [key, value] = pair.trim().split('=', 2)
    if (key === name && value) return value
  }
  return undefined
}
