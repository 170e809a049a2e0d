import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectionOptions } from 'node:tls'
import { Cluster, Redis, type RedisCommander, type RedisOptions } from 'ioredis'
import type { Log } from '../../types.ts'
import { failureOf, unavailable, wordsOf } from './failures.ts'
import { commandOf, loadScripts, type ScriptName } from './scripts.ts'

export interface ConnectionSettings {
  /** `redis://` or `rediss://`, with user, password and database if needed. */
  url?: string
  /** Some nodes of a Redis Cluster; the others are found through them. Instead of `url`. */
  clusterNodes?: { host: string; port: number }[]
  /** Of a Cluster, or where the url has none. */
  username?: string
  password?: string
  /** TLS of a Cluster (`true` or Node's options), or options beside `rediss://`. */
  tls?: boolean | ConnectionOptions
  log?: Log
}

/** Commands are sent to whichever node has their keys. */
export type Commands = RedisCommander

export interface Connection {
  readonly cluster: boolean
  /** Send a command; retried for a moment where that may help, else a `store_unavailable`. It must be safe to repeat. */
  run<T>(command: (redis: Commands) => Promise<T>): Promise<T>
  /** Run a script on its keys: `given` are its small named values, `texts` what it only stores. */
  script(name: ScriptName, keys: string[], given: object, ...texts: (string | number)[]): Promise<unknown>
  /** One more connection, to any node; it does not reconnect by itself. */
  dial(): Redis
  /** Always the same node for the same text: what is published there keeps its order. */
  publisher(text: string): Redis
  close(): Promise<void>
}

/** How long the first connection may take. */
const openMs = 5_000
/** The longest a command may wait for its reply. */
const commandMs = 2_000
/** How long a command is repeated while Redis is away. */
const retryMs = 1_500

const shared: RedisOptions = {
  connectTimeout: 3_000,
  commandTimeout: commandMs,
  // A peer that vanished without a word: nothing comes though something is awaited.
  socketTimeout: 5_000,
  keepAlive: 10_000,
  // Retries are made here (`run`), where they end; nothing waits in a queue for a Redis that is away.
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  autoResubscribe: false,
  // After a failover the old address may lead to a replica.
  reconnectOnError: (error) => error.message.includes('READONLY'),
}

const retryDelay = (times: number) => Math.min(50 * times, 1_000) + Math.floor(Math.random() * 50)

type Client = Redis | Cluster
type Scripted = Record<string, (...args: (string | number)[]) => Promise<unknown>>

export async function connect(settings: ConnectionSettings): Promise<Connection> {
  const made = settings.clusterNodes?.length ? openCluster(settings) : openSingle(settings)
  const health = watchHealth(made.client, made.where, settings.log)
  await opened(made.client, made.where)
  await (made.client instanceof Cluster ? warmUp(made.client) : refuseClusterNode(made.client, made.where))
  return connectionOf(made, health)
}

interface Made {
  client: Client
  /** What every single connection is made with. */
  options: RedisOptions
  /** Where to begin when no node is known. */
  entrances: { host?: string; port?: number }[]
  /** For people: host and port, never the password. */
  where: string
}

function openSingle(settings: ConnectionSettings): Made {
  const options = { ...shared, ...parseUrl(settings) }
  const client = new Redis({ ...options, lazyConnect: true, retryStrategy: retryDelay, scripts: loadScripts() })
  return { client, options, entrances: [options], where: `${options.host}:${options.port}` }
}

function openCluster(settings: ConnectionSettings): Made {
  const nodes = settings.clusterNodes ?? []
  const options: RedisOptions = {
    ...shared,
    username: settings.username,
    password: settings.password,
    tls: tlsOf(settings.tls),
  }
  const client = new Cluster(nodes, {
    lazyConnect: true,
    enableOfflineQueue: false,
    scripts: loadScripts(),
    clusterRetryStrategy: retryDelay,
    slotsRefreshInterval: 5_000,
    slotsRefreshTimeout: 2_000,
    // Names stay names: certificates are made out to them, and their addresses change.
    dnsLookup: (address, callback) => callback(null, address),
    redisOptions: options,
  })
  return { client, options, entrances: nodes, where: nodes.map(({ host, port }) => `${host}:${port}`).join(', ') }
}

