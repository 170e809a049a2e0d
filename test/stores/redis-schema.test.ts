import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { type Connection, connect } from '../../src/stores/redis/connection.ts'
import { openRedis } from '../../src/stores/redis/index.ts'
import { shards, spellKeys } from '../../src/stores/redis/keys.ts'
import { ensureSchema, type Migration, migrations } from '../../src/stores/redis/schema.ts'
import { messageAt, placeOf, say } from '../contracts/store/kit.ts'
import { describeRedis, type RedisServer, startRedis } from '../support/redis.ts'

const prefix = 'schema:'
const keys = spellKeys(prefix)

describeRedis('the version of the data in Redis', () => {
  let server: RedisServer
  let redis: Redis
  let connections: Connection[]
  beforeAll(async () => {
    server = await startRedis({ appendonly: 'no' })
    redis = new Redis(server.url)
  })
  afterAll(async () => {
    redis.disconnect()
    await server.stop()
  })
  beforeEach(async () => {
    await redis.flushall()
    connections = await Promise.all([1, 2].map(() => connect({ url: server.url })))
  })
  afterEach(() => Promise.all(connections.map((one) => one.close())))

  const version = async () => (await redis.hgetall(keys.schema)).version

  it('is written into an empty Redis, by however many instances begin at once', async () => {
    const stores = await Promise.all(Array.from({ length: 4 }, () => openRedis({ url: server.url, prefix })))
    await Promise.all(stores.map((store) => store.close()))
    expect(await redis.hgetall(keys.schema)).toMatchObject({
      version: String(migrations.length + 1),
      shards: String(shards),
    })
  })

  it('is refused when it is newer, and left as it is', async () => {
    await redis.hset(keys.schema, { version: 99, shards })
    await expect(openRedis({ url: server.url, prefix })).rejects.toThrow(
      /newer version of this program: its layout is 99/,
    )
    expect(await version()).toBe('99')
  })

  it('is refused with another number of shards', async () => {
    await redis.hset(keys.schema, { version: migrations.length + 1, shards: 16 })
    await expect(openRedis({ url: server.url, prefix })).rejects.toThrow('has 16 shards')
  })

  it('goes forward by steps in order, each once, by one of many instances', async () => {
    await redis.hset(keys.schema, { version: 1, shards })
    const done: string[] = []
    const step =
      (name: string): Migration =>
      async (connection) => {
        done.push(`${name} begins`)
        await connection.run((commands) => commands.set(`${prefix}${name}`, '1', 'EX', 60))
        done.push(`${name} ends`)
      }
    const steps = [step('one'), step('two')]
    await Promise.all(connections.map((connection) => ensureSchema(connection, keys, { steps })))
    expect(done).toEqual(['one begins', 'one ends', 'two begins', 'two ends'])
    expect(await version()).toBe('3')
    expect(await redis.exists(keys.lock)).toBe(0)
  })

  it('stays where a step failed, and goes on from there', async () => {
    await redis.hset(keys.schema, { version: 1, shards })
    const done: string[] = []
    let broken = true
    const steps: Migration[] = [
      async () => void done.push('one'),
      async () => {
        if (broken) throw new Error('the step failed')
        done.push('two')
      },
    ]
    await expect(ensureSchema(connections[0]!, keys, { steps })).rejects.toThrow('the step failed')
    expect(await version()).toBe('2')
    broken = false
    await ensureSchema(connections[1]!, keys, { steps })
    expect(done).toEqual(['one', 'two'])
    expect(await version()).toBe('3')
  })

  it('finds its conversations by time of update when they are of the first layout', async () => {
    const store = await openRedis({ url: server.url, prefix })
    const ids = []
    for (let n = 0; n < 20; n++) ids.push((await say(store, messageAt(placeOf(`place ${n}`)))).conversation)
    await store.close()
    const made = await redis.keys(`${prefix}{*}:updated`)
    expect(made.length).toBeGreaterThan(1)
    const before = await Promise.all(made.map((key) => redis.zrange(key, 0, '-1', 'WITHSCORES')))
    await redis.del(...made)
    await redis.hset(keys.schema, { version: 1 })
    // Another deployment's data beside it, whose prefix looks like a pattern of ours.
    await redis.hset('schemaX{1}:conversation:theirs', { updatedAt: 1 })

    const again = await openRedis({ url: server.url, prefix })
    expect(await version()).toBe(String(migrations.length + 1))
    expect(await Promise.all(made.map((key) => redis.zrange(key, 0, '-1', 'WITHSCORES')))).toEqual(before)
    const { items } = await again.conversations.stale({ before: Date.now() + 60_000, limit: 100 })
    expect(items.map((one) => one.id).toSorted()).toEqual(ids.toSorted())
    await again.close()
  })

  it('waits for the lock of an instance that migrates, and takes it when that died', async () => {
    await redis.hset(keys.schema, { version: 1, shards })
    await redis.set(keys.lock, 'someone who died', 'PX', 300)
    let ran = 0
    await ensureSchema(connections[0]!, keys, { steps: [async () => void ran++] })
    expect([ran, await version()]).toEqual([1, '2'])
  })
})
