import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { keyOf } from '../../adapters/web/account/names.ts'
import { hashOf, identityOf } from '../../src/ids.ts'
import type { Store } from '../../src/store.ts'
import { openSqlite } from '../../src/stores/sqlite/index.ts'
import type { Adapter, Chat, JsonObject, Place, PlatformChat, User } from '../../src/types.ts'
import { answerOf, claimNew, messageAt, newUser, placeOf } from '../contracts/store/kit.ts'
import type { MemoryChat } from '../support/chat.ts'
import { tempDirectories } from '../support/sqlite.ts'
import { type Browser, commonPassword, type Site, startSite } from '../support/web.ts'
import { type Instance, ScriptedModel, startInstance } from '../support/world.ts'

/**
 * Who may do what, cell by cell: every route of the page and of the API (a new one without a row fails), asked by everybody
 * who may come. Each cell has people and conversations of its own.
 */
const who = ['visitor', 'participant', 'stranger', 'left', 'admin', 'disabled', 'demoted'] as const
type Who = (typeof who)[number]

/** `L`: to the login page. A refusal (`L`, 401, 403, 404, 409) must change nothing, too. */
type Cell = number | 'L'

const open: Cell[] = [200, 200, 200, 200, 200, 200, 200]
/** Everybody has an account of their own. A visitor, and who was switched off, has none. */
const account = (cell: number, refused: Cell = 'L'): Cell[] => [refused, cell, cell, cell, cell, refused, cell]
const admins = (cell: number): Cell[] => ['L', 404, 404, 404, cell, 'L', 404]
/** A conversation is there for who takes part in it: not for admins, and not for who left the channel it is in. */
const taking = (cell: number, refused: Cell = 'L'): Cell[] => [refused, cell, 404, 404, 404, refused, 404]

interface Row {
  route: string
  /** The conversation it is about. */
  of?: 'shared' | 'private'
  /** Fields of a form, the body of the API, or a query. */
  send?: (scene: Scene) => Record<string, unknown>
  cells: Cell[]
}

const row = (route: string, cells: Cell[], send?: Row['send']): Row => ({ route, cells, ...(send && { send }) })
/** Of a conversation in a channel, and of one that is the participant's alone. */
const both = (route: string, shared: number, alone: number, send?: Row['send']): Row[] => {
  const refused = route.includes(' /api/') ? 401 : 'L'
  const more = send && { send }
  return [
    { route, of: 'shared', cells: taking(shared, refused), ...more },
    { route, of: 'private', cells: taking(alone, refused), ...more },
  ]
}

