import type { IncomingMessage } from 'node:http'
import type { Json, JsonObject } from '../../../src/types.ts'

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A refusal by Slack: 200 with `ok: false`, unless it names a status. */
export class SlackRefusal extends Error {
  readonly error: string
  readonly more: JsonObject
  readonly status: number
  readonly headers: Record<string, string>

  constructor(error: string, more: JsonObject = {}, status = 200, headers: Record<string, string> = {}) {
    super(error)
    this.error = error
    this.more = more
    this.status = status
    this.headers = headers
  }
}

/** `invalid_arguments` with Slack's explanation of what is wrong. */
export function invalidArguments(...messages: string[]): SlackRefusal {
  return new SlackRefusal('invalid_arguments', {
    response_metadata: { messages: messages.map((message) => `[ERROR] ${message}`) },
  })
}

export async function readBody(request: IncomingMessage, limit = 4 * 1024 * 1024): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size > limit) throw new SlackRefusal('request_too_large', {}, 413)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

export interface Uploaded {
  field: string
  name: string
  bytes: Buffer
}

/** A call's arguments: strings from forms and queries, any JSON from a JSON body, files from multipart. */
export interface Parsed {
  args: JsonObject
  files: Uploaded[]
  token?: string
  /** Fields came as JSON values, not as strings. */
  json: boolean
}

const charsets = ['utf-8', 'utf8', 'iso-8859-1']

/** Read a call the way Slack does, refusing what Slack refuses. */
export async function parseRequest(request: IncomingMessage, body: Buffer, query: URLSearchParams): Promise<Parsed> {
  const args: JsonObject = Object.fromEntries(query)
  const files: Uploaded[] = []
  const header = request.headers['content-type'] ?? ''
  const [type = '', ...parameters] = header.split(';').map((part) => part.trim().toLowerCase())
  const charset = parameters
    .find((parameter) => parameter.startsWith('charset='))
    ?.slice(8)
    .replaceAll('"', '')
  if (charset !== undefined && !charsets.includes(charset)) throw new SlackRefusal('invalid_charset')
  let json = false
  if (body.length > 0) {
    if (!type) throw new SlackRefusal('missing_post_type')
    if (type === 'application/json') {
      Object.assign(args, parseJsonBody(body))
      json = true
    } else if (type === 'application/x-www-form-urlencoded') {
      for (const [key, value] of new URLSearchParams(body.toString('utf8'))) args[key] = value
    } else if (type === 'multipart/form-data') {
      await readMultipart(header, body, args, files)
    } else throw new SlackRefusal('invalid_post_type')
  }
  const authorization = request.headers.authorization
  const bearer = authorization?.startsWith('Bearer ') ? authorization.slice(7).trim() : undefined
  const token = bearer ?? (typeof args.token === 'string' ? args.token : undefined)
  delete args.token
  return { args, files, json, ...(token && { token }) }
}

function parseJsonBody(body: Buffer): JsonObject {
  let parsed: Json
  try {
    parsed = JSON.parse(body.toString('utf8')) as Json
  } catch {
    throw new SlackRefusal('invalid_json')
  }
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) throw new SlackRefusal('json_not_object')
  return parsed
}

async function readMultipart(type: string, body: Buffer, args: JsonObject, files: Uploaded[]): Promise<void> {
  let form: FormData
  try {
    form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData()
  } catch {
    throw new SlackRefusal('invalid_form_data')
  }
  for (const [field, value] of form) {
    if (typeof value === 'string') args[field] = value
    else files.push({ field, name: value.name, bytes: Buffer.from(await value.arrayBuffer()) })
  }
}
