import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis, type RedisOptions } from 'ioredis'
import { describe } from 'vitest'

/** Real redis-servers for the tests: on free ports, in temporary folders, ended with the tests. */

const found = spawnSync('redis-server', ['--version']).status === 0
const missing =
  'redis-server was not found: install it (apt-get install redis-server, brew install redis) to run these tests.'

/** `describe`, or one clear line where redis-server is missing; in CI that is a failure. */
export function describeRedis(name: string, body: () => void): void {
  if (found) {
    describe(name, body)
    return
  }
  if (process.env.CI === 'true') throw new Error(missing)
  console.warn(`Skipped "${name}": ${missing}`)
  describe.skip(name, body)
}

export interface RedisServer {
  readonly host: string
  readonly port: number
  readonly url: string
  /** End it as a power cut would. */
  kill(): Promise<void>
  /** Begin again on the same port with the same data. */
  start(): Promise<void>
  /** Stop the process for a while; it neither answers nor closes. */
  pause(): void
  resume(): void
  /** End it and drop its data. */
  stop(): Promise<void>
}

/** Ends the server when its input ends: by `kill`, or because the test's process died, however that went. */
const keeper = 'redis-server "$@" </dev/null >/dev/null & echo $!; read -r _; kill -9 $!; wait'

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** `settings` as in redis.conf, e.g. `{ requirepass: 'secret' }`; `probe`: what a client needs to ask whether it is up. */
export async function startRedis(
  settings: Record<string, string> = {},
  { probe = {}, port }: { probe?: RedisOptions; port?: number } = {},
): Promise<RedisServer> {
  const dir = mkdtempSync(join(tmpdir(), 'redis-test-'))
  const at = port ?? (await freePort())
  const all = {
    port: String(at),
    bind: '127.0.0.1',
    dir,
    save: '',
    appendonly: 'yes',
    appendfsync: 'always',
    ...settings,
  }
  const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value])
  let child: ChildProcess | undefined
  let pid = 0

  async function start(): Promise<void> {
    child = spawn('sh', ['-c', keeper, 'redis-server', ...args], { stdio: ['pipe', 'pipe', 'ignore'] })
    pid = Number(String((await once(child.stdout!, 'data'))[0]))
    const client = new Redis({
      host: '127.0.0.1',
      port: at,
      retryStrategy: () => 20,
      maxRetriesPerRequest: null,
      password: settings.requirepass,
      ...probe,
    })
    client.on('error', () => undefined)
    try {
      await client.ping()
    } catch (error) {
      await kill()
      throw error
    } finally {
      client.disconnect()
    }
  }

  async function kill(): Promise<void> {
    const ended = child
    child = undefined
    if (!ended) return
    ended.stdin!.end()
    await once(ended, 'exit')
  }

  await start()
  return {
    host: '127.0.0.1',
    port: at,
    url: `redis://127.0.0.1:${at}`,
    kill,
    start,
    pause: () => void process.kill(pid, 'SIGSTOP'),
    resume: () => void process.kill(pid, 'SIGCONT'),
    async stop() {
      await kill()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

export interface RedisCluster {
  readonly nodes: RedisServer[]
  /** As `openRedis` takes them. */
  readonly entrances: { host: string; port: number }[]
  /** One raw client for each node. */
  readonly clients: Redis[]
  /** Waits until every node thinks that all is well. */
  settled(): Promise<void>
  stop(): Promise<void>
}

const slots = 16_384

/** A Cluster of masters, formed by raw commands, since redis-cli may be absent. */
export async function startCluster(
  size = 3,
  settings: Record<string, string> = {},
  tls?: { ca: Buffer },
): Promise<RedisCluster> {
  const nodes: RedisServer[] = []
  const busPorts: number[] = []
  for (let n = 0; n < size; n++) {
    const bus = await freePort()
    busPorts.push(bus)
    const port = await freePort()
    const common = { 'cluster-enabled': 'yes', 'cluster-port': String(bus), 'cluster-node-timeout': '2000' }
    const listening: Record<string, string> = tls ? { port: '0', 'tls-port': String(port) } : {}
    nodes.push(await startRedis({ ...common, appendfsync: 'no', ...listening, ...settings }, { port, probe: { tls } }))
  }
  const clients = nodes.map((node) => {
    const { host, port } = node
    const options = { host, port, password: settings.requirepass, tls, maxRetriesPerRequest: null }
    const client = new Redis({ ...options, retryStrategy: () => 50 })
    client.on('error', () => undefined)
    return client
  })
  for (const [n, client] of clients.entries()) {
    const first = Math.floor((n * slots) / size)
    await client.call('CLUSTER', 'ADDSLOTSRANGE', first, Math.floor(((n + 1) * slots) / size) - 1)
    for (const [m, other] of nodes.entries()) {
      if (m !== n) await client.call('CLUSTER', 'MEET', other.host, other.port, busPorts[m]!)
    }
  }

  async function settled(): Promise<void> {
    for (const client of clients) {
      for (;;) {
        const info = String(await client.call('CLUSTER', 'INFO'))
        if (info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${size}`)) break
        await sleep(50)
      }
    }
  }

  await settled()
  return {
    nodes,
    clients,
    entrances: nodes.map(({ host, port }) => ({ host, port })),
    settled,
    async stop() {
      for (const client of clients) client.disconnect()
      await Promise.all(nodes.map((node) => node.stop()))
    },
  }
}

/** A TCP proxy before a server, which counts what passes and can lose replies. */
export interface RedisProxy {
  readonly port: number
  /** Bytes to the server and from it, since the last `reset`. */
  readonly sent: number
  readonly received: number
  reset(): void
  /** Let the next request that contains `text` through to the server, then cut the connection instead of replying. */
  loseReplyTo(text: string): void
  /** How often that happened. */
  readonly lost: number
  /** From now on cut the connection instead of letting a request through that contains `text`; `null` ends it. */
  block(text: string | null): void
  /** Cut all connections. */
  cut(): void
  close(): Promise<void>
}

export async function startProxy(target: number): Promise<RedisProxy> {
  const sockets = new Set<Socket>()
  let sent = 0
  let received = 0
  let lost = 0
  let doomed: string | undefined
  let blocked: string | null = null
  const server: Server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1')
    let cutting = false
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (data) => {
      sent += data.length
      if (blocked !== null && data.includes(blocked)) {
        client.destroy()
        return
      }
      if (doomed !== undefined && data.includes(doomed)) {
        doomed = undefined
        cutting = true
      }
      upstream.write(data)
    })
    upstream.on('data', (data) => {
      received += data.length
      if (!cutting) {
        client.write(data)
        return
      }
      // The server has done its work; only the word of it is lost.
      lost += 1
      client.destroy()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    get sent() {
      return sent
    },
    get received() {
      return received
    },
    get lost() {
      return lost
    },
    reset() {
      sent = 0
      received = 0
    },
    loseReplyTo(text) {
      doomed = text
    },
    block(text) {
      blocked = text
    },
    cut() {
      for (const socket of sockets) socket.destroy()
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

export interface Request {
  /** The command with its arguments, as the server took it. */
  args: string[]
  /** Run by a script; otherwise sent by a client. */
  byScript: boolean
}

/** Writes down every command of a server while `work` runs. */
export async function watchCommands(ports: number[], work: () => Promise<void>): Promise<Request[]> {
  const requests: Request[] = []
  const watches = await Promise.all(
    ports.map(async (port) => {
      const client = new Redis({ host: '127.0.0.1', port })
      const monitor = await client.monitor()
      monitor.on('monitor', (_time: string, args: string[], source: string) => {
        requests.push({ args, byScript: source === 'lua' })
      })
      return { client, monitor }
    }),
  )
  await work()
  for (const { client, monitor } of watches) {
    // What a monitor tells comes in order: when it has told of this, it has told of all before.
    const told = new Promise<void>((resolve) => {
      monitor.on('monitor', (_time: string, args: string[]) => {
        if (args[1] === 'end-of-watch') resolve()
      })
    })
    await client.echo('end-of-watch')
    await told
    monitor.disconnect()
    client.disconnect()
  }
  return requests.filter(({ args }) => args[1] !== 'end-of-watch')
}