const rows: Row[] = [
  // for everybody
  row('get /login', [200, 303, 303, 303, 303, 200, 303]),
  // Without the token of the form, which the page above hands to everybody.
  row('post /login', [403, 403, 403, 403, 403, 403, 403], () => ({ username: 'nobody', password: 'none' })),
  row('get /sign-in/{provider}', [303, 303, 303, 303, 303, 303, 303]),
  row('get /sign-in/{provider}/callback', [400, 303, 303, 303, 303, 400, 303]),
  row('get /openapi.json', open),
  row('get /docs', open),
  row('get /assets/{hash}/{file}', open),
  // one's own account
  row('post /logout', ['L', 'L', 'L', 'L', 'L', 'L', 'L']),
  row('get /account', account(200)),
  row('get /account/connect/{provider}', account(303)),
  row('get /account/connect', account(303)),
  row('post /account/connect', account(303)),
  row('get /account/unlink', account(200), ({ actor }) => ({ way: keyOf(actor.identities[1]!) })),
  row('post /account/unlink', account(303), ({ actor }) => ({ way: keyOf(actor.identities[1]!) })),
  row('post /account/code', account(303)),
  row('post /account/link', account(303), () => ({ code: 'ABCD-EFGH' })),
  row('get /account/link', account(303)),
  row('post /account/link/agree', account(303)),
  row('post /account/link/decline', account(303)),
  row('post /account/password', account(303), () => ({
    current: commonPassword,
    next: 'another good one',
    again: 'another good one',
  })),
  row('get /account/export', account(200)),
  row('get /account/delete', account(200)),
  row('post /account/delete', account(303), () => ({ word: 'delete everything' })),
  // administration
  row('get /admin', admins(303)),
  row('get /admin/users', admins(200)),
  row('get /admin/users/{id}', admins(200)),
  row('post /admin/users/{id}/role', admins(303), () => ({ role: 'admin' })),
  row('post /admin/users/{id}/state', admins(303), () => ({ state: 'disabled' })),
  row('post /admin/users/{id}/hold', admins(303), () => ({ hold: 'on' })),
  row('post /admin/users/{id}/sessions', admins(303)),
  row('get /admin/users/{id}/unlink', admins(200), ({ target }) => ({ way: keyOf(target.identities[1]!) })),
  row('post /admin/users/{id}/unlink', admins(303), ({ target }) => ({ way: keyOf(target.identities[1]!) })),
  row('get /admin/users/{id}/delete', admins(200)),
  row('post /admin/users/{id}/delete', admins(303), () => ({ word: 'delete everything' })),
  row('get /admin/limits', admins(200)),
  row('post /admin/limits', admins(303), ({ target }) => ({ of: 'user', name: target.id, tokensPerDay: '5' })),
  row('get /admin/workspaces', admins(200)),
  row('get /admin/usage', admins(200)),
  row('get /admin/usage.csv', admins(200)),
  row('get /admin/audit', admins(200)),
  row('get /admin/audit.csv', admins(200)),
  row('get /admin/feedback', admins(200)),
  row('get /admin/feedback.csv', admins(200)),
  // conversations, as pages and forms
  row('get /', account(200)),
  ...both('get /c/{id}', 200, 200),
  row('post /chat', account(303), () => ({ message: 'hello' })),
  ...both('post /chat', 409, 303, ({ conversation }) => ({ message: 'hello', conversation })),
  ...both('post /c/{id}/rename', 409, 303, () => ({ title: 'Another' })),
  ...both('post /c/{id}/delete', 303, 303),
  ...both('post /c/{id}/copy', 303, 303),
  ...both('post /c/{id}/stop', 303, 303),
  ...both('post /c/{id}/turns/{turn}/feedback', 303, 303, () => ({ value: 'up' })),
  // the same by the API
  row('get /api/me', account(200, 401)),
  row('get /api/conversations', account(200, 401)),
  ...both('get /api/conversations/{id}', 200, 200),
  ...both('patch /api/conversations/{id}', 409, 204, () => ({ title: 'Another' })),
  ...both('delete /api/conversations/{id}', 204, 204),
  ...both('post /api/conversations/{id}/copy', 201, 201),
  ...both('get /api/conversations/{id}/export', 200, 200),
  ...both('get /api/conversations/{id}/messages', 200, 200, () => ({ before: '2' })),
  row('post /api/messages', account(202, 401), () => ({ id: randomUUID(), text: 'hello' })),
  ...both('post /api/messages', 409, 202, ({ conversation }) => ({ id: randomUUID(), text: 'hello', conversation })),
  ...both('post /api/conversations/{id}/stop', 204, 204, () => ({})),
  ...both('put /api/conversations/{id}/turns/{turn}/feedback', 204, 204, () => ({ value: 'up' })),
  ...both('get /api/conversations/{id}/turns/{turn}/stream', 200, 200),
]

const directory = tempDirectories()
let store: Store
let instance: Instance
let site: Site
/** One session that everybody's is made of: signing in for each cell would be a thousand times Argon2. */
let browser: Browser
let session: { key: string; data: JsonObject; cookies: Browser['cookies'] }

const page: Adapter = {
  surface: 'web',
  delivery: 'pull',
  openReply: () => ({
    paceMs: Number.POSITIVE_INFINITY,
    started: async () => {},
    text: async () => {},
    done: async () => {},
    stopped: async () => {},
    failed: async () => {},
  }),
  profile: async ({ id }) => ({ name: id }),
}

beforeAll(async () => {
  store = await openSqlite({ file: `${await directory()}/chat.db` })
  instance = await startInstance({ store, adapters: [page], model: new ScriptedModel() })
  const provider = { id: 'oidc', name: 'Example', clientId: 'c', clientSecret: 's', domains: [] } as const
  site = await startSite({
    ports: store,
    chat: instance.chat as Chat as MemoryChat,
    // Nobody listens there.
    web: {
      signIn: { publicUrl: 'https://chat.example.com', providers: [{ ...provider, issuer: 'http://127.0.0.1:9' }] },
    },
  })
  browser = await site.person('somebody')
  const cookie = decodeURIComponent(browser.cookies.get('chat_session')!.value)
  const key = hashOf(['web session', /^s:([^.]+)/.exec(cookie)![1]!])
  session = { key, data: (await store.sessions.get(key))!, cookies: new Map(browser.cookies) }
})
afterAll(async () => {
  await site?.close()
  await instance?.end()
  await store?.close()
})

/** What one cell is played with. */
interface Scene {
  actor: User
  /** Whom admins look at. */
  target: User
  conversation: string
  turn: string
}

