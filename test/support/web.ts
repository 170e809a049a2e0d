import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, vi } from 'vitest'
import { createWeb, type Web, type WebConfig } from '../../adapters/web/index.ts'
import { createAdmin, type Workspace } from '../../src/admin.ts'
import { createAudit } from '../../src/audit.ts'
import { CannotTell, Fault } from '../../src/errors.ts'
import { createIdentities } from '../../src/identities.ts'
import { newId, webIdentityOf } from '../../src/ids.ts'
import { noRules, readRules } from '../../src/limits/rules.ts'
import { hashPassword, needsRehash, passwordFault, verifyPassword } from '../../src/passwords.ts'
import { createPeople } from '../../src/people.ts'
import { createPersonal } from '../../src/personal.ts'
import { createServer, type Server, type ServerConfig } from '../../src/server.ts'
import { createSetting } from '../../src/settings.ts'
import type { Entry, Store } from '../../src/store.ts'
import { openSqlite } from '../../src/stores/sqlite/index.ts'
import type { Allowance, Chat, JsonObject, Profile, Sender, User } from '../../src/types.ts'
import { createMemoryChat, type MemoryChat } from './chat.ts'
import { quietLog } from './log.ts'

export type Ports = Pick<
  Store,
  'users' | 'sessions' | 'counters' | 'conversations' | 'cache' | 'bus' | 'records' | 'usage' | 'vault' | 'absences'
>

export interface Site {
  url: string
  chat: MemoryChat
  ports: Ports
  web: Web
  server: Server
  lines: { level: string; fields: object; text: string }[]
  /** What passwords were checked against which hashes. */
  verified: [password: string, hash: string | undefined][]
  /** The audit log, the oldest first. */
  audited(): Promise<Entry[]>
  /** Make a user who can sign in. */
  addUser(name: string, password?: string, more?: Partial<User>): Promise<User>
  /** A browser without cookies. */
  visitor(): Browser
  /** A browser that is signed in; the user is made if need be. */
  person(name?: string): Promise<Browser>
  close(): Promise<void>
}

export interface SiteOptions {
  web?: Partial<WebConfig>
  server?: Partial<ServerConfig>
  ports?: Ports
  chat?: MemoryChat
  now?: () => number
  secrets?: string[]
  /** What a platform says of somebody who signs in there. By default it cannot tell. */
  profile?: (sender: Sender) => Promise<Profile>
  linkDomains?: string[]
  /** What is left of somebody's limits. */
  left?: (user: User) => Promise<Allowance[]>
  /** Where people come from, as admins see it. */
  workspaces?: Workspace[]
}

// Argon2id in every test, on a machine that has more to do.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

/** Wait for a condition, however slow the machine is. */
export const eventually = <T>(value: () => T) => expect.poll(value, { timeout: 20_000, interval: 10 })

/** Argon2id takes its time by design; one hash does for all users that need no password of their own. */
export const commonPassword = 'a good password'
const commonHash = hashPassword(commonPassword)

