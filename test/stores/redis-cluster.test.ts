import { afterAll, beforeAll, expect, it } from 'vitest'
import { openRedis } from '../../src/stores/redis/index.ts'
import { spellKeys } from '../../src/stores/redis/keys.ts'
import { storeContract } from '../contracts/store/index.ts'
import { messageAt, placeOf, say } from '../contracts/store/kit.ts'
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

  it('brings data of the first layout forward on every node', async () => {
    const where = { clusterNodes: cluster.entrances, prefix: 'old:' }
    const store = await openRedis(where)
    const ids = []
    for (let n = 0; n < 20; n++) ids.push((await say(store, messageAt(placeOf(`place ${n}`)))).conversation)
    await store.close()
    for (const node of cluster.clients) {
      const made = await node.keys('old:{*}:updated')
      expect(made.length).toBeGreaterThan(0)
      for (const key of made) await node.del(key)
    }
    const { schema } = spellKeys('old:')
    const nodes = await Promise.all(cluster.clients.map((node) => node.hset(schema, { version: 1 }).catch(() => -1)))
    expect(nodes.filter((added) => added === 0)).toHaveLength(1)
    const again = await openRedis(where)
    const { items } = await again.conversations.stale({ before: Date.now() + 60_000, limit: 100 })
    expect(items.map((one) => one.id).toSorted()).toEqual(ids.toSorted())
    await again.close()
  })
})
