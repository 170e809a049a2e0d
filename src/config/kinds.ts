import { isIP } from 'node:net'
import { z } from 'zod'
import { Secret } from './secret.ts'

/**
 * The kinds of values a variable can have: in words for people, and as the schema that turns text into the value.
 * What a schema says of a fault follows the variable's name and value, and never repeats the value.
 */
export interface Kind<T> {
  type: string
  schema: z.ZodType<T, string>
}

/** A schema from a function that returns the value, or throws a `Wrong` with what is wrong. */
function parsed<T>(parse: (text: string) => T): z.ZodType<T, string> {
  return z.string().transform((text, context) => {
    try {
      return parse(text)
    } catch (thrown) {
      if (!(thrown instanceof Wrong)) throw thrown
      context.addIssue({ code: 'custom', message: thrown.message })
      return z.NEVER
    }
  })
}

class Wrong extends Error {}

const split = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')

export function whole(min: number, max: number): Kind<number> {
  const type = `whole number, ${min} to ${max}`
  const range = z.number().min(min, `is below ${min}`).max(max, `is above ${max}`)
  return { type, schema: z.string().regex(/^\d+$/, 'is not a whole number').transform(Number).pipe(range) }
}

export function decimal(min: number, max: number): Kind<number> {
  const type = `number, ${min} to ${max}`
  const range = z.number().min(min, `is below ${min}`).max(max, `is above ${max}`)
  return {
    type,
    schema: z
      .string()
      .regex(/^-?\d*\.?\d+$/, 'is not a number')
      .transform(Number)
      .pipe(range),
  }
}

export function oneOf<const T extends string>(...words: T[]): Kind<T> {
  return {
    type: words.map((word) => `\`${word}\``).join(' or '),
    schema: z.string().pipe(z.enum(words, 'is none of these')),
  }
}

/** `on` or `off`, and the usual other ways to say so. */
export const onOff: Kind<boolean> = {
  type: '`on` or `off`',
  schema: z
    .string()
    .toLowerCase()
    .pipe(z.enum(['on', 'true', '1', 'yes', 'off', 'false', '0', 'no'], 'is neither `on` nor `off`'))
    .transform((word) => ['on', 'true', '1', 'yes'].includes(word)),
}

export function text(type = 'text'): Kind<string> {
  return { type, schema: z.string() }
}

export function matching(type: string, pattern: RegExp, problem: string): Kind<string> {
  return { type, schema: z.string().regex(pattern, problem) }
}

/** Of applications and tenants in Entra ID. */
export const guid = matching(
  'GUID',
  /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i,
  'is no GUID such as 11111111-2222-3333-4444-555555555555',
)

export function listOf(item: Kind<string>, type: string): Kind<string[]> {
  return { type, schema: z.string().transform(split).pipe(z.array(item.schema)) }
}

export const secret: Kind<Secret> = { type: 'text', schema: z.string().transform((value) => new Secret(value)) }

/** Secrets of which the first signs and all verify, so that they can be changed without signing everybody out. */
export function secretList(minLength: number): Kind<Secret[]> {
  return {
    type: `list of texts of at least ${minLength} characters`,
    schema: parsed((value) => {
      const secrets = split(value)
      if (secrets.length === 0) throw new Wrong('is empty')
      if (secrets.some((one) => one.length < minLength)) throw new Wrong(`is shorter than ${minLength} characters`)
      return secrets.map((one) => new Secret(one))
    }),
  }
}

/** AES-256 keys of which the first encrypts and all decrypt. */
export const keyList: Kind<Secret[]> = {
  type: 'list of keys of 32 bytes, each in base64 or hex',
  schema: parsed((value) => {
    const keys = split(value)
    if (keys.length === 0) throw new Wrong('is empty')
    if (!keys.every((key) => Buffer.from(key, /^[0-9a-f]{64}$/i.test(key) ? 'hex' : 'base64').length === 32))
      throw new Wrong('has a key that is not 32 bytes long')
    return keys.map((key) => new Secret(key))
  }),
}

/** '' or '/bot': what goes in front of every path. */
export const path: Kind<string> = {
  type: 'path such as `/bot`',
  schema: parsed((value) => {
    const trimmed = value.replace(/^\/+|\/+$/g, '')
    if (trimmed === '') return ''
    if (!/^[\w.~-]+(\/[\w.~-]+)*$/.test(trimmed)) throw new Wrong('has characters other than letters, digits and -._~')
    if (trimmed.split('/').some((part) => part === '.' || part === '..'))
      throw new Wrong('has a part that is only dots')
    return `/${trimmed}`
  }),
}

