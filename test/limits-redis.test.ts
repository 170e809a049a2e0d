import { afterAll, beforeAll } from 'vitest'
import { openRedis } from '../src/stores/redis/index.ts'
import { limitsContract } from './contracts/limits.ts'
import { describeRedis, type RedisServer, startRedis } from './support/redis.ts'

describeRedis('limits over Redis', () => {
  let server: RedisServer
  let serial = 0
  beforeAll(async () => {
    server = await startRedis({ appendonly: 'no' })
  })
  afterAll(() => server.stop())

  limitsContract(({ fresh, ...options } = {}) => {
    if (fresh) serial += 1
    return openRedis({ url: server.url, prefix: `limits${serial}:`, ...options })
  })
})
