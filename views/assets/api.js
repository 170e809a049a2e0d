/**
 * The JSON API. Every failure is an `ApiError` with words that can be shown as they are.
 * @import { ConversationItem, Message, Notice, Opened } from '../api.d.ts'
 */

export class ApiError extends Error {
  /**
   * @param {number} status 0: no answer came
   * @param {Notice} notice
   */
  constructor(status, notice) {
    super(notice.code)
    this.name = 'ApiError'
    this.status = status
    this.notice = notice
  }
}

const offline = { code: 'offline', text: 'The connection is lost. What you wrote is kept.', retry: true }
const unreadable = { code: 'internal', text: 'Something went wrong on our side. Please try again.', retry: true }

/** Waits before a message is sent again under the same id, in milliseconds. */
const retryAfter = [400, 1_500, 4_000]
/** No answer, or one of a proxy or a server that is restarting: what was asked may or may not have happened. */
const passing = new Set([0, 502, 503, 504])

/**
 * @param {object} options
 * @param {string} options.base
 * @param {string} options.csrf
 * @param {() => void} options.signedOut
 * @param {(reached: boolean) => void} options.reached told after each request whether the server answered
 * @param {typeof globalThis.fetch} [options.fetch]
 * @param {(ms: number) => Promise<void>} [options.wait]
 */
export function createApi({ base, csrf, signedOut, reached, fetch = globalThis.fetch.bind(globalThis), wait = pause }) {
  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @param {AbortSignal} [signal]
   */
  async function request(method, path, body, signal) {
    const response = await fetch(`${base}/api/${path}`, {
      method,
      signal,
      headers: {
        accept: 'application/json',
        ...(method === 'GET' ? {} : { 'x-csrf-token': csrf }),
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      body: body && JSON.stringify(body),
    }).catch((error) => {
      if (signal?.aborted) throw error
      reached(false)
      throw new ApiError(0, offline)
    })
    reached(true)
    if (response.status === 204) return undefined
    const answer = await response.json().catch(() => undefined)
    if (response.ok) return answer
    if (response.status === 401) signedOut()
    throw new ApiError(response.status, answer?.error ?? unreadable)
  }

  /** @param {string} id */
  const conversation = (id) => `conversations/${encodeURIComponent(id)}`

  return {
    me: () => request('GET', 'me'),

    /**
     * @param {{ before?: string, q?: string }} query
     * @param {AbortSignal} [signal]
     * @returns {Promise<{ items: ConversationItem[], next?: string }>}
     */
    list: ({ before, q }, signal) =>
      request(
        'GET',
        `conversations?${new URLSearchParams({ limit: '30', ...(before && { before }), ...(q && { q }) })}`,
        undefined,
        signal,
      ),

    /** @param {string} id @returns {Promise<Opened>} */
    open: (id) => request('GET', `${conversation(id)}?limit=50`),

    /** @param {string} id @param {number} before @returns {Promise<{ messages: Message[], before?: number }>} */
    earlier: (id, before) => request('GET', `${conversation(id)}/messages?before=${before}&limit=50`),

    /**
     * Sent again a few times when no clear answer came: it is the same message by its id, so it is heard once.
     * @param {{ id: string, text: string, conversation?: string, replaces?: string }} message
     * @returns {Promise<{ status: 'accepted' | 'duplicate', conversation: string, turn: string }>}
     */
    async send(message) {
      for (let attempt = 0; ; attempt++) {
        try {
          return await request('POST', 'messages', message)
        } catch (error) {
          const again = error instanceof ApiError && passing.has(error.status)
          const ms = retryAfter[attempt]
          if (!again || ms === undefined) throw error
          await wait(ms)
        }
      }
    },

    /** @param {string} id @param {string} title */
    rename: (id, title) => request('PATCH', conversation(id), { title }),
    /** @param {string} id */
    remove: (id) => request('DELETE', conversation(id)),
    /** @param {string} id @param {string} turn */
    stop: (id, turn) => request('POST', `${conversation(id)}/stop`, { turn }),
    /** @param {string} id @param {string} turn @param {{ value: 'up' | 'down' | null, comment?: string }} rating */
    rate: (id, turn, rating) =>
      request('PUT', `${conversation(id)}/turns/${encodeURIComponent(turn)}/feedback`, rating),

    /** @param {string} id @param {'markdown' | 'json'} format */
    exportPath: (id, format) => `${base}/api/${conversation(id)}/export?format=${format}`,
    /** @param {string} id @param {string} turn @param {string} [from] */
    streamPath: (id, turn, from) =>
      `${base}/api/${conversation(id)}/turns/${encodeURIComponent(turn)}/stream${from ? `?${new URLSearchParams({ from })}` : ''}`,
  }
}

/** @typedef {ReturnType<typeof createApi>} Api */

/** @param {number} ms @returns {Promise<void>} */
function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Words for whatever was thrown. @param {unknown} error @returns {Notice} */
export function noticeOf(error) {
  if (error instanceof ApiError) return error.notice
  console.error(error)
  return { code: 'internal', text: 'Something went wrong on this page. Reload it and try again.', retry: false }
}

/** A message's own id. Pages without TLS have no `randomUUID`. */
export function newMessageId() {
  if (crypto.randomUUID) return crypto.randomUUID()
  const hex = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  const variant = '89ab'[Number.parseInt(hex[16] ?? '0', 16) % 4]
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
}
