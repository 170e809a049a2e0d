import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { homeOf } from '../../src/ids.ts'
import type { Store } from '../../src/store.ts'
import { openRedis } from '../../src/stores/redis/index.ts'
import { spellKeys } from '../../src/stores/redis/keys.ts'
import type { Place } from '../../src/types.ts'
import {
  claimNew,
  deliveryOf,
  messageAt,
  messagesOf,
  newLease,
  outcomeOf,
  placeOf,
  say,
} from '../contracts/store/kit.ts'
import { quietLog } from '../support/log.ts'
import { describeRedis, type RedisCluster, startCluster } from '../support/redis.ts'

const prefix = 'cluster:'
const keys = spellKeys(prefix)
const lost = { code: 'store_unavailable' }

describeRedis('a Redis Cluster that changes', () => {
  let cluster: RedisCluster
  let store: Store
  const log = quietLog()
  beforeEach(async () => {
    // A part that is away must not take the others with it.
    cluster = await startCluster(3, { 'cluster-require-full-coverage': 'no', appendfsync: 'always' })
    store = await openRedis({ clusterNodes: cluster.entrances, prefix, log })
  }, 30_000)
  afterEach(async () => {
    await store.close()
    await cluster.stop()
  })

  const slotOf = async (place: Place) =>
    Number(await cluster.clients[0]!.call('CLUSTER', 'KEYSLOT', keys.home(homeOf(place))))
  const nodeOf = (slot: number) => Math.floor(slot / (16_384 / 3))

  /** Places by the node that has their data. */
  async function placesByNode(): Promise<Place[]> {
    const places: Place[] = []
    for (let n = 0; new Set(Object.keys(places)).size < 3; n++) {
      const place = placeOf(`place ${n}`)
      places[nodeOf(await slotOf(place))] ??= place
    }
    return places
  }

  it('loses one node: only what is there is unavailable, until it is back with all its data', async () => {
    const places = await placesByNode()
    const claims = []
    for (const place of places) claims.push(await claimNew(store, messageAt(place)))
    await cluster.nodes[1]!.kill()
    await expect(store.leases.commit(claims[1]!, outcomeOf(claims[1]!))).rejects.toMatchObject(lost)
    await expect(store.ping()).rejects.toMatchObject(lost)
    // What others left is still found where it can be.
    const left = deliveryOf(messageAt(placeOf(places[0]!.channel, { thread: 'left' })))
    expect(nodeOf(await slotOf(left.incoming.place))).not.toBe(1)
    await store.inbox.accept(left)
    expect(await store.inbox.sweep([newLease()])).toMatchObject([{ turn: left.turn }])
    for (const n of [0, 2]) {
      expect((await store.leases.commit(claims[n]!, outcomeOf(claims[n]!))).status).toBe('ok')
      await say(store, messageAt(places[n]!))
    }
    await cluster.nodes[1]!.start()
    await cluster.settled()
    await vi.waitFor(() => store.ping(), { timeout: 15_000, interval: 100 })
    expect((await store.leases.commit(claims[1]!, outcomeOf(claims[1]!))).status).toBe('ok')
    expect(await messagesOf(store, claims[1]!.conversation)).toHaveLength(2)

    const { host, port } = cluster.nodes[1]!
    await vi.waitFor(
      () =>
        expect(
          // Whether messages came over that node, too, is chance.
          log.lines.flatMap(({ level, text, fields }) => (level === 'debug' ? [] : [{ level, text, ...fields }])),
        ).toMatchObject([
          { level: 'warn', text: 'Lost the connection to Redis.', redis: `${host}:${port}` },
          { level: 'info', text: 'The connection to Redis is back.', redis: `${host}:${port}` },
        ]),
      { timeout: 5_000 },
    )
  }, 60_000)

  it('hears messages again after the node it listened to was lost', async () => {
    const heard: unknown[] = []
    await store.bus.subscribe('c', ({ n }) => heard.push(n))
    // Whichever it listens to: each is lost once.
    for (const [n, node] of cluster.nodes.entries()) {
      await node.kill()
      await node.start()
      await cluster.settled()
      await vi.waitFor(
        async () => {
          await store.bus.publish('c', { n })
          expect(heard).toContain(n)
        },
        { timeout: 15_000, interval: 100 },
      )
    }
  }, 90_000)

  it('goes on while the slot of a home moves to another node', async () => {
    const place = placeOf('moving')
    const slot = await slotOf(place)
    const [from, to] = [nodeOf(slot), (nodeOf(slot) + 1) % 3]
    const [source, target] = [cluster.clients[from]!, cluster.clients[to]!]
    const ids = await Promise.all([source, target].map((client) => client.call('CLUSTER', 'MYID')))
    const first = await say(store, messageAt(place))

    await target.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(ids[0]))
    await source.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(ids[1]))
    // Some of the home's keys are at one node and some at the other: its steps have to wait for the move.
    const moved = async () => {
      const some = (await source.call('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[]
      const { host, port } = cluster.nodes[to]!
      for (const key of some) await source.call('MIGRATE', host, port, key, 0, 1_000)
      for (const client of [target, source, cluster.clients[3 - from - to]!]) {
        await client.call('CLUSTER', 'SETSLOT', slot, 'NODE', String(ids[1]))
      }
    }
    const [claim] = await Promise.all([claimNew(store, messageAt(place)), moved()])
    expect(claim.conversation).toBe(first.conversation)
    expect((await store.leases.commit(claim, outcomeOf(claim), newLease())).status).toBe('ok')
    expect(await messagesOf(store, first.conversation)).toHaveLength(4)
    const again = await store.inbox.accept(deliveryOf(first.incoming))
    expect(again.accepted).toMatchObject({ status: 'duplicate', turn: first.turn })
  }, 30_000)

  describe('with an address of one node', () => {
    it('is told from a single server', async () => {
      const { host, port } = cluster.nodes[0]!
      await expect(openRedis({ url: `redis://${host}:${port}`, prefix })).rejects.toThrow(
        `Redis at ${host}:${port} is part of a Redis Cluster. Name its nodes`,
      )
      const one = await openRedis({ clusterNodes: [{ host: 'localhost', port }], prefix })
      for (const place of await placesByNode()) await say(one, messageAt(place))
      await one.close()
    })
  })
})
