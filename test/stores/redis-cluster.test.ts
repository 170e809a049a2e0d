import { afterAll, beforeAll } from 'vitest'
import { openRedis } from '../../src/stores/redis/index.ts'
import { storeContract } from '../contracts/store/index.ts'
import { describeRedis, type RedisCluster, startCluster } from '../support/redis.ts'

describeRedis('the contract of the store, on a Redis Cluster of three nodes', () => {
  let cluster: RedisCluster
  let serial = 0
  beforeAll(async () => {
    cluster = await startCluster()
  }, 30_000)
  afterAll(() => cluster.stop())

  storeContract('redis cluster', ({ fresh, ...options } = {}) => {
    if (fresh) serial += 1
    return openRedis({ clusterNodes: cluster.entrances, prefix: `test${serial}:`, ...options })
  })
})