let serial = 0
async function somebody(more: Partial<User> = {}): Promise<User> {
  const name = `person${++serial}`
  const { password } = (await store.users.find('web:local:somebody'))!
  const identities = [`web:local:${name}`, `slack:T1:U${serial}`]
  return store.users.create(newUser({ name, identities, ...(password && { password }), ...more }))
}

/** A turn of these people in one place, answered. */
async function said(place: Place, people: User[]): Promise<{ conversation: string; turn: string }> {
  const claim = await claimNew(store, messageAt(place, { text: 'what was asked' }))
  const { turn, conversation } = claim
  const common = { turn, at: Date.now(), surface: place.surface }
  const participants = people.map(({ id }) => id)
  const answer = answerOf('what was answered')
  const { text, ...how } = answer
  await store.leases.commit(claim, {
    messages: [
      { ...common, role: 'user', text: 'what was asked', author: { user: participants[0]!, name: people[0]!.name } },
      { ...common, role: 'assistant', text, answer: how },
    ],
    delivered: true,
    answer,
    participants,
  })
  for (const user of participants) await store.conversations.join(conversation, user)
  return { conversation, turn }
}

async function sceneFor(column: Who, of: 'shared' | 'private' = 'private'): Promise<Scene> {
  const actor = await somebody({ roles: [column === 'admin' || column === 'demoted' ? 'admin' : 'member'] })
  const target = await somebody()
  const owner = column === 'participant' ? actor : await somebody()
  const channel = `C${++serial}`
  const shared = placeOf(channel, { surface: 'slack', workspace: 'T1', direct: false })
  const place = of === 'shared' ? shared : placeOf(channel)
  const people = of === 'shared' ? [owner, target, ...(column === 'left' ? [actor] : [])] : [owner]
  const { conversation, turn } = await said(place, people)
  if (column === 'left') await store.absences.left(`slack:T1:${channel}`, actor.identities[1]!)
  return { actor, target, conversation, turn }
}

/** The browser of this column, as it is when the request of the cell is about to be sent. */
async function arrive(column: Who, { actor }: Scene): Promise<Browser> {
  if (column === 'visitor') return site.visitor()
  // A sign-out takes it away.
  for (const [name, cookie] of session.cookies) browser.cookies.set(name, cookie)
  const data = { ...session.data, user: actor.id, identity: actor.identities[0]! }
  await store.sessions.set(session.key, data, { user: actor.id, expiresAt: Date.now() + 3_600_000 })
  if (column === 'demoted') {
    expect((await browser.get('/admin/users')).status).toBe(200)
    await store.users.update(actor.id, { roles: ['member'] })
  }
  if (column === 'disabled') {
    expect((await browser.api('GET', '/me')).status).toBe(200)
    await store.users.update(actor.id, { state: 'disabled' })
  }
  return browser
}

async function ask(from: Browser, { route, send }: Row, scene: Scene): Promise<Response> {
  const [method = '', template = ''] = route.split(' ')
  const { conversation, turn, target } = scene
  const path = template
    .replace('{id}', template.startsWith('/admin/') ? target.id : conversation)
    .replace('{turn}', turn)
    .replace('{provider}', 'oidc')
    .replace('{hash}/{file}', 'any/base.css')
  const fields = send?.(scene)
  if (method === 'get') {
    const query = fields ? `?${new URLSearchParams(fields as Record<string, string>)}` : ''
    return from.get(path + query)
  }
  if (path.startsWith('/api/')) return from.api(method.toUpperCase(), path.slice('/api'.length), fields)
  return from.form(path, (fields ?? {}) as Record<string, string>)
}

function cellOf(response: Response): Cell {
  const location = response.headers.get('location') ?? ''
  if (/\/admin\/.*failed=/.test(location)) throw new Error(`it was not done: ${location}`)
  return response.status === 303 && /^\/login(\?next=|$)/.test(location) ? 'L' : response.status
}

/** All that a cell could have changed and must not, if it is refused. */
async function kept({ target, conversation }: Scene): Promise<unknown> {
  return {
    target: await store.users.get(target.id),
    conversation: await store.conversations.read(conversation, { messages: 50 }),
    pending: await store.inbox.pending(conversation),
    rules: await store.vault.get('setting:limits'),
  }
}

test('every route has a row', async () => {
  const { paths } = (await (await site.visitor().get('/openapi.json')).json()) as {
    paths: Record<string, Record<string, object>>
  }
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  )
  expect([...new Set(rows.map(({ route }) => route))].toSorted()).toEqual(routes.toSorted())
})