/** The web page over real HTTP, on a chat in memory. */
export async function startSite(options: SiteOptions = {}): Promise<Site> {
  const chat = options.chat ?? createMemoryChat({})
  const own = options.ports ? undefined : await temporaryStore(options.now)
  const ports = options.ports ?? own!.store
  const log = quietLog()
  const verified: Site['verified'] = []
  const production = options.web?.production ?? false
  const basePath = options.web?.basePath ?? ''
  const clock = options.now && { now: options.now }
  const audit = createAudit({ records: ports.records, log, ...clock })
  const people = createPeople({
    ...ports,
    profile: options.profile ?? (() => Promise.reject(new CannotTell('nothing is known here'))),
    linkDomains: new Set(options.linkDomains),
    audit,
    log,
    ...clock,
  })
  await people.start()
  const identities = createIdentities({ ...ports, people, audit, ...clock })
  const personal = createPersonal({ store: ports, stop: async () => {}, people, audit, ...clock })
  const left = options.left ?? (async () => [])
  const read = (stored: JsonObject) => readRules(stored, {})
  const rules = createSetting({ name: 'limits', initial: noRules, read, ...ports, log })
  const workspaces = async () =>
    options.workspaces ?? [{ id: 'web:local', name: 'The web page', how: 'built in' as const }]
  const admin = createAdmin({
    store: ports,
    people,
    identities,
    personal,
    limits: { left },
    rules,
    workspaces,
    audit,
    ...clock,
  })
  const web = createWeb({
    config: {
      basePath,
      production,
      sessions: { secrets: options.secrets ?? ['0'.repeat(32)], idleMs: 3_600_000, maxMs: 24 * 3_600_000 },
      maxMessageChars: 1_000,
      ...options.web,
    },
    chat: chat as Chat,
    ...ports,
    passwords: {
      hash: hashPassword,
      needsRehash,
      fault: passwordFault,
      verify(password, hash) {
        verified.push([password, hash])
        return verifyPassword(password, hash)
      },
    },
    identities,
    personal,
    left,
    admin,
    audit,
    model: { name: 'Test model', kind: 'demo' },
    log,
    ...(options.now && { clock: { now: options.now } }),
  })
  const server = createServer({
    config: { host: '127.0.0.1', port: 0, basePath, production, trustProxy: false, ...options.server },
    log,
    health: { ready: async () => ({ ok: true, reasons: [] }) },
    routes: [web.routes],
  })
  const { url } = await server.listen()
  await web.announce()

  const site: Site = {
    url,
    chat,
    ports,
    web,
    server,
    lines: log.lines,
    verified,
    audited: async () => (await ports.records.list('audit', { limit: 1_000 })).toReversed(),
    async addUser(name, password, more) {
      return ports.users.create({
        id: newId(),
        name,
        emails: [],
        roles: ['member'],
        state: 'active',
        identities: [webIdentityOf(name)],
        password: password === undefined ? await commonHash : await hashPassword(password),
        createdAt: Date.now(),
        seenAt: Date.now(),
        ...more,
      })
    },
    visitor: () => new Browser(url),
    async person(name = 'ada') {
      if (!(await ports.users.find(webIdentityOf(name)))) await site.addUser(name)
      const browser = site.visitor()
      const response = await browser.signIn(name)
      if (response.status !== 303) throw new Error(`could not sign in: ${response.status} ${await response.text()}`)
      return browser
    },
    async close() {
      web.close()
      people.close()
      await server.close(1_000)
      await own?.close()
    },
  }
  return site
}

/** The embedded engine, in a folder that goes with it. */
async function temporaryStore(now?: () => number) {
  const folder = await mkdtemp(join(tmpdir(), 'chat-web-'))
  const store = await openSqlite({ file: join(folder, 'chat.db'), ...(now && { now }) })
  return {
    store,
    async close() {
      await store.close()
      await rm(folder, { recursive: true })
    },
  }
}

/** Ports that fail as a store that is gone does, while `broken.now` is true. */
export function breakable(ports: Ports): { ports: Ports; broken: { now: boolean } } {
  const broken = { now: false }
  const guard = <T extends object>(port: T): T =>
    new Proxy(port, {
      get(target, key) {
        const method = Reflect.get(target, key)
        if (typeof method !== 'function') return method
        return (...args: unknown[]) =>
          broken.now ? Promise.reject(new Fault('store_unavailable')) : Reflect.apply(method, target, args)
      },
    })
  const { users, sessions, counters, conversations, cache, bus, records, usage, vault, absences } = ports
  const guarded = {
    users: guard(users),
    sessions: guard(sessions),
    counters: guard(counters),
    conversations: guard(conversations),
    cache: guard(cache),
    bus: guard(bus),
    records: guard(records),
    usage: guard(usage),
    absences: guard(absences),
    vault: guard(vault),
  }
  return { ports: guarded, broken }
}

export interface StreamEvent {
  event: string
  id?: string
  data: unknown
}

interface Ask {
  method?: string
  headers?: Record<string, string>
  body?: string
  signal?: AbortSignal
}