function parseUrl(settings: ConnectionSettings): RedisOptions {
  let url: URL
  try {
    url = new URL(settings.url ?? '')
  } catch {
    throw new Error('The address of Redis cannot be understood. Expected redis://host:port or rediss://host:port.')
  }
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') {
    throw new Error(`The address of Redis begins with ${url.protocol}//. Expected redis:// or rediss:// (TLS).`)
  }
  const db = url.pathname.replace('/', '')
  if (!/^\d*$/.test(db)) throw new Error('The address of Redis may only end in the number of a database, such as /0.')
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1') || 'localhost',
    port: Number(url.port) || 6379,
    username: decodeURIComponent(url.username) || settings.username,
    password: decodeURIComponent(url.password) || settings.password,
    db: Number(db),
    tls: tlsOf(url.protocol === 'rediss:' ? settings.tls || true : settings.tls),
  }
}

function tlsOf(tls: ConnectionSettings['tls']): ConnectionOptions | undefined {
  return tls === true ? {} : tls || undefined
}

// --- opening -----------------------------------------------------------------------------------------------------

/** Waits until the client is ready. Errors that trying again will not cure end the wait at once. */
async function opened(client: Client, where: string): Promise<void> {
  let last: unknown
  const ready = Promise.withResolvers<void>()
  const onError = (error: unknown) => {
    // That all nodes failed says less than how the last of them did.
    last = error instanceof Error && 'lastNodeError' in error ? (error.lastNodeError ?? error) : error
    if (hopeless(last)) ready.reject(last)
  }
  const timer = setTimeout(() => ready.reject(last), openMs)
  client.on('error', onError)
  client.on('node error', onError)
  client.once('ready', ready.resolve)
  try {
    client.connect().catch(() => undefined)
    await ready.promise
  } catch (error) {
    client.disconnect()
    throw new Error(reasonOf(error, where))
  } finally {
    clearTimeout(timer)
    client.off('error', onError)
    client.off('node error', onError)
    client.off('ready', ready.resolve)
  }
}

const refusal = /WRONGPASS|NOAUTH|NOPERM|invalid password|invalid username/i
const notCluster = /cluster support disabled/i

function hopeless(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const words = wordsOf(error)
  return refusal.test(words) || notCluster.test(words) || /^ERR_(SSL|TLS)|CERT|UNABLE_TO_VERIFY/.test(code)
}

function reasonOf(error: unknown, where: string): string {
  const words = wordsOf(error ?? new Error('no answer'))
  if (/NOAUTH/.test(words)) return `Redis at ${where} asks for a password, and none was given.`
  if (refusal.test(words)) return `Redis at ${where} refuses the user name or the password it was given.`
  if (notCluster.test(words)) return `Redis at ${where} is not a Cluster. Give its address as one URL instead.`
  if (hopeless(error)) return `The TLS connection to Redis at ${where} failed: ${words}.`
  // The client's own words for a Cluster none of whose nodes answers say nothing more.
  const vague = /^(Connection is closed|Failed to refresh slots|None of startup)/.test(words)
  return `Redis at ${where} cannot be reached${vague ? '' : `: ${words}`}.`
}

/** Commands that come all at once should not meet nodes that are only just being connected. */
async function warmUp(cluster: Cluster): Promise<void> {
  const waiting = cluster.nodes('master').filter((node) => node.status === 'wait')
  await Promise.all(waiting.map((node) => node.connect().catch(() => undefined)))
}

/** One node of a Cluster answers only for its part of the keys. */
async function refuseClusterNode(redis: Redis, where: string): Promise<void> {
  const info = await redis.info('cluster').catch(() => '')
  if (!info.includes('cluster_enabled:1')) return
  redis.disconnect()
  throw new Error(`Redis at ${where} is part of a Redis Cluster. Name its nodes instead of one address.`)
}

