import type { Redis } from 'ioredis'
import type { Log } from '../../types.ts'
import { addressOf, type Client } from './client.ts'
import { wordsOf } from './failures.ts'

export interface Health {
  /** Since when the connection is lost; never, if it stands. */
  lostSince(): number
  closing(): void
}

/** How long a connection must stand to be called back: on a server that turns writes away it is begun anew all the time. */
const steadyMs = 1_000

/** Says once that a connection is lost, and once that it is back. */
export function watchHealth(client: Client, where: string, log?: Log): Health {
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
    node.on('ready', () => back(addressOf(node)))
  })
  return {
    lostSince: () => lost.get(where) ?? Number.POSITIVE_INFINITY,
    closing: () => {
      closing = true
      for (const timer of told.values()) clearTimeout(timer)
    },
  }
}
