import { Redis } from 'ioredis'
import { expect, it } from 'vitest'
import { homeOf } from '../../src/ids.ts'
import { openRedis } from '../../src/stores/redis/index.ts'
import { deliveryOf, messageAt, newLease, placeOf } from '../contracts/store/kit.ts'
import { describeRedis, startRedis } from '../support/redis.ts'

describeRedis('looking for overdue turns on one redis-server', () => {
  it('asks once for the homes of all shards, every second as it does', async () => {
    const server = await startRedis({ appendonly: 'no' })
    const redis = new Redis(server.url)
    const store = await openRedis({ url: server.url, prefix: 'test:' })
    try {
      const places = Array.from({ length: 20 }, (_, i) => placeOf(`C${i}`))
      for (const place of places) await store.inbox.accept(deliveryOf(messageAt(place)))
      const found = await store.inbox.sweep(places.map(() => newLease()))
      expect(found.map(({ home }) => home).sort()).toEqual(places.map(homeOf).sort())
      await redis.config('RESETSTAT')
      expect(await store.inbox.sweep([newLease()])).toEqual([])
      expect(await redis.info('commandstats')).toMatch(/^cmdstat_evalsha:calls=1,/m)
    } finally {
      await store.close()
      redis.disconnect()
      await server.stop()
    }
  })
})
