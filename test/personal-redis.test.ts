import { afterAll, beforeAll } from 'vitest'
import { openRedis } from '../src/stores/redis/index.ts'
import { personalContract } from './contracts/personal.ts'
import { describeRedis, type RedisServer, startRedis } from './support/redis.ts'

describeRedis('what is kept about people, over Redis', () => {
  let server: RedisServer
  let serial = 0
  beforeAll(async () => {
    server = await startRedis({ appendonly: 'no' })
  })
  afterAll(() => server.stop())

  personalContract(({ fresh, ...options } = {}) => {
    if (fresh) serial += 1
    return openRedis({ url: server.url, prefix: `personal${serial}:`, ...options })
  })
})
