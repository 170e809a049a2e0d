import type { Json, JsonObject } from '../../../src/types.ts'

export interface RawAnswer {
  status: number
  headers: Headers
  body: JsonObject & { ok?: boolean; error?: string; ts?: string }
}

/** One call of the Web API as a form, without a client's retries and checks. Values that are no strings go as JSON. */
export async function rawCall(
  slack: { apiUrl: string; botToken: string },
  method: string,
  args: Record<string, Json> = {},
  token: string | null = slack.botToken,
): Promise<RawAnswer> {
  const fields = Object.entries(args).map(([key, value]): [string, string] => [
    key,
    typeof value === 'string' ? value : JSON.stringify(value),
  ])
  const response = await fetch(`${slack.apiUrl}${method}`, {
    method: 'POST',
    body: new URLSearchParams(fields),
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as RawAnswer['body'] }
}
