/** A person at the web page without a browser: signs in, keeps cookies, speaks the JSON API and reads event streams. */
export interface Visitor {
  request(path: string, init?: RequestInit): Promise<Response>
  login(username: string, password: string): Promise<void>
  api<T = unknown>(method: string, path: string, body?: unknown): Promise<T>
  send(
    text: string,
    more?: { id?: string; conversation?: string; replaces?: string },
  ): Promise<{ status: string; conversation: string; turn: string }>
  messages(conversation: string): Promise<{ messages: StoredMessage[]; pending: { turn: string }[] }>
  /** Follow a turn until `stop` says so or its end; resolves with the text as the page would show it. */
  follow(
    conversation: string,
    turn: string,
    stop?: (text: string) => boolean,
  ): Promise<{ text: string; ended: boolean; id: string }>
}

export interface StoredMessage {
  role: string
  text: string
  turn: string
  answer?: { stop: string; notice?: { code: string } }
}

export class ApiError extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string) {
    super(`${status} ${code}`)
    this.status = status
    this.code = code
  }
}

export function visit(base: string): Visitor {
  const cookies = new Map<string, string>()
  let csrf = ''

  async function request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    if (cookies.size > 0) headers.set('cookie', [...cookies].map(([name, value]) => `${name}=${value}`).join('; '))
    const response = await fetch(base + path, { redirect: 'manual', ...init, headers })
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      if (/max-age=0|expires=thu, 01 jan 1970/i.test(cookie)) cookies.delete(name)
      else cookies.set(name, value)
    }
    return response
  }

  async function api<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await request(`/api${path}`, {
      method,
      headers: { 'x-csrf-token': csrf, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const parsed = text === '' ? undefined : JSON.parse(text)
    if (!response.ok) throw new ApiError(response.status, parsed?.error?.code)
    return parsed as T
  }

  return {
    request,
    api,
    async login(username, password) {
      const page = await (await request('/login')).text()
      const form = new URLSearchParams({ username, password, _csrf: field(page) })
      const response = await request('/login', { method: 'POST', body: form })
      if (response.status !== 303) throw new Error(`could not sign in: ${response.status}`)
      const chat = await (await request('/')).text()
      csrf = /<meta name="csrf" content="([^"]+)"/.exec(chat)?.[1] ?? ''
    },
    send: (text, more = {}) => api('POST', '/messages', { id: crypto.randomUUID(), text, ...more }),
    messages: (conversation) => api('GET', `/conversations/${conversation}?limit=200`),
    async follow(conversation, turn, stop = () => false) {
      const controller = new AbortController()
      const response = await request(`/api/conversations/${conversation}/turns/${turn}/stream`, {
        signal: controller.signal,
      })
      if (!response.ok || !response.body) throw new ApiError(response.status, 'stream')
      const view = { text: '', ended: false, id: '' }
      for await (const event of events(response.body)) {
        if (event.id) view.id = event.id
        if (event.type === 'text') view.text = view.text.slice(0, event.data.offset) + event.data.text
        if (event.type === 'reset') view.text = event.data.text ?? ''
        if (event.type === 'end') view.ended = true
        if (view.ended || stop(view.text)) break
      }
      controller.abort()
      return view
    },
  }
}

function field(page: string): string {
  return /name="_csrf" value="([^"]+)"/.exec(page)?.[1] ?? ''
}

interface ServerEvent {
  type: string
  id: string
  data: { offset?: number; text?: string }
}

async function* events(body: ReadableStream<Uint8Array>): AsyncIterable<ServerEvent> {
  let waiting = ''
  const decoder = new TextDecoder()
  for await (const chunk of body) {
    waiting += decoder.decode(chunk, { stream: true })
    const blocks = waiting.split('\n\n')
    waiting = blocks.pop() ?? ''
    for (const block of blocks) {
      const fields = Object.fromEntries(
        block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
      )
      if (fields.event) yield { type: fields.event, id: fields.id ?? '', data: JSON.parse(fields.data || '{}') }
    }
  }
}
