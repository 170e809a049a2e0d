import { afterAll, beforeAll } from 'vitest'
import { openRedis } from '../src/stores/redis/index.ts'
import { identitiesContract } from './contracts/identities.ts'
import { describeRedis, type RedisServer, startRedis } from './support/redis.ts'

describeRedis('identities over Redis', () => {
  let server: RedisServer
  let serial = 0
  beforeAll(async () => {
    server = await startRedis({ appendonly: 'no' })
  })
  afterAll(() => server.stop())

  identitiesContract(
    ({ fresh, ...options } = {}) => {
      if (fresh) serial += 1
      return openRedis({ url: server.url, prefix: `identities${serial}:`, ...options })
    },
    { sharedBus: true },
  )
})
