import { join } from 'node:path'
import type { Config, RedisConfig } from './config.ts'
import type { Store } from './store.ts'
import { openRedis } from './stores/redis/index.ts'
import { openSqlite } from './stores/sqlite/index.ts'
import type { Log } from './types.ts'

/**
 * The store that is configured: Redis where it is named, else SQLite in the data folder. Rejects with plain words when it
 * cannot be used. `lock`: this is an instance of the service, of which SQLite can only have one at a time.
 */
export async function openStore(config: Config, log: Log, options: { lock?: boolean } = {}): Promise<Store> {
  const { maxWaiting } = config.chat
  if (config.redis) return openRedis({ ...connectionOf(config.redis), prefix: config.redis.prefix, maxWaiting, log })
  return openSqlite({ file: join(config.dataDir, 'chat.db'), maxWaiting, ...options })
}

/** A Cluster takes user, password and TLS from the URL, whose host it has no use for. */
function connectionOf({ url, nodes }: RedisConfig) {
  if (nodes.length === 0) return { url: url?.reveal() ?? '' }
  const { username, password, protocol } = new URL(url?.reveal() ?? 'redis://none')
  return {
    clusterNodes: nodes.map((node) => ({ ...node })),
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
    tls: protocol === 'rediss:',
  }
}
