import { afterAll, beforeAll } from 'vitest'
import { openRedis } from '../../src/stores/redis/index.ts'
import { storeContract } from '../contracts/store/index.ts'
import { describeRedis, type RedisServer, startRedis } from '../support/redis.ts'

describeRedis('the contract of the store, on one redis-server', () => {
  let server: RedisServer
  let serial = 0
  beforeAll(async () => {
    server = await startRedis({ appendonly: 'no' })
  })
  afterAll(() => server.stop())

  storeContract('redis', ({ fresh, ...options } = {}) => {
    if (fresh) serial += 1
    return openRedis({ url: server.url, prefix: `test${serial}:`, ...options })
  })
})
