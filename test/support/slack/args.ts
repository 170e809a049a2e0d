import type { Json, JsonObject } from '../../../src/types.ts'
import { invalidArguments, type Parsed, SlackRefusal } from './request.ts'

/**
 * What a method takes. `!` marks a required argument. In forms all values are strings and `json` ones are JSON text; in a
 * JSON body they are themselves.
 */
export type ArgSpec = Record<string, `${'string' | 'ts' | 'json' | 'boolean' | 'number'}${'' | '!'}`>

/** The error for a field that should be JSON and is not; each family of fields has its own. */
const jsonErrors: Record<string, string> = {
  blocks: 'invalid_blocks_format',
  chunks: 'invalid_chunks',
  metadata: 'invalid_metadata_format',
  attachments: 'invalid_attachments',
}

const tsErrors: Record<string, string> = { thread_ts: 'invalid_thread_ts', ts: 'message_not_found' }

/** Every method takes these: `team_id` for organisation tokens, `client_msg_id` undocumented but real. */
const everywhere = new Set(['team_id', 'client_msg_id'])

/**
 * Check and convert a call's arguments. Slack ignores names it does not know; here they are refused, because a client that
 * sends one means something that will not happen.
 */
export function readArgs(parsed: Parsed, spec: ArgSpec): JsonObject {
  const args: JsonObject = {}
  for (const [name, value] of Object.entries(parsed.args)) {
    const type = spec[name]
    if (!type) {
      if (everywhere.has(name)) args[name] = value
      else throw invalidArguments(`unexpected argument: ${name}`)
      continue
    }
    const converted = convert(name, value, type.replace('!', ''), parsed.json)
    if (converted !== undefined) args[name] = converted
  }
  const missing = Object.keys(spec).filter((name) => spec[name]!.endsWith('!') && args[name] === undefined)
  if (missing.length > 0) throw invalidArguments(...missing.map((name) => `missing required field: ${name}`))
  return args
}

function convert(name: string, value: Json, type: string, json: boolean): Json | undefined {
  if (value === null) return undefined
  if (type === 'json') return asJson(name, value, json)
  if (type === 'boolean') {
    if (value === true || value === 'true' || value === '1' || value === 1) return true
    if (value === false || value === 'false' || value === '0' || value === 0 || value === '') return false
    throw invalidArguments(`must be a boolean: ${name}`)
  }
  if (type === 'number') {
    const number = Number(value)
    if (value === '' || !Number.isInteger(number)) throw invalidArguments(`must be an integer: ${name}`)
    return number
  }
  if (typeof value !== 'string') throw new SlackRefusal('invalid_array_arg')
  if (type === 'ts') {
    if (value === '') return undefined
    if (!/^\d{10}\.\d{6}$/.test(value)) throw new SlackRefusal(tsErrors[name] ?? 'invalid_arguments')
  }
  // A lone surrogate cannot travel as UTF-8, so it never arrives; a NUL does, and Slack drops it.
  return value.replaceAll('\u0000', '')
}

function asJson(name: string, value: Json, json: boolean): Json | undefined {
  if (json && typeof value !== 'string') return value
  if (value === '') return undefined
  try {
    return JSON.parse(String(value)) as Json
  } catch {
    throw new SlackRefusal(jsonErrors[name] ?? 'invalid_arguments', {
      response_metadata: { messages: [`[ERROR] not valid JSON: ${name}`] },
    })
  }
}
