import { readdirSync, readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { newId } from '../../src/ids.ts'
import type { Store } from '../../src/store.ts'
import { openRedis } from '../../src/stores/redis/index.ts'
import { keyTable, shardOf, shards, spellKeys } from '../../src/stores/redis/keys.ts'
import type { Incoming, Message } from '../../src/types.ts'
import {
  answerOf,
  claimNew,
  deliveryOf,
  messageAt,
  newLease,
  newUser,
  outcomeOf,
  placeOf,
  say,
} from '../contracts/store/kit.ts'
import {
  describeRedis,
  type RedisCluster,
  type RedisServer,
  startCluster,
  startProxy,
  startRedis,
  watchCommands,
} from '../support/redis.ts'

const prefix = 'layout:'

/** All that a store can do, some of it unfinished, so that every kind of key is there. */
async function workload(store: Store): Promise<void> {
  await store.ping()
  const first = await say(store, messageAt(placeOf('a'), { user: 'ann' }), { title: 'Words' })
  await store.conversations.rate(first.conversation, first.turn, { value: 'up', user: 'ann', at: 1 })
  await store.conversations.update(first.conversation, { summary: { text: 'short', upTo: 1 } })
  await store.conversations.read(first.conversation, { messages: 10, bytes: 10_000 })
  await store.conversations.list('ann', { limit: 10 })
  await store.conversations.list('ann', { limit: 10, matching: 'question' })
  await say(store, messageAt(placeOf('a'), { replaces: first.turn }))
  // A place that continues a conversation born elsewhere, and a message that names one.
  await store.places.point(placeOf('b'), first.conversation)
  const running = await claimNew(store, messageAt(placeOf('b')))
  await store.inbox.accept(deliveryOf(messageAt(placeOf('c'), { conversation: first.conversation, user: 'ann' })))
  await store.inbox.accept(deliveryOf(messageAt(placeOf('c'), { conversation: first.conversation, user: 'eve' })))
  await store.leases.save(running, { shown: 1 })
  await store.leases.renew(running, 10_000)
  await store.inbox.stop(first.conversation)
  await store.inbox.pending(first.conversation)
  await store.leases.commit(running, outcomeOf(running, { delivered: false }))
  const { next } = await store.leases.settle(running, newLease())
  await store.leases.release(next!)
  await store.inbox.sweep([newLease(), newLease()])
  // A refused stranger, and a conversation that is deleted while its first turn runs.
  const refused = await claimNew(store, messageAt(placeOf('d')))
  await store.leases.commit(refused, outcomeOf(refused, { messages: [], participants: [], discard: true }))
  const deleted = await claimNew(store, messageAt(placeOf('e'), { user: 'ann' }))
  await store.conversations.remove(deleted.conversation)
  await store.leases.commit(deleted, outcomeOf(deleted), newLease())
  await store.inbox.depth()
  // Questions that change: while one runs, while one waits, and after the answer.
  const changed = await claimNew(store, messageAt(placeOf('f'), { user: 'ann' }))
  const waiting = messageAt(placeOf('f'))
  await store.inbox.accept(deliveryOf(waiting))
  await store.places.amend(placeOf('f'), changed.incoming.ids[0]!, { text: 'new', title: 'new' })
  await store.places.amend(placeOf('f'), waiting.ids[0]!, { text: null, title: '' })
  await store.leases.commit(changed, outcomeOf(changed))
  await store.conversations.join(changed.conversation, 'ann')
  await store.places.amend(placeOf('f'), changed.incoming.ids[0]!, { text: null, title: '' })
  await store.places.mute(placeOf('f'))
  await store.places.read(placeOf('f'))

  const user = await store.users.create(newUser({ identities: ['web:local:ann', 'slack:T1:U1'] }))
  await store.users.create(newUser({ identities: ['slack:T1:U1', 'slack:T1:U2'] }))
  await store.users.update(user.id, { name: 'Anna' })
  await store.users.list({ limit: 10 })
  await know(store)
  const expiresAt = Date.now() + 60_000
  for (const id of ['s1', 's2', 's3']) await store.sessions.set(id, {}, { user: 'ann', expiresAt })
  await store.sessions.set('s4', {}, { expiresAt })
  await store.sessions.endAll('ann', 's3')
  await store.sessions.destroy('s4')
  await store.counters.hit('k', 60_000)
  await store.cache.set('k', 'v', 60_000)
  await store.cache.swap('k', 'v', 'w', 60_000)
  await store.cache.swap('k', 'w', null, 60_000)
  await spend(store)
  await record(store)
  await store.vault.set('k', 'v')
  await store.vault.set('gone', 'v')
  await store.vault.delete('gone')
  await store.vault.lock('k', 60_000)
  await (await store.vault.lock('free', 60_000))?.()
  const end = await store.bus.subscribe('c', () => undefined)
  await store.bus.publish('c', {})
  end()
}

/** People who come together and part, and what becomes of their conversations. */
async function know(store: Store): Promise<void> {
  const { users, conversations } = store
  for (const id of ['kim', 'lee', 'moe', 'ned']) await users.create(newUser({ id }))
  const shared = placeOf('g', { direct: false })
  const kept = await say(store, messageAt(shared, { user: 'lee' }), { participants: ['lee'] })
  await say(store, messageAt(shared), { participants: ['kim'] })
  await say(store, messageAt(shared), { participants: ['ned'] })
  await conversations.rate(kept.conversation, kept.turn, { value: 'up', user: 'ned', at: 1 })
  await users.attach('lee', 'email:lee@example.com')
  await users.detach('lee', 'email:lee@example.com', newUser({ id: 'oli', identities: ['email:lee@example.com'] }))
  await store.absences.left('slack:T1:C1', 'web:local:lee')
  await store.absences.left('slack:T1:C1', 'web:local:ned')
  await users.merge('lee', 'kim')
  await say(store, messageAt(shared), { participants: ['lee'] })
  await conversations.list('lee', { limit: 10 })
  const copy = {
    id: deliveryOf(messageAt(placeOf('h'))).conversation,
    user: 'moe',
    surface: 'web',
    direct: true,
  } as const
  await conversations.copy(kept.conversation, { ...copy, messages: 3 })
  await conversations.forget(kept.conversation, 'ned')
  await conversations.leave(copy.id, 'moe')
  await conversations.stale({ before: Date.now() + 60_000, limit: 10 })
  await users.search('kim', { limit: 10 })
  for (const id of ['moe', 'ned', 'oli']) await users.remove(id)
}

/** Allowances and statistics: of a turn that runs, of one that is over, and of someone who is forgotten. */
async function spend({ budgets, usage }: Store): Promise<void> {
  const endsAt = Date.now() + 60_000
  for (const turn of ['t1', 't2']) await budgets.hold('k', { turn, amount: 5, limit: 10, endsAt })
  await budgets.hold('k', { turn: 't3', amount: 5, limit: 10, endsAt })
  await budgets.settle('k', 't1', 5)
  await budgets.read(['k', 'never'])
  const day = new Date().toISOString().slice(0, 10)
  const row = { day, surface: 'slack', workspace: 'T1', model: 'a-model', turns: 1, cost: 1 } as const
  const tokens = { input: 1, output: 1, cacheRead: 1, cacheWrite: 1 }
  for (const user of ['ann', 'bob']) await usage.add({ ...row, ...tokens, user })
  await usage.forget('bob')
  await usage.read({ from: day, to: day })
  await usage.read({ from: day, to: day, user: 'ann' })
}

async function record({ records }: Store): Promise<void> {
  const id = newId()
  await records.put('feedback', { id, at: 1, user: 'ann', data: {} })
  await records.put('feedback', { id, at: 1, user: 'bob', data: {} })
  await records.drop('feedback', id)
  for (const user of ['ann', 'bob']) await records.put('audit', { id: newId(), at: 1, user, data: {} })
  await records.list('audit', { limit: 10 })
  await records.list('audit', { limit: 10, user: ['ann', 'bob'] })
  await records.purge('audit', 1, 10)
}

async function allKeys(redis: Redis): Promise<string[]> {
  const keys: string[] = []
  for await (const some of redis.scanStream({ match: `${prefix}*` })) keys.push(...(some as string[]))
  return keys
}

describeRedis('the layout of the data in Redis', () => {
  let server: RedisServer
  let redis: Redis
  let store: Store
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
    store = await openRedis({ url: server.url, prefix })
  })
  afterEach(() => store.close())

  it('has no key that is not in the table, and none without a lifetime or an owner', async () => {
    await workload(store)
    const met = new Set<string>()
    for (const key of await allKeys(redis)) {
      const kind = /^layout:\{\w+\}:(\w+)/.exec(key)?.[1]
      const row = keyTable.find((one) => one.kind === kind)
      expect(row, `${key} is not in the table`).toBeDefined()
      expect(await redis.type(key), key).toBe(row!.type)
      expect((await redis.pttl(key)) > 0 ? 'ttl' : 'owner', key).toBe(row!.ends)
      met.add(row!.kind)
    }
    // The locks live only while data is migrated and while people are joined, and so does what is then to be done.
    expect([...met].sort()).toEqual(
      keyTable
        .map((row) => row.kind)
        .filter((kind) => !['lock', 'joining', 'joiner'].includes(kind))
        .sort(),
    )
  })

  it('keeps nothing of deleted conversations but what ends by itself', async () => {
    await workload(store)
    const { items } = await store.conversations.list('ann', { limit: 10 })
    for (const { conversation } of items) await store.conversations.remove(conversation.id)
    const others = await store.conversations.stale({ before: Date.now() + 60_000, limit: 100 })
    for (const { id } of others.items) await store.conversations.remove(id)
    const owned = keyTable.filter((row) => row.ends === 'owner').map((row) => row.kind)
    const left = (await allKeys(redis))
      .map((key) => /\}:(\w+)/.exec(key)?.[1] ?? '')
      .filter((kind) => owned.includes(kind))
    const logs = ['entries', 'records', 'recordsOf']
    expect([...new Set(left)].sort()).toEqual(
      [...logs, 'absences', 'identity', 'schema', 'user', 'users', 'vault'].sort(),
    )
  })

  it('keeps nothing of a log that is purged, nor of a user whose entries are', async () => {
    await record(store)
    expect(await allKeys(redis)).toContainEqual(expect.stringContaining(':recordsOf:audit:ann'))
    expect(await store.records.purge('audit', Date.now() + 60_000, 10)).toBe(2)
    expect((await allKeys(redis)).filter((key) => /:(entries|records|recordsOf):/.test(key))).toEqual([])
  })

  it('takes an entry out of a user’s index, where a crash left it there, and leaves the others', async () => {
    const index = spellKeys(prefix).recordsOf('ann', 'audit')
    const ids = Array.from({ length: 5 }, () => newId())
    await store.records.put('audit', { id: ids[0]!, at: 1, user: 'ann', data: {} })
    await store.records.put('audit', { id: ids[1]!, at: 1, user: 'bob', data: {} })
    for (const id of ids) await redis.zadd(index, 0, id)
    const listed = await store.records.list('audit', { limit: 2, user: 'ann' })
    expect(listed.map((entry) => entry.id)).toEqual([ids[0]])
    expect(await redis.zrange(index, 0, '-1')).toEqual([ids[0]])
  })

  it('keeps no hold of a turn after its hour, and nothing of an allowance after its window', async () => {
    const keys = spellKeys(prefix)
    await store.budgets.hold('k', { turn: 't1', amount: 5, limit: 10, endsAt: Date.now() + 60_000 })
    await redis.zadd(keys.reserved('k'), 1, 't1')
    expect(await store.budgets.read(['k'])).toEqual([{ used: 0, held: 0 }])
    expect(await redis.hkeys(keys.budget('k'))).toEqual(['used', 'held', 'till'])
    expect(await redis.exists(keys.reserved('k'))).toBe(0)
  })

  it('keeps nothing of whom usage is forgotten', async () => {
    await spend(store)
    await store.usage.forget('ann')
    const keys = (await allKeys(redis)).filter((key) => key.includes(':usage'))
    expect(keys.every((key) => /:usage:[\d-]+$/.test(key))).toBe(true)
    const fields = await Promise.all(keys.map((key) => redis.hkeys(key)))
    expect(new Set(fields.flat())).toEqual(new Set([' slack T1 a-model']))
  })

  it('keeps nothing of a user whose creation was never finished', async () => {
    const user = newUser()
    const keys = spellKeys(prefix)
    await redis.hset(keys.user(user.id), 'pending', 1, 'id', JSON.stringify(user.id))
    await redis.pexpire(keys.user(user.id), 1)
    await redis.set(keys.identity(user.identities[0]!), user.id)
    await expect.poll(() => redis.exists(keys.user(user.id))).toBe(0)
    expect(await store.users.find(user.identities[0]!)).toBeNull()
    const second = newUser({ identities: user.identities })
    expect(await store.users.create(second)).toEqual(second)
    expect(await store.users.find(user.identities[0]!)).toEqual(second)
  })

  it('takes what was deleted off a list, where a crash left it there', async () => {
    const claim = await say(store, messageAt(placeOf('a')))
    const list = spellKeys(prefix).conversations('ann')
    await redis.zadd(list, 1, `${claim.home}never-there`)
    const { items } = await store.conversations.list('ann', { limit: 10 })
    expect(items.map((one) => one.conversation.id)).toEqual([claim.conversation])
    expect(await redis.zrange(list, 0, '-1')).toEqual([claim.conversation])
  })

  it('spreads homes over all shards', () => {
    const homes = Array.from(
      { length: 64 * shards },
      (_, n) => deliveryOf(messageAt(placeOf(`place ${n}`))).conversation,
    )
    const counts = new Map<number, number>()
    for (const home of homes) counts.set(shardOf(home.slice(0, 16)), (counts.get(shardOf(home.slice(0, 16))) ?? 0) + 1)
    expect(counts.size).toBe(shards)
    expect(Math.max(...counts.values())).toBeLessThan(64 * 2)
  })
})

