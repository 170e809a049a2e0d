import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import express from 'express'
import { afterEach } from 'vitest'
import {
  createSlack,
  type Slack,
  type SlackConfig,
  type SlackOptions as SlackOptionsOfOurs,
} from '../../adapters/slack/index.ts'
import type { Store } from '../../src/store.ts'
import { openSqlite } from '../../src/stores/sqlite/index.ts'
import type { Adapter, ModelEvent, PlatformChat, User } from '../../src/types.ts'
import { quietLog } from '../support/log.ts'
import { type SlackOptions, type SlackStandIn, startSlack, systemClock } from '../support/slack/index.ts'
import { tempDirectories } from '../support/sqlite.ts'
import { type Instance, type Script, ScriptedModel, startInstance } from '../support/world.ts'

export interface WorldOptions extends SlackOptions {
  config?: Partial<SlackConfig>
  leaseMs?: number
  registry?: SlackOptionsOfOurs['registry']
  /** Slack's time, and that of what waits for Slack: so many times as fast as ours. */
  speed?: number
  /** Before the service begins. */
  prepare?(slack: SlackStandIn): void
}

/** A Slack, and one or more instances of the service over one store, as they run: over real HTTP, through Bolt. */
export interface World {
  slack: SlackStandIn
  store: Store
  model: ScriptedModel
  app: Running
  /** What encrypts its installations. */
  keys: readonly string[]
  /** One more instance over the same store. Slack goes on sending to the first. */
  another(config?: Partial<SlackConfig>): Promise<Running>
  /** All that was logged at these levels. */
  logged(level: 'warn' | 'error'): string[]
  /** All that was logged by the surface. */
  lines: ReturnType<typeof quietLog>['lines']
}

export interface Running {
  instance: Instance
  slack: Slack
  url: string
  /** As `kill -9`: nothing of it reaches Slack or the store any more. */
  kill(): void
}

const directory = tempDirectories()
const endings: (() => Promise<void>)[] = []

/** Ends what the tests began. Call it once in each file. */
export function cleanUp(): void {
  afterEach(async () => {
    for (const end of endings.splice(0).reverse()) await end()
  })
}

export async function startWorld(from: WorldOptions = {}): Promise<World> {
  const { config, leaseMs = 10_000, speed, prepare, registry, ...options } = from
  const clock = systemClock(speed)
  const slack = await startSlack({ limits: false, ...(speed && { clock }), ...options })
  prepare?.(slack)
  endings.push(() => slack.close())
  const store = await openSqlite({ file: join(await directory(), 'chat.db') })
  endings.push(() => store.close())
  const model = new ScriptedModel()
  const log = quietLog()
  const another: World['another'] = (changed) =>
    startRunning({
      ...{
        slack,
        store,
        model,
        log,
        leaseMs,
        config: { ...config, ...changed },
        socketMode: options.socketMode ?? false,
      },
      ...(registry && { registry }),
      ...(speed && { clock: { now: clock.now, sleep: (ms: number) => sleep(ms / speed) } }),
    })
  const app = await another()
  slack.connect(`${app.url}/slack/events`)
  return {
    slack,
    store,
    model,
    app,
    keys: config?.oauth?.encryptionKeys ?? [],
    another,
    lines: log.lines,
    logged: (level) => log.lines.filter((line) => line.level === level).map((line) => line.text),
  }
}

async function startRunning(parts: {
  slack: SlackStandIn
  store: Store
  model: ScriptedModel
  log: ReturnType<typeof quietLog>
  leaseMs: number
  config: Partial<SlackConfig>
  socketMode: boolean
  registry?: SlackOptionsOfOurs['registry']
  clock?: SlackOptionsOfOurs['clock']
}): Promise<Running> {
  const { slack, store, model, log, leaseMs } = parts
  const wire = await startWire(slack.port)
  const held: { instance?: Instance } = {}
  // The chat service needs the surface, and the surface the chat service.
  const chat = new Proxy({} as PlatformChat, { get: (_, key) => Reflect.get(held.instance!.chat, key) })
  const surface = await createSlack({
    config: {
      apiUrl: `${wire.url}/api/`,
      allowedTeams: [],
      allowGuests: false,
      allowExternal: false,
      ...(parts.socketMode ? { appToken: slack.appToken } : { signingSecret: slack.signingSecret }),
      ...(!parts.config.oauth && { botToken: slack.botToken }),
      ...parts.config,
      // As fast as a test can wait for.
      limits: { updateMs: 20, carriedOutMs: 600, ...parts.config.limits },
    },
    chat,
    vault: store.vault,
    counters: store.counters,
    ...(parts.registry && { registry: parts.registry }),
    log,
    ...(parts.clock && { clock: parts.clock }),
  })
  held.instance = await startInstance({ store, adapters: [surface.adapter, webPage], model, leaseMs })
  const app = express()
  if (surface.routes) app.use(surface.routes)
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  await surface.start()
  let killed = false
  const kill = (): void => {
    killed = true
    wire.cut()
    held.instance!.kill()
    stop(server)
  }
  endings.push(async () => {
    if (!killed) {
      stop(server)
      await held.instance!.end()
      await surface.close()
    }
    wire.close()
  })
  const { port } = server.address() as AddressInfo
  return { instance: held.instance, slack: surface, url: `http://127.0.0.1:${port}`, kill }
}

