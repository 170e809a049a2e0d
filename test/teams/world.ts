import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import express from 'express'
import { afterEach } from 'vitest'
import { createTeams, type Teams, type TeamsConfig } from '../../adapters/teams/index.ts'
import type { Store } from '../../src/store.ts'
import { openSqlite } from '../../src/stores/sqlite/index.ts'
import type { Adapter, ModelEvent, PlatformChat } from '../../src/types.ts'
import { quietLog } from '../support/log.ts'
import { tempDirectories } from '../support/sqlite.ts'
import { type Clock, startTeams, type TeamsOptions, type TeamsStandIn } from '../support/teams/index.ts'
import { type Instance, type Script, ScriptedModel, startInstance } from '../support/world.ts'

export interface WorldOptions extends TeamsOptions {
  config?: Partial<TeamsConfig>
  leaseMs?: number
  /** What the service uses of its store; for one that fails. */
  wrap?(store: Store): Store
  /** Other surfaces of the same service. */
  others?: Adapter[]
}

/** A Teams, and one or more instances of the service over one store, as they run: over real HTTP, through botbuilder. */
export interface World {
  teams: TeamsStandIn
  store: Store
  model: ScriptedModel
  app: Running
  /** One more instance over the same store. Teams goes on sending to the first. */
  another(): Promise<Running>
  logged(level: 'info' | 'warn' | 'error'): string[]
  /** Nothing waits any more, nothing is on its way. */
  settled(): Promise<void>
}

export interface Running {
  instance: Instance
  teams: Teams
  /** Of its messaging endpoint. */
  url: string
  /** As `kill -9`: nothing of it reaches the store any more, and nobody reaches it. */
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

/** As fast as a test can wait for; what goes by Teams' clock is tested with that. */
const fast = { streamGapMs: 0, streamPaceMs: 10, updatePaceMs: 10 }

export async function startWorld({
  config = {},
  leaseMs = 10_000,
  wrap,
  others = [],
  ...options
}: WorldOptions = {}): Promise<World> {
  const teams = await startTeams({ limits: false, ...options })
  endings.push(() => teams.close())
  const store = await openSqlite({ file: join(await directory(), 'chat.db') })
  endings.push(() => store.close())
  const model = new ScriptedModel()
  const log = quietLog()
  const clock = adapterClock(teams.clock)
  const used = wrap?.(store) ?? store
  const running: Running[] = []
  const another = async (): Promise<Running> => {
    const one = await startRunning({ teams, store: used, model, log, leaseMs, clock, config, others })
    running.push(one)
    return one
  }
  const app = await another()
  teams.connect(app.url)
  return {
    teams,
    store,
    model,
    app,
    another,
    logged: (level) => log.lines.filter((line) => line.level === level).map((line) => line.text),
    async settled() {
      await teams.idle()
      while ((await store.inbox.depth()) > 0) await new Promise((resolve) => setTimeout(resolve, 5))
      for (const one of running) await one.teams.close()
    },
  }
}

/** The service's time is Teams' time. */
export function adapterClock(clock: Clock) {
  return {
    now: clock.now,
    sleep: (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve)),
  }
}

export function configFor(teams: TeamsStandIn, more: Partial<TeamsConfig> = {}): TeamsConfig {
  return {
    appId: teams.appId,
    tenantId: teams.tenantId,
    appType: 'SingleTenant',
    anonymous: false,
    production: true,
    host: '127.0.0.1',
    allowedTenants: [],
    allowGuests: false,
    standIn: { openIdMetadata: teams.openIdMetadataUrl, token: teams.token, hosts: ['127.0.0.1'] },
    ...more,
    limits: { ...fast, ...more.limits },
  }
}

async function startRunning(parts: {
  teams: TeamsStandIn
  store: Store
  model: ScriptedModel
  log: ReturnType<typeof quietLog>
  leaseMs: number
  clock: ReturnType<typeof adapterClock>
  config: Partial<TeamsConfig>
  others: Adapter[]
}): Promise<Running> {
  const { teams, store, model, log, leaseMs, clock } = parts
  const held: { instance?: Instance } = {}
  // The chat service needs the surface, and the surface the chat service.
  const chat = new Proxy({} as PlatformChat, { get: (_, key) => Reflect.get(held.instance!.chat, key) })
  const surface = await createTeams({
    config: configFor(teams, parts.config),
    chat,
    cache: store.cache,
    counters: store.counters,
    log,
    clock,
  })
  held.instance = await startInstance({ store, adapters: [surface.adapter, ...parts.others], model, leaseMs })
  const app = express()
  app.use(surface.routes)
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  let killed = false
  endings.push(async () => {
    if (killed) return
    stop(server)
    await held.instance!.end()
    await surface.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    instance: held.instance,
    teams: surface,
    url: `http://127.0.0.1:${port}/api/messages`,
    kill() {
      killed = true
      held.instance!.kill()
      stop(server)
    },
  }
}

function stop(server: Server): void {
  server.closeAllConnections()
  server.close()
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

/** Real time for the surface to show what came. */
export const aMoment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 40))
