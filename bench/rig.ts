import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Agent, request } from 'undici'
import { newId, webIdentityOf } from '../src/ids.ts'
import { hashPassword } from '../src/passwords.ts'
import { openSqlite } from '../src/stores/sqlite/index.ts'
import { type RunningApp, startApp, temporaryFolder } from '../test/support/app.ts'
import { now } from './clock.ts'

/** What a benchmark runs against: a model, the app and signed-in people, each process on its own. All on loopback. */

const dispatcher = new Agent({ connections: 2_000, bodyTimeout: 0, headersTimeout: 0 })

/** A program of this folder that prints its port. `nodeFlags`: for what is compared with the app, its own. */
export async function startProgram(
  name: string,
  args: string[],
  nodeFlags: readonly string[] = [],
): Promise<{ url: string; stop(): void }> {
  const child: ChildProcess = fork(fileURLToPath(new URL(name, import.meta.url)), args, {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    execArgv: ['--disable-warning=ExperimentalWarning', ...nodeFlags],
  })
  const [line] = (await once(child.stdout!, 'data')) as [Buffer]
  return { url: `http://127.0.0.1:${String(line).trim()}`, stop: () => child.kill() }
}

export interface Rig {
  app: RunningApp
  /** A cookie and a CSRF token for each person. */
  people: Person[]
  /** Numbers from the app's own `/metrics`. Reading them begins the event loop's histogram anew. */
  metrics(...names: string[]): Promise<number[]>
  stop(): Promise<void>
}

export interface Person {
  cookie: string
  csrf: string
}

const password = 'a password for benchmarks'

/** The app as it runs in front of people, with `count` of them signed in. */
export async function startRig(modelUrl: string, count: number, env: Record<string, string> = {}): Promise<Rig> {
  const folder = await temporaryFolder()
  const store = await openSqlite({ file: join(folder.path, 'chat.db') })
  const hash = await hashPassword(password)
  for (let i = 0; i < count; i++) {
    const at = Date.now()
    const common = { emails: [], roles: ['member' as const], state: 'active' as const, createdAt: at, seenAt: at }
    await store.users.create({
      ...common,
      id: newId(),
      name: `p${i}`,
      identities: [webIdentityOf(`p${i}`)],
      password: hash,
    })
  }
  await store.close()
  const app = await startApp({
    dataDir: folder.path,
    env: {
      LOG_LEVEL: 'warn',
      LOG_LEVELS: 'main=info',
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_ENDPOINT_URL_BEDROCK_RUNTIME: modelUrl,
      MAX_TURNS: '1000',
      ...env,
    },
  })
  const people: Person[] = []
  for (let i = 0; i < count; i++) people.push(await signIn(app.url, `p${i}`))
  return {
    app,
    people,
    async metrics(...names) {
      const text = await (await fetch(`${app.url}/metrics`)).text()
      return names.map((name) => Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1]))
    },
    async stop() {
      await app.stop('SIGKILL')
      await folder.remove()
    },
  }
}

async function signIn(url: string, username: string): Promise<Person> {
  const page = await fetch(`${url}/login`)
  const form = cookiesOf(page)
  const csrf = /name="_csrf" value="([^"]+)"/.exec(await page.text())?.[1] ?? ''
  const body = new URLSearchParams({ username, password, _csrf: csrf })
  const signed = await fetch(`${url}/login`, { method: 'POST', body, headers: { cookie: form }, redirect: 'manual' })
  if (signed.status !== 303) throw new Error(`could not sign in: ${signed.status}`)
  const cookie = cookiesOf(signed)
  const chat = await (await fetch(`${url}/`, { headers: { cookie } })).text()
  return { cookie, csrf: /<meta name="csrf" content="([^"]+)"/.exec(chat)?.[1] ?? '' }
}

const cookiesOf = (response: Response): string =>
  response.headers
    .getSetCookie()
    .map((line) => line.slice(0, line.indexOf(';')))
    .join('; ')

/** Times of one turn, in milliseconds. */
export interface Timing {
  /** From the question leaving its sender until the model has the request. */
  toModel: number
  /** From each piece leaving the model until its event is here. */
  pieces: number[]
}

/** One turn through the app: the question posted, its events read to the end. */
export async function turnThroughApp(url: string, person: Person, ask = ''): Promise<Timing> {
  const headers = { cookie: person.cookie, 'x-csrf-token': person.csrf, 'content-type': 'application/json' }
  const body = JSON.stringify({ id: crypto.randomUUID(), text: `${ask} sent=${now().toFixed(3)}` })
  const posted = await request(`${url}/api/messages`, { method: 'POST', headers, body, dispatcher })
  const { conversation, turn } = (await posted.body.json()) as { conversation: string; turn: string }
  if (posted.statusCode !== 202) throw new Error(`not accepted: ${posted.statusCode}`)
  const path = `/api/conversations/${conversation}/turns/${turn}/stream`
  const stream = await request(url + path, { headers: { cookie: person.cookie }, dispatcher })
  return readEvents(stream.body)
}

export async function turnThroughBare(url: string): Promise<Timing> {
  const stream = await request(url, {
    method: 'POST',
    body: JSON.stringify({ text: `sent=${now().toFixed(3)}` }),
    dispatcher,
  })
  return readEvents(stream.body)
}

async function readEvents(body: AsyncIterable<Buffer>): Promise<Timing> {
  const timing: Timing = { toModel: Number.NaN, pieces: [] }
  for await (const chunk of body) {
    const at = now()
    // The last event repeats the whole answer, as it was stored.
    const [text = ''] = chunk.toString().split('event: end', 1)
    const took = /took=([\d.]+)/.exec(text)
    if (took) timing.toModel = Number(took[1])
    for (const [, sent] of text.matchAll(/@([\d.]+) and/g)) timing.pieces.push(at - Number(sent))
  }
  return timing
}
