import { setTimeout as sleep } from 'node:timers/promises'
import { Cluster, Redis, type RedisCommander } from 'ioredis'
import { addressOf, type ConnectionSettings, type Made, makeClient, openClient } from './client.ts'
import { failureOf, noNode, unavailable, unsent, wordsOf } from './failures.ts'
import { gatherFor } from './gather.ts'
import { type Health, watchHealth } from './health.ts'
import { commandOf, type ScriptName } from './scripts.ts'

/** Commands are sent to whichever node has their keys. */
export type Commands = RedisCommander

export interface Connection {
  readonly cluster: boolean
  /** Send a command; retried for a moment where that may help, else a `store_unavailable`. It must be safe to repeat. */
  run<T>(command: (redis: Commands) => Promise<T>): Promise<T>
  /** The same for what must not be repeated: retried only where it surely was not sent. */
  runOnce<T>(command: () => Promise<T>): Promise<T>
  /** Run a script on its keys: `given` are its small named values, `texts` what it only stores. */
  script(name: ScriptName, keys: string[], given: object, ...texts: (string | number)[]): Promise<unknown>
  /** All keys like this pattern, some at once, perhaps some of them twice. */
  scan(pattern: string): AsyncIterable<string[]>
  /** One more connection, to any node; it does not reconnect by itself. */
  dial(): Redis
  /** Whether a dialled connection leads to a node that (still) belongs to the Cluster. */
  belongs(dialled: Redis): boolean
  /** Always the same node for the same text: what is published there keeps its order. */
  publisher(text: string): Redis
  close(): Promise<void>
}

/** How long a command is repeated while Redis is away. */
const retryMs = 1_500

type Scripted = Record<string, (...args: (string | number)[]) => Promise<unknown>>

export async function connect(settings: ConnectionSettings): Promise<Connection> {
  const made = makeClient(settings)
  const health = watchHealth(made.client, made.where, settings.log)
  await openClient(made, settings.log)
  return connectionOf(made, health)
}

function connectionOf({ client, options, entrances }: Made, health: Health): Connection {
  const running = new Set<Promise<unknown>>()
  const gather = gatherFor(client)
  let closed = false

  async function attempts<T>(command: () => Promise<T>, repeatable: boolean): Promise<T> {
    const began = performance.now()
    for (let wait = 25; ; wait = Math.min(wait * 2, 250)) {
      try {
        gather()
        return await command()
      } catch (error) {
        const failure = failureOf(error)
        if (failure === 'defect') throw new Error(`Redis: ${wordsOf(error)}`)
        // While Redis is known to be away nobody waits for it.
        const since = Math.min(began, health.lostSince())
        const late = performance.now() + wait - since > retryMs
        if (failure === 'unavailable' || closed || late || !(repeatable || unsent(error))) throw unavailable(error)
        await sleep(wait)
      }
    }
  }

  async function run<T>(command: () => Promise<T>, repeatable = true): Promise<T> {
    if (closed) throw unavailable(new Error('closed'))
    const attempt = attempts(command, repeatable)
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
    runOnce: (command) => run(command, false),
    script: (name, keys, given, ...texts) =>
      run(() =>
        (client as unknown as Scripted)[commandOf(name)]!(keys.length, ...keys, JSON.stringify(given), ...texts),
      ),
    async *scan(pattern) {
      for (const node of nodes()) {
        let cursor = '0'
        do {
          const [next, found] = await run(() => node.scan(cursor, 'MATCH', pattern, 'COUNT', 500))
          cursor = next
          if (found.length > 0) yield found
        } while (cursor !== '0')
      }
    },
    dial() {
      const known = nodes().map((node) => node.options)
      const all = known.length > 0 ? known : entrances
      const { host, port } = all[Math.floor(Math.random() * all.length)]!
      return new Redis({ ...options, host, port, lazyConnect: true, retryStrategy: null })
    },
    publisher(text) {
      const all = nodes()
      const sorted = all.toSorted((a, b) => (addressOf(a) < addressOf(b) ? -1 : 1))
      const node = sorted[sum(text) % sorted.length]
      if (!node) throw new Error(noNode)
      return node
    },
    belongs: (dialled) => nodes().some((node) => addressOf(node) === addressOf(dialled)),
    async close() {
      if (closed) return
      closed = true
      health.closing()
      await Promise.allSettled(running)
      client.disconnect()
    },
  }
}

/** Any number that is always the same for the same text. */
const sum = (text: string) => [...text].reduce((total, char) => total + (char.codePointAt(0) ?? 0), 0)
