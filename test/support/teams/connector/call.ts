import type { Json, JsonObject } from '../../../../src/types.ts'
import type { Fault, TeamsError } from '../faults.ts'
import { teamsErrors } from '../faults.ts'

/** What a request to the connector is about. `file` is a shared file's link, which is not the connector's. */
export type Operation =
  | 'post'
  | 'put'
  | 'delete'
  | 'create'
  | 'member'
  | 'members'
  | 'pagedmembers'
  | 'attachment'
  | 'file'

/** One request as the connector got it. */
export interface Call {
  operation: Operation
  method: string
  /** As it came, still encoded. */
  path: string
  /** Decoded, with `;messageid=` where it had one. */
  conversation?: string
  /** The activity it changes, or answers by its path. */
  activity?: string
  body?: JsonObject
  headers: Record<string, string>
  /** On the stand-in's clock. */
  at: number
  /** The connector did what was asked, whatever it answered. */
  done: boolean
  status?: number
  answer?: Json
  fault?: Fault['kind']
}

export interface Answer {
  status: number
  body?: Json
  bytes?: Buffer
  type?: string
  headers?: Record<string, string>
}

/** The connector says no. `flat`: code and message stand in the body itself, as Teams does for streaming's 405. */
export class Refusal extends Error {
  readonly status: number
  readonly code: string
  readonly flat: boolean
  readonly headers: Record<string, string>
  constructor(
    status: number,
    code: string,
    message: string,
    more: { flat?: boolean; headers?: Record<string, string> } = {},
  ) {
    super(message)
    this.status = status
    this.code = code
    this.flat = more.flat ?? false
    this.headers = more.headers ?? {}
  }
  answer(): Answer {
    const error = { code: this.code, message: this.message }
    return { status: this.status, body: this.flat ? error : { error }, headers: this.headers }
  }
}

export function refuse(name: TeamsError, headers?: Record<string, string>): Refusal {
  const { status, code, message } = teamsErrors[name]
  return new Refusal(status, code, message, headers && { headers })
}

/** The activity is not what the schema, or Teams, wants. */
export const badSyntax = (message: string): Refusal => new Refusal(400, 'BadSyntax', message)
export const badArgument = (message: string): Refusal => new Refusal(400, 'BadArgument', message)
