import { afterAll, beforeAll } from 'vitest'
import type { Store } from '../src/store.ts'
import { openRedis } from '../src/stores/redis/index.ts'
import { continuingContract } from './contracts/continuing.ts'
import { platformContract } from './contracts/platform.ts'
import { turnsContract } from './contracts/turns.ts'
import { describeRedis, type RedisServer, startRedis } from './support/redis.ts'

describeRedis('on Redis', () => {
  let redis: RedisServer
  let serial = 0
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())

  const open = async () => {
    const prefix = `turns${++serial}:`
    const stores: Store[] = []
    const again = async () => {
      const store = await openRedis({ url: redis.url, prefix })
      stores.push(store)
      return store
    }
    return {
      store: await again(),
      again,
      close: async () => void (await Promise.all(stores.map((store) => store.close()))),
    }
  }

  turnsContract('Redis', open)
  platformContract('Redis', open)
  continuingContract('Redis', open)
})
