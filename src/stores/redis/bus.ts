import type { Redis } from 'ioredis'
import type { Bus } from '../../store.ts'
import type { JsonObject, Log } from '../../types.ts'
import type { Engine } from './engine.ts'
import { wordsOf } from './failures.ts'

type Listener = (message: JsonObject) => void

/** How long a lost connection for messages waits before the next try; doubles. */
const backoff = { first: 50, most: 1_000 }
/** How often a quiet connection is asked whether it still stands. */
const heartbeatMs = 15_000

/**
 * Pub/sub on a connection of its own, which begins anew at any node when it is lost and then subscribes to all channels
 * again. On a Cluster the nodes pass messages on to each other, so one connection hears all.
 */
export function openBus(engine: Engine, log?: Log): Bus & { close(): void } {
  const { connection, keys } = engine
  const channels = new Map<string, Set<{ listener: Listener }>>()
  let wait = backoff.first
  let again: NodeJS.Timeout | undefined
  let closed = false
  let line = dial()

  function dial(): Redis {
    const redis = connection.dial()
    redis.on('error', (error) => log?.debug({ reason: wordsOf(error) }, 'The connection for messages failed.'))
    redis.on('message', hear)
    redis.on('ready', () => {
      wait = backoff.first
      const names = [...channels.keys()]
      if (names.length > 0) redis.subscribe(...names).catch(() => redis.disconnect())
    })
    redis.on('end', () => {
      if (closed) return
      again = setTimeout(() => {
        line = dial()
      }, wait)
      wait = Math.min(wait * 2, backoff.most)
    })
    redis.connect().catch(() => undefined)
    return redis
  }

  const heartbeat = setInterval(() => {
    const asked = line
    if (asked.status !== 'ready') return
    if (connection.belongs(asked)) asked.ping().catch(() => asked.disconnect())
    else asked.disconnect()
  }, heartbeatMs)
  heartbeat.unref()

  function hear(channel: string, text: string): void {
    const message = JSON.parse(text) as JsonObject
    for (const { listener } of [...(channels.get(channel) ?? [])]) {
      try {
        listener(message)
      } catch (error) {
        log?.error({ reason: wordsOf(error) }, 'A listener failed on a message.')
      }
    }
  }

  function leave(channel: string, entry: { listener: Listener }): void {
    const entries = channels.get(channel)
    if (!entries?.delete(entry) || entries.size > 0) return
    channels.delete(channel)
    line.unsubscribe(channel).catch(() => undefined)
  }

  return {
    async publish(name, message) {
      const channel = keys.channel(name)
      const text = JSON.stringify(message)
      // At most once: not again where it may have been sent.
      await connection.runOnce(() => connection.publisher(channel).publish(channel, text))
    },

    async subscribe(name, listener) {
      const channel = keys.channel(name)
      const entry = { listener }
      const entries = channels.get(channel) ?? new Set()
      channels.set(channel, entries.add(entry))
      try {
        await connection.run(() => line.subscribe(channel))
      } catch (error) {
        leave(channel, entry)
        throw error
      }
      return () => leave(channel, entry)
    },

    close() {
      closed = true
      clearTimeout(again)
      clearInterval(heartbeat)
      line.disconnect()
    },
  }
}