describe('who may do what', () => {
  const titled = rows.map((each) => ({ ...each, title: `${each.route}${each.of ? ` (${each.of})` : ''}` }))
  test.each(titled)('$title', async (each) => {
    const found: Partial<Record<Who, Cell>> = {}
    for (const column of who) {
      const scene = await sceneFor(column, each.of)
      const from = await arrive(column, scene)
      const before = await kept(scene)
      const response = await ask(from, each, scene)
      found[column] = cellOf(response)
      const body = await response.text()
      if (response.status < 400 && found[column] !== 'L') continue
      expect(await kept(scene), `${column} changed something`).toEqual(before)
      expect(body, `${column} was told something`).not.toContain('what was a')
    }
    expect(found).toEqual(Object.fromEntries(who.map((column, at) => [column, each.cells[at]])))
  })
})

test('no write is taken without the token of the session, not even from an admin', async () => {
  const writes = rows.filter(({ route }) => !route.startsWith('get ') && route !== 'post /login')
  for (const each of writes) {
    const scene = await sceneFor('admin', each.of)
    const from = await arrive('admin', scene)
    const { csrf } = from
    from.csrf = 'forged'
    const { status } = await ask(from, each, scene)
    from.csrf = csrf
    expect([each.route, status]).toEqual([each.route, 403])
  }
})

test('admins meet neither text nor title of what others said, wherever they look', async () => {
  const scene = await sceneFor('admin', 'shared')
  await store.conversations.update(scene.conversation, { title: { text: 'what was a title', by: 'model' } })
  await instance.chat.conversations.rate(scene.target.id, scene.conversation, scene.turn, { value: 'up' })
  const from = await arrive('admin', scene)
  for (const each of rows.filter(({ route }) => route.startsWith('get /admin'))) {
    const text = await (await ask(from, each, scene)).text()
    expect(text, each.route).not.toContain('what was a')
  }
})

describe('in a conversation, past the page', () => {
  /** Each of them by itself, as a surface would call it. */
  const deeds: Record<string, (chat: PlatformChat, scene: Scene) => Promise<unknown>> = {
    open: (chat, { actor, conversation }) => chat.conversations.open(actor.id, conversation, { limit: 5 }),
    rename: (chat, { actor, conversation }) => chat.conversations.rename(actor.id, conversation, 'Another'),
    remove: (chat, { actor, conversation }) => chat.conversations.remove(actor.id, conversation),
    rate: (chat, { actor, conversation, turn }) =>
      chat.conversations.rate(actor.id, conversation, turn, { value: 'down' }),
    copy: (chat, { actor, conversation }) => chat.conversations.copy(actor.id, conversation),
    export: (chat, { actor, conversation }) => chat.conversations.export(actor.id, conversation, 'json'),
    stop: (chat, { actor, conversation }) => chat.stop(actor.id, conversation),
    'continue in private': (chat, { actor, conversation }) =>
      chat.continue(actor.id, conversation, placeOf(`D${actor.id}`, { surface: 'slack', workspace: 'T1' })),
    'continue in a channel': (chat, { actor, conversation }) =>
      chat.continue(actor.id, conversation, placeOf(`C${actor.id}`, { surface: 'teams', direct: false }), true),
  }
  const table = (['shared', 'private'] as const).flatMap((of) => Object.keys(deeds).map((deed) => ({ of, deed })))

  test.each(table)('$deed ($of)', async ({ of, deed }) => {
    const found: Record<string, string> = {}
    for (const column of ['participant', 'stranger', 'left', 'admin'] as const) {
      const scene = await sceneFor(column, of)
      const before = await kept(scene)
      found[column] = await deeds[deed]!(instance.chat, scene).then(
        () => 'may',
        (thrown: { code?: string }) => String(thrown.code),
      )
      if (found[column] !== 'may') expect(await kept(scene)).toEqual(before)
    }
    const participant = of === 'shared' && deed === 'rename' ? 'shared' : 'may'
    const nothing = 'not_found'
    expect(found).toEqual({ participant, stranger: nothing, left: nothing, admin: nothing })
  })

  test('writing into it from elsewhere is denied to all but its participants', async () => {
    const found: Record<string, string> = {}
    for (const column of ['participant', 'stranger', 'left', 'admin'] as const) {
      const { actor, conversation } = await sceneFor(column, 'private')
      const sender = { surface: 'web', workspace: 'local', id: actor.name } as const
      const place = placeOf(`${actor.id}:new`)
      const incoming = messageAt(place, { sender, conversation, user: actor.id })
      expect(identityOf(sender)).toBe(actor.identities[0])
      found[column] = (await instance.chat.accept(incoming)).status
    }
    expect(found).toEqual({ participant: 'accepted', stranger: 'denied', left: 'denied', admin: 'denied' })
  })
})