function urlOf(value: string): URL {
  if (!URL.canParse(value)) throw new Wrong('is not a URL')
  return new URL(value)
}

/** Without a slash at its end. */
export const webUrl: Kind<string> = {
  type: 'URL, `http://` or `https://`',
  schema: parsed((value) => {
    const url = urlOf(value)
    if (url.protocol !== 'http:' && url.protocol !== 'https:')
      throw new Wrong('does not begin with http:// or https://')
    if (url.username || url.password) throw new Wrong('has a user name or password in it')
    if (url.search || url.hash) throw new Wrong('has a ? or # part')
    return url.href.replace(/\/+$/, '')
  }),
}

/** A secret as a whole: it may hold a password. */
export const redisUrl: Kind<Secret> = {
  type: 'URL, `redis://` or `rediss://` (TLS)',
  schema: parsed((value) => {
    const url = urlOf(value)
    if (url.protocol !== 'redis:' && url.protocol !== 'rediss:')
      throw new Wrong('does not begin with redis:// or rediss://')
    if (!url.hostname) throw new Wrong('names no host')
    if (!/^\/?\d*$/.test(url.pathname)) throw new Wrong('has a database that is not a number')
    // ioredis decodes both.
    if (!decodes(url.username) || !decodes(url.password)) throw new Wrong('has a % that must be written as %25')
    return new Secret(value)
  }),
}

function decodes(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

export interface HostPort {
  host: string
  port: number
}

export const hostPorts: Kind<HostPort[]> = {
  type: 'list of `host:port`',
  schema: parsed((value) =>
    split(value).map((item) => {
      if (!/^(\[[0-9a-f:.]+\]|[\w.-]+):\d+$/i.test(item)) throw new Wrong('has a part that is not host:port')
      const colon = item.lastIndexOf(':')
      const port = Number(item.slice(colon + 1))
      if (port < 1 || port > 65_535) throw new Wrong('has a port that is not 1 to 65535')
      return { host: item.slice(0, colon).replace(/^\[|\]$/g, ''), port }
    }),
  ),
}

const proxyNames = ['loopback', 'linklocal', 'uniquelocal']

function isNetwork(item: string): boolean {
  if (proxyNames.includes(item)) return true
  const [address = '', bits, ...rest] = item.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0) return false
  return bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
}

/** In the terms of Express' `trust proxy`, without `true`: that would believe whatever a stranger writes into a header. */
export const trustProxy: Kind<false | number | string[]> = {
  type: '`false`, the number of proxies in front, or a list of their addresses (CIDR, `loopback`, `uniquelocal`)',
  schema: parsed((value) => {
    if (value === 'false' || value === '0') return false
    if (/^\d{1,2}$/.test(value)) return Number(value)
    const items = split(value)
    if (items.length === 0 || !items.every(isNetwork))
      throw new Wrong(value === 'true' ? 'would trust everybody' : 'is neither a number nor a list of addresses')
    return items
  }),
}

export const levelNames = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type Level = (typeof levelNames)[number]

export const levels: Kind<Record<string, Level>> = {
  type: 'list of `component=level`',
  schema: parsed((value) => {
    const pairs = split(value).map((item): [string, Level] => {
      const [, name, level] = /^([\w-]+)=(.*)$/.exec(item) ?? []
      if (name === undefined) throw new Wrong('has a part that is not component=level')
      const known = levelNames.find((one) => one === level)
      if (!known) throw new Wrong(`has a level other than ${levelNames.join(', ')}`)
      return [name, known]
    })
    return Object.fromEntries(pairs)
  }),
}

/** JSON of some shape. */
export function json<T>(type: string, shape: z.ZodType<T>): Kind<T> {
  return {
    type,
    schema: parsed((value) => {
      let data: unknown
      try {
        data = JSON.parse(value)
      } catch {
        throw new Wrong('is not JSON')
      }
      const result = shape.safeParse(data)
      if (result.success) return result.data
      const first = result.error.issues[0]!
      throw new Wrong(`does not fit at ${first.path.join('.') || 'the top'}: ${first.message}`)
    }),
  }
}