/** A browser as far as HTTP goes: it keeps cookies, follows nothing, and reads tokens off the pages it gets. */
export class Browser {
  readonly base: string
  readonly cookies = new Map<string, { value: string; attributes: string }>()
  /** Sent with every request. */
  headers: Record<string, string> = {}
  csrf = ''

  constructor(base: string) {
    this.base = base
  }

  async ask(path: string, { headers, ...rest }: Ask = {}): Promise<Response> {
    const cookie = [...this.cookies].map(([name, { value }]) => `${name}=${value}`).join('; ')
    const response = await fetch(this.base + path, {
      redirect: 'manual',
      ...rest,
      headers: { ...(cookie && { cookie }), ...this.headers, ...headers },
    })
    for (const line of response.headers.getSetCookie()) this.#keep(line)
    return response
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.ask(path, { headers: { accept: 'text/html', ...headers } })
  }

  /** The text of a page; its CSRF token is remembered. */
  async page(path: string): Promise<string> {
    const html = await (await this.get(path)).text()
    this.csrf = tokenIn(html) ?? this.csrf
    return html
  }

  form(path: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> {
    return this.ask(path, {
      method: 'POST',
      headers: { accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: new URLSearchParams({ _csrf: this.csrf, ...fields }).toString(),
    })
  }

  async signIn(username: string, password = commonPassword, fields: Record<string, string> = {}): Promise<Response> {
    await this.page('/login')
    const response = await this.form('/login', { username, password, ...fields })
    if (response.status === 303) await this.page('/')
    return response
  }

  /** A call of the JSON API, with the token. */
  api(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return this.ask(`/api${path}`, {
      method,
      headers: {
        ...(method !== 'GET' && { 'x-csrf-token': this.csrf }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  }

  async json<T = Record<string, unknown>>(path: string): Promise<T> {
    return (await (await this.api('GET', path)).json()) as T
  }

  /** Send a message by the API; a new conversation begins without one. */
  async send(text: string, more: object = {}): Promise<{ conversation: string; turn: string }> {
    const response = await this.api('POST', '/messages', { id: randomUUID(), text, ...more })
    if (response.status !== 202) throw new Error(`not accepted: ${response.status} ${await response.text()}`)
    return (await response.json()) as { conversation: string; turn: string }
  }

  /** The events of a turn, until the server ends the stream or `signal` does. */
  async *stream(
    conversation: string,
    turn: string,
    { from, signal }: { from?: string | undefined; signal?: AbortSignal } = {},
  ): AsyncGenerator<StreamEvent> {
    const response = await this.ask(`/api/conversations/${conversation}/turns/${turn}/stream`, {
      headers: { accept: 'text/event-stream', ...(from !== undefined && { 'last-event-id': from }) },
      ...(signal && { signal }),
    })
    if (response.status !== 200) throw new Error(`no stream: ${response.status} ${await response.text()}`)
    yield* eventsIn(response)
  }

  #keep(line: string): void {
    const [pair = '', ...attributes] = line.split(';')
    const [name = '', value = ''] = pair.split('=', 2)
    if (value === '' || /expires=Thu, 01 Jan 1970/i.test(line)) this.cookies.delete(name)
    else this.cookies.set(name, { value, attributes: attributes.join(';').trim() })
  }
}

async function* eventsIn(response: Response): AsyncGenerator<StreamEvent> {
  let text = ''
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields = new Map(
        text
          .slice(0, end)
          .split('\n')
          .map((line) => line.split(/: ?(.*)/s, 2) as [string, string]),
      )
      text = text.slice(end + 2)
      const event = fields.get('event')
      const id = fields.get('id')
      if (event) yield { event, ...(id !== undefined && { id }), data: JSON.parse(fields.get('data') ?? 'null') }
    }
  }
}

export function tokenIn(html: string): string | undefined {
  return /(?:name="_csrf" value|<meta name="csrf" content)="([^"]+)"/.exec(html)?.[1]
}
