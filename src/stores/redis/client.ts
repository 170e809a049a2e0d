import type { ConnectionOptions } from 'node:tls'
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import type { Log } from '../../types.ts'
import { wordsOf } from './failures.ts'
import { loadScripts } from './scripts.ts'

/** Making a client of ioredis and waiting until it is of use, or saying in plain words why it is not. */

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

export type Client = Redis | Cluster

export interface Made {
  client: Client
  /** What every single connection is made with. */
  options: RedisOptions
  /** Where to begin when no node is known. */
  entrances: { host?: string; port?: number }[]
  /** For people: host and port, never the password. */
  where: string
}

/** A connection's name, for people and for telling nodes apart. */
export const addressOf = ({ options }: Redis) => `${options.host}:${options.port}`

/** How long the first connection may take. */
const openMs = 5_000

const shared: RedisOptions = {
  connectTimeout: 3_000,
  // The longest a command may wait for its reply.
  commandTimeout: 2_000,
  // A peer that vanished without a word: nothing comes though something is awaited.
  socketTimeout: 5_000,
  keepAlive: 10_000,
  // Retries are made in connection.ts, where they end; nothing waits in a queue for a Redis that is away.
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  autoResubscribe: false,
  // After a failover the old address may lead to a replica.
  reconnectOnError: (error) => error.message.includes('READONLY'),
}

const retryDelay = (times: number) => Math.min(50 * times, 1_000) + Math.floor(Math.random() * 50)

/** A client for the settings; it is not connected yet. Throws where they make no sense. */
export function makeClient(settings: ConnectionSettings): Made {
  return settings.clusterNodes?.length ? makeCluster(settings) : makeSingle(settings)
}

/** Connects a client, or throws an `Error` in plain words. */
export async function openClient({ client, where }: Made, log?: Log): Promise<void> {
  await opened(client, where)
  try {
    await inspect(client, where, log)
  } catch (error) {
    client.disconnect()
    throw error
  }
  if (client instanceof Cluster) await warmUp(client)
}

function makeSingle(settings: ConnectionSettings): Made {
  const options = { ...shared, ...parseUrl(settings) }
  const client = new Redis({ ...options, lazyConnect: true, retryStrategy: retryDelay, scripts: loadScripts() })
  return { client, options, entrances: [options], where: `${options.host}:${options.port}` }
}

function makeCluster(settings: ConnectionSettings): Made {
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

/** Whether this Redis can hold the data at all. A Redis that does not tell about itself is taken as it is. */
async function inspect(client: Client, where: string, log?: Log): Promise<void> {
  const node = client instanceof Cluster ? client.nodes('master')[0] : client
  const sections = ['server', 'cluster', 'memory'].map((section) => node?.info(section).catch(() => ''))
  const info = (await Promise.all(sections)).join('\n')
  const told = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? ''
  const [major = 0, minor = 0] = told('redis_version').split('.').map(Number)
  if (major > 0 && (major < 6 || (major === 6 && minor < 2))) {
    throw new Error(`Redis at ${where} is version ${told('redis_version')}; this program needs 6.2 or newer.`)
  }
  if (client instanceof Redis && told('cluster_enabled') === '1') {
    // One node of a Cluster answers only for its part of the keys.
    throw new Error(`Redis at ${where} is part of a Redis Cluster. Name its nodes instead of one address.`)
  }
  const policy = told('maxmemory_policy')
  if (policy && policy !== 'noeviction' && told('maxmemory') !== '0') {
    log?.warn(
      { redis: where, policy },
      'Redis drops data when its memory is full. Set its maxmemory-policy to noeviction.',
    )
  }
}