// --- while it runs -----------------------------------------------------------------------------------------------

interface Health {
  /** Since when the connection is lost; never, if it stands. */
  lostSince(): number
  closing(): void
}

/** How long a connection must stand to be called back: on a server that turns writes away it is begun anew all the time. */
const steadyMs = 1_000

/** Says once that a connection is lost, and once that it is back. */
function watchHealth(client: Client, where: string, log?: Log): Health {
  const lost = new Map<string, number>()
  const told = new Map<string, NodeJS.Timeout | undefined>()
  let closing = false
  let wasReady = false

  const gone = (redis: string, error: unknown = new Error('connection closed')) => {
    if (closing || !wasReady) return
    if (!lost.has(redis)) lost.set(redis, performance.now())
    clearTimeout(told.get(redis))
    if (!told.has(redis)) log?.warn({ redis, reason: wordsOf(error) }, 'Lost the connection to Redis.')
    told.set(redis, undefined)
  }
  const back = (redis: string) => {
    lost.delete(redis)
    if (!told.has(redis)) return
    clearTimeout(told.get(redis))
    const steady = setTimeout(() => {
      told.delete(redis)
      log?.info({ redis }, 'The connection to Redis is back.')
    }, steadyMs)
    told.set(redis, steady.unref())
  }

  client.on('error', () => undefined)
  client.on('ready', () => {
    wasReady = true
    back(where)
  })
  client.on('close', () => gone(where))
  client.on('node error', (error: unknown, node: string) => gone(node, error))
  client.on('+node', (node: Redis) => {
    node.on('ready', () => back(`${node.options.host}:${node.options.port}`))
  })
  return {
    lostSince: () => lost.get(where) ?? Number.POSITIVE_INFINITY,
    closing: () => {
      closing = true
      for (const timer of told.values()) clearTimeout(timer)
    },
  }
}

function connectionOf({ client, options, entrances }: Made, health: Health): Connection {
  const running = new Set<Promise<unknown>>()
  let closed = false

  async function attempts<T>(command: () => Promise<T>): Promise<T> {
    const began = performance.now()
    for (let wait = 25; ; wait = Math.min(wait * 2, 250)) {
      try {
        return await command()
      } catch (error) {
        const failure = failureOf(error)
        if (failure === 'defect') throw new Error(`Redis: ${wordsOf(error)}`)
        // While Redis is known to be away nobody waits for it.
        const since = Math.min(began, health.lostSince())
        if (failure === 'unavailable' || closed || performance.now() + wait - since > retryMs) throw unavailable(error)
        await sleep(wait)
      }
    }
  }

  async function run<T>(command: () => Promise<T>): Promise<T> {
    if (closed) throw unavailable(new Error('closed'))
    const attempt = attempts(command)
    running.add(attempt)
    try {
      return await attempt
    } finally {
      running.delete(attempt)
    }
  }

  const nodes = () => (client instanceof Cluster ? client.nodes('master') : [client])
  return {
    cluster: client instanceof Cluster,
    run: (command) => run(() => command(client as unknown as Commands)),
    script: (name, keys, given, ...texts) =>
      run(() =>
        (client as unknown as Scripted)[commandOf(name)]!(keys.length, ...keys, JSON.stringify(given), ...texts),
      ),
    dial() {
      const known = nodes().map((node) => node.options)
      const all = known.length > 0 ? known : entrances
      const { host, port } = all[Math.floor(Math.random() * all.length)]!
      return new Redis({ ...options, host, port, lazyConnect: true, retryStrategy: null })
    },
    publisher(text) {
      const all = nodes()
      const sorted = all.toSorted((a, b) => (a.options.port ?? 0) - (b.options.port ?? 0))
      const node = sorted[sum(text) % sorted.length]
      if (!node) throw new Error('Cluster has no node')
      return node
    },
    async close() {
      if (closed) return
      closed = true
      health.closing()
      await Promise.allSettled(running)
      client.disconnect()
    },
  }
}

const sum = (text: string) => [...text].reduce((total, char) => total + (char.codePointAt(0) ?? 0), 0)
