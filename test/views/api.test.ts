import { describe, expect, it } from 'vitest'
import { ApiError, createApi, newMessageId } from '../../views/assets/api.js'

interface Asked {
  url: string
  method: string | undefined
  headers: Record<string, string>
  body: unknown
}

/** An API over a server that gives these answers, one after the other; an `Error` is a lost connection. */
function api(...replies: (Response | Error)[]) {
  const asked: Asked[] = []
  const waits: number[] = []
  const reached: boolean[] = []
  let signedOut = 0
  const made = createApi({
    base: '/bot',
    csrf: 'token',
    signedOut: () => signedOut++,
    reached: (answered) => reached.push(answered),
    async fetch(url, { method, headers, body } = {}) {
      asked.push({
        url: String(url),
        method,
        headers: headers as Record<string, string>,
        body: body && JSON.parse(String(body)),
      })
      const reply = replies.shift()
      if (!reply || reply instanceof Error) throw reply ?? new Error('no more replies')
      return reply
    },
    async wait(ms) {
      waits.push(ms)
    },
  })
  return { ...made, asked, waits, reached, signedOut: () => signedOut }
}

const json = (status: number, body: object) => Response.json(body, { status })
const failure = (status: number, code: string) =>
  json(status, { error: { code, text: `Words for ${code}.`, retry: true } })
const accepted = () => json(202, { status: 'accepted', conversation: 'c', turn: 't' })
const lost = () => new TypeError('Failed to fetch')
const message = { id: newMessageId(), text: 'Hello' }

describe('the API from the page', () => {
  it('sends the token with every write and with no read', async () => {
    const { me, rename, remove, asked } = api(
      json(200, {}),
      new Response(null, { status: 204 }),
      new Response(null, { status: 204 }),
    )
    await me()
    await rename('a b', 'Title')
    await remove('a b')
    expect(asked.map(({ headers }) => headers['x-csrf-token'])).toEqual([undefined, 'token', 'token'])
    expect(asked[1]).toMatchObject({ url: '/bot/api/conversations/a%20b', method: 'PATCH', body: { title: 'Title' } })
  })

  it('sends a message again under the same id until it is heard', async () => {
    const { send, asked, waits } = api(lost(), failure(503, 'store_unavailable'), accepted())
    expect(await send(message)).toMatchObject({ status: 'accepted', turn: 't' })
    expect(asked.map(({ body }) => body)).toEqual([message, message, message])
    expect(waits).toEqual([400, 1_500])
  })

  it('gives up after a few tries, with words that can be shown', async () => {
    const { send, asked, reached } = api(lost(), lost(), lost(), lost(), accepted())
    const error = await send(message).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(ApiError)
    expect(error.notice).toMatchObject({ code: 'offline', retry: true })
    expect(asked).toHaveLength(4)
    expect(reached).toEqual([false, false, false, false])
  })

  it.each([400, 404, 413, 429, 500])('does not send again what was refused with %i', async (status) => {
    const { send, asked } = api(failure(status, 'refused'), accepted())
    await expect(send(message)).rejects.toMatchObject({ status, notice: { text: 'Words for refused.' } })
    expect(asked).toHaveLength(1)
  })

  it('tells when one is signed out', async () => {
    const { me, signedOut } = api(failure(401, 'not_signed_in'))
    await expect(me()).rejects.toMatchObject({ status: 401 })
    expect(signedOut()).toBe(1)
  })

  it('has words of its own for an answer that is none of ours', async () => {
    const { me } = api(new Response('<html>Bad gateway</html>', { status: 502 }))
    await expect(me()).rejects.toMatchObject({ status: 502, notice: { code: 'internal', retry: true } })
  })

  it('lets a request that was called off end as such', async () => {
    const { list, reached } = api(lost())
    const off = new AbortController()
    off.abort()
    await expect(list({}, off.signal)).rejects.not.toBeInstanceOf(ApiError)
    expect(reached).toEqual([])
  })

  it('makes ids without a secure context, too', () => {
    const own = Object.getOwnPropertyDescriptor(crypto, 'randomUUID')
    Object.defineProperty(crypto, 'randomUUID', { value: undefined, configurable: true })
    try {
      for (let at = 0; at < 100; at++)
        expect(newMessageId()).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
    } finally {
      if (own) Object.defineProperty(crypto, 'randomUUID', own)
      else Reflect.deleteProperty(crypto, 'randomUUID')
    }
  })
})
