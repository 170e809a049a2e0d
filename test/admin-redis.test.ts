import { afterAll, beforeAll } from 'vitest'
import { openRedis } from '../src/stores/redis/index.ts'
import { adminContract } from './contracts/admin.ts'
import { describeRedis, type RedisServer, startRedis } from './support/redis.ts'

describeRedis('administration over Redis', () => {
  let server: RedisServer
  let serial = 0
  beforeAll(async () => {
    server = await startRedis({ appendonly: 'no' })
  })
  afterAll(() => server.stop())

  adminContract(({ fresh, ...options } = {}) => {
    if (fresh) serial += 1
    return openRedis({ url: server.url, prefix: `admin${serial}:`, ...options })
  })
})