describe('the scripts', () => {
  const dir = new URL('../../src/stores/redis/lua/', import.meta.url)

  it.each(readdirSync(dir))('%s takes keys from KEYS alone', (file) => {
    const calls = [...readFileSync(new URL(file, dir), 'utf8').matchAll(/redis\.call\('(\w+)'(?:, ([^,)]+))?/g)]
    for (const [call, command, key = ''] of calls) {
      if (command === 'TIME') continue
      expect(key, call).toMatch(/^(KEYS\[\w+\]|HOME|INBOX|DUE|CONVERSATION|MESSAGES|TURNS)$/)
    }
  })
})

describeRedis('what the steps cost in Redis', () => {
  let server: RedisServer
  let cluster: RedisCluster
  beforeAll(async () => {
    server = await startRedis({ appendonly: 'no' })
    cluster = await startCluster()
  }, 30_000)
  afterAll(async () => {
    await server.stop()
    await cluster.stop()
  })

  it('touches only the declared keys in every script', async () => {
    const store = await openRedis({ url: server.url, prefix })
    const requests = await watchCommands([server.port], () => workload(store))
    await store.close()
    let declared: string[] = []
    for (const { args, byScript } of requests) {
      const [command = '', , count = '0'] = args
      if (!byScript) declared = command.startsWith('eval') ? args.slice(3, 3 + Number(count)) : []
      else for (const key of args.slice(1).filter((one) => one.startsWith(prefix))) expect(declared).toContain(key)
    }
    // Each is sent whole at first. All but the common part, schema (sent before), updated (a migration's) and user_drop (the
    // loser of a race).
    const whole = requests.filter(({ args, byScript }) => !byScript && args[0] === 'eval').map(({ args }) => args[1])
    expect(new Set(whole).size).toBe(readdirSync(new URL('../../src/stores/redis/lua/', import.meta.url)).length - 4)
  })

  it.each(['one server', 'a Cluster'])(
    'takes two commands for a turn on %s where a place is known: accept with claim and read, commit',
    async (on) => {
      const whole = on === 'a Cluster'
      const where = whole ? { clusterNodes: cluster.entrances } : { url: server.url }
      const store = await openRedis({ ...where, prefix: 'count:' })
      // A connection sends each script's text once; the next time is like all that follow.
      const place = placeOf('counted')
      const turn = async () => {
        const window = { messages: 40, bytes: 100_000 }
        const { claim } = await store.inbox.accept(deliveryOf(messageAt(place, { user: 'ann' })), newLease(), window)
        told.push(claim!.found?.messages.length)
        await store.leases.commit(claim!, outcomeOf(claim!), newLease())
      }
      const told: (number | undefined)[] = []
      await turn()
      const ports = whole ? cluster.nodes.map((node) => node.port) : [server.port]
      const requests = await watchCommands(ports, turn)
      await store.close()
      const counted = requests.filter(({ args, byScript }) => !byScript && args.some((arg) => arg.includes('count:')))
      expect(counted.map(({ args }) => args[0])).toEqual(['evalsha', 'evalsha'])
      expect(told).toEqual([0, 2])
    },
  )

  it('costs the same with 10 and with 10,000 messages in a conversation', async () => {
    const proxy = await startProxy(server.port)
    const store = await openRedis({ url: `redis://127.0.0.1:${proxy.port}`, prefix: 'cost:' })
    const redis = new Redis(server.url)
    const text = 'a question of some length '.repeat(40)

    async function fill(channel: string, count: number): Promise<Incoming> {
      const { incoming } = await say(store, messageAt(placeOf(channel), { text }))
      const claim = await claimNew(store, messageAt(placeOf(channel), { text }))
      const message = outcomeOf(claim, { answer: answerOf(text) }).messages[1]! satisfies Omit<Message, 'seq'>
      await store.leases.commit(claim, outcomeOf(claim, { messages: Array.from({ length: count }, () => message) }))
      return incoming
    }

    async function costOf(channel: string) {
      await redis.config('RESETSTAT')
      proxy.reset()
      const claim = await claimNew(store, messageAt(placeOf(channel), { text }))
      await store.conversations.read(claim.conversation, { messages: 40, bytes: 8_000 })
      await store.leases.commit(claim, outcomeOf(claim, { answer: answerOf(text) }))
      return { bytes: proxy.sent + proxy.received, calls: await callsOf() }
    }

    async function callsOf() {
      const stats = await redis.info('commandstats')
      const calls = [...stats.matchAll(/cmdstat_(\S+):calls=(\d+)/g)].map(([, command, count]) => [
        command,
        Number(count),
      ])
      return Object.fromEntries(calls.filter(([command]) => command !== 'config|resetstat'))
    }

    /** The first question of all changes, which is as far from the newest message as can be. */
    async function costOfChange(channel: string, incoming: Incoming) {
      await redis.config('RESETSTAT')
      proxy.reset()
      const { when } = await store.places.amend(placeOf(channel), incoming.ids[0]!, { text, title: 'x' })
      expect(when).toBe('answered')
      return { bytes: proxy.sent + proxy.received, calls: await callsOf() }
    }

    const firsts = { small: await fill('small', 10), large: await fill('large', 10_000) }
    // The first time sends the scripts' text.
    await costOf('small')
    const small = await costOf('small')
    const large = await costOf('large')
    await costOfChange('small', firsts.small)
    const smallChange = await costOfChange('small', firsts.small)
    const largeChange = await costOfChange('large', firsts.large)
    await store.close()
    redis.disconnect()
    await proxy.close()
    expect(large.calls).toEqual(small.calls)
    // Only the digits of counts and sums grow.
    expect(Math.abs(large.bytes - small.bytes)).toBeLessThan(200)
    expect(largeChange.calls).toEqual(smallChange.calls)
    expect(Math.abs(largeChange.bytes - smallChange.bytes)).toBeLessThan(200)
  })
})