function stop(server: Server): void {
  server.closeAllConnections()
  server.close()
}

/** The web page, as far as the core needs it: it reads the store itself. */
const webPage: Adapter = {
  surface: 'web',
  delivery: 'pull',
  openReply: () => ({
    paceMs: 1_000,
    started: async () => {},
    text: async () => {},
    done: async () => {},
    stopped: async () => {},
    failed: async () => {},
  }),
  profile: async ({ id }) => ({ name: id }),
}

/** Who someone of the first workspace is to us. */
export function userOf({ app, slack }: World, id: string): Promise<User> {
  return app.instance.chat.who({ surface: 'slack', workspace: slack.team.id, id })
}

/** Somebody on the web page alone. */
export function webUser({ app }: World, name: string): Promise<User> {
  return app.instance.chat.who({ surface: 'web', workspace: 'local', id: name })
}

/** As if what is asked in a message had been asked long ago: its buttons carry the time until which they hold. */
export function age({ slack }: World, channel: string, ts: string): void {
  const message = slack.state.message(channel, ts)!
  message.blocks = JSON.parse(
    JSON.stringify(message.blocks).replaceAll(/(\\"x\\":)\d+/g, '$11'),
  ) as typeof message.blocks
}

let chats = 0

/** A conversation of a user's on the web page, with one answer. Its id. */
export async function askedOnTheWeb(world: World, user: User, text: string): Promise<string> {
  const { chat } = world.app.instance
  const channel = `${user.id}:${++chats}`
  const accepted = await chat.accept({
    ids: [`web-${chats}`],
    sender: { surface: 'web', workspace: 'local', id: user.id },
    place: { surface: 'web', workspace: 'local', channel, direct: true },
    text,
    sentAt: Date.now(),
    address: {},
    user: user.id,
  })
  if (!('conversation' in accepted)) throw new Error(`the web page's question was ${accepted.status}`)
  await settled(world)
  // What a person named, no model names anew.
  await chat.conversations.rename(user.id, accepted.conversation, text)
  return accepted.conversation
}

/** A load balancer: Slack's requests go to the instances by turns. */
export async function spreadOver({ slack }: World, apps: readonly Running[]): Promise<void> {
  let next = 0
  const server = createServer((incoming, outgoing) => {
    const { method = 'POST', url = '/', headers } = incoming
    const { hostname, port } = new URL(apps[next++ % apps.length]!.url)
    const onward = httpRequest({ hostname, port, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(outgoing)
    })
    onward.on('error', () => outgoing.destroy())
    incoming.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  endings.push(async () => stop(server))
  slack.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}/slack/events`)
}

/** The line between one instance and Slack: what is on its way when it is cut is done, but nobody hears of it. */
async function startWire(port: number): Promise<{ url: string; cut(): void; close(): void }> {
  let cut = false
  const server = createServer((incoming, outgoing) => {
    if (cut) return
    const { method = 'GET', url = '/', headers } = incoming
    const onward = httpRequest({ host: '127.0.0.1', port, method, path: url, headers }, (answer) => {
      if (cut) return void answer.resume()
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(outgoing)
    })
    onward.on('error', () => outgoing.destroy())
    incoming.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port: own } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${own}`,
    cut() {
      cut = true
    },
    close: () => stop(server),
  }
}

/** A conversation with one question and its answer is stored and delivered: nothing waits any more. */
export async function settled({ store, slack }: World): Promise<void> {
  await slack.idle()
  while ((await store.inbox.depth()) > 0) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** The bot's messages in a thread, the oldest first. */
export function answers(slack: SlackStandIn, channel: string, thread?: string) {
  const options = thread ? { thread } : {}
  return slack.screen(channel, options).messages.filter(({ ours }) => ours)
}

/** Says a text in so many pieces. With `wait`, each but the first comes when that resolves. */
export function saying(text: string, pieces = 10, wait?: (piece: number) => Promise<unknown>): Script {
  return async function* (_prompt, signal): AsyncIterable<ModelEvent> {
    const size = Math.max(1, Math.ceil(text.length / pieces))
    for (let piece = 0; piece * size < text.length; piece++) {
      if (piece > 0) await wait?.(piece)
      signal.throwIfAborted()
      yield { type: 'text', text: text.slice(piece * size, (piece + 1) * size) }
    }
    yield { type: 'end', stop: 'end', model: 'scripted', usage: { input: 1, output: 1, cacheRead: 0, cacheWrite: 0 } }
  }
}
