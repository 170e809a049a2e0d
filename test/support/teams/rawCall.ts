import type { Json, JsonObject } from '../../../src/types.ts'
import type { TeamsStandIn } from './index.ts'

export interface RawAnswer {
  status: number
  body: Json | undefined
  headers: Headers
  /** The code of Teams' error, wherever it stands. */
  code: string | undefined
  message: string | undefined
}

/** One call of the connector as any client makes it; `token` null: without one. */
export async function rawCall(
  teams: TeamsStandIn,
  method: string,
  path: string,
  body?: Json | string,
  options: { token?: string | null; type?: string } = {},
): Promise<RawAnswer> {
  const token = options.token === undefined ? teams.token : options.token
  const response = await fetch(`${teams.serviceUrl}v3/${path}`, {
    method,
    headers: {
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': options.type ?? 'application/json' }),
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const parsed = text === '' ? undefined : (JSON.parse(text) as Json)
  const error = ((parsed as JsonObject | undefined)?.error ?? parsed) as JsonObject | undefined
  return {
    status: response.status,
    body: parsed,
    headers: response.headers,
    code: error?.code as string | undefined,
    message: error?.message as string | undefined,
  }
}
