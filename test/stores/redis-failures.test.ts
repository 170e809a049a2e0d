import { Redis } from 'ioredis'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Store } from '../../src/store.ts'
import { openRedis, type RedisStoreOptions } from '../../src/stores/redis/index.ts'
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
import { describeRedis, freePort, type RedisProxy, type RedisServer, startProxy, startRedis } from '../support/redis.ts'

const prefix = 'fail:'
const lost = { code: 'store_unavailable' }

describeRedis('a Redis that fails', () => {
  const ends: (() => unknown)[] = []
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end()
  })
  async function serverOf(settings: Record<string, string> = {}): Promise<RedisServer> {
    const server = await startRedis(settings)
    ends.push(() => server.stop())
    return server
  }
  async function storeAt(options: Partial<RedisStoreOptions>): Promise<Store> {
    const store = await openRedis({ prefix, ...options })
    ends.push(() => store.close())
    return store
  }
  function clientOf(server: RedisServer): Redis {
    const client = new Redis(server.url)
    client.on('error', () => undefined)
    ends.push(() => client.disconnect())
    return client
  }
  async function proxyTo(server: RedisServer): Promise<[RedisProxy, Store]> {
    const proxy = await startProxy(server.port)
    ends.push(() => proxy.close())
    return [proxy, await storeAt({ url: `redis://127.0.0.1:${proxy.port}` })]
  }
  /** A step is retried by itself for a moment only; this waits for longer. */
  const heals = (step: () => Promise<unknown>) => vi.waitFor(step, { timeout: 10_000, interval: 50 })

  describe('while it runs', () => {
    it('rejects while the server is gone, and heals with all data when it is back', async () => {
      const server = await serverOf()
      const log = quietLog()
      const store = await storeAt({ url: server.url, log })
      const claim = await claimNew(store, messageAt(placeOf('a')))
      const heard: unknown[] = []
      await store.bus.subscribe('c', (message) => heard.push(message.n))

      await server.kill()
      const late = deliveryOf(messageAt(placeOf('a')))
      await expect(store.inbox.accept(late)).rejects.toMatchObject(lost)
      await expect(store.leases.commit(claim, outcomeOf(claim))).rejects.toMatchObject(lost)
      await expect(store.inbox.sweep([newLease()])).rejects.toMatchObject(lost)
      await expect(store.users.find('web:local:ann')).rejects.toMatchObject(lost)
      await expect(store.ping()).rejects.toMatchObject({ message: expect.stringMatching(/^Redis: /), ...lost })
      await expect(store.bus.publish('c', { n: 0 })).rejects.toMatchObject(lost)
      await expect(store.bus.subscribe('d', () => undefined)).rejects.toMatchObject(lost)

      await server.start()
      await heals(() => store.ping())
      expect((await store.leases.commit(claim, outcomeOf(claim))).status).toBe('ok')
      expect((await store.inbox.accept(late)).accepted.status).toBe('accepted')
      expect(await messagesOf(store, claim.conversation)).toHaveLength(2)
      await heals(async () => {
        await store.bus.publish('c', { n: 1 })
        expect(heard.length).toBeGreaterThan(0)
      })
      const told = () => log.lines.filter(({ level }) => level !== 'debug').map(({ level, text }) => `${level} ${text}`)
      await heals(async () => expect(told()).toHaveLength(2))
      expect(told()).toEqual(['warn Lost the connection to Redis.', 'info The connection to Redis is back.'])
    })

    it('rides out a connection that is cut, without a word to the caller', async () => {
      const server = await serverOf()
      const [proxy, store] = await proxyTo(server)
      await say(store, messageAt(placeOf('a')))
      proxy.cut()
      expect(await store.inbox.depth()).toBe(0)
      proxy.cut()
      await say(store, messageAt(placeOf('a')))
    })

    it('counts a step once whose reply was lost', async () => {
      const server = await serverOf()
      const [proxy, store] = await proxyTo(server)
      await say(store, messageAt(placeOf('warm')))
      const waiting = deliveryOf(messageAt(placeOf('a'), { text: 'lost-accept' }))
      proxy.loseReplyTo('lost-accept')
      const { accepted, claim } = await store.inbox.accept(waiting, newLease())
      expect(accepted).toMatchObject({ status: 'accepted', turn: waiting.turn })
      expect(claim).toMatchObject({ turn: waiting.turn, attempt: 1 })
      const second = deliveryOf(messageAt(placeOf('a')))
      await store.inbox.accept(second)

      const answer = { text: 'lost-commit', stop: 'end' as const, model: 'm' }
      proxy.loseReplyTo('lost-commit')
      const { status, next } = await store.leases.commit(claim!, outcomeOf(claim!, { answer }), newLease())
      expect([status, next?.turn, next?.attempt]).toEqual(['ok', second.turn, 1])
      expect(await messagesOf(store, claim!.conversation)).toHaveLength(2)

      // A message on the bus comes at most once: it is not sent again where it may have arrived.
      const heard: unknown[] = []
      await store.bus.subscribe('c', ({ n }) => heard.push(n))
      proxy.loseReplyTo('lost-publish')
      await expect(store.bus.publish('c', { n: 1, text: 'lost-publish' })).rejects.toMatchObject(lost)
      await heals(() => store.bus.publish('c', { n: 2 }))
      await heals(async () => expect(heard.at(-1)).toBe(2))
      expect(heard.filter((n) => n === 1).length).toBeLessThan(2)

      proxy.loseReplyTo('counter:lost-hit')
      expect((await store.counters.hit('lost-hit', 60_000)).count).toBe(1)
      expect((await store.counters.hit('lost-hit', 60_000)).count).toBe(2)
      expect(proxy.lost).toBe(4)
    })

    it('counts once what is used, and swaps once, when the reply is lost', async () => {
      const server = await serverOf()
      const [proxy, store] = await proxyTo(server)
      const { budgets, cache, usage } = store
      const endsAt = Date.now() + 60_000
      const claim = { turn: 'lost-hold', amount: 5, limit: 5, endsAt }
      proxy.loseReplyTo('lost-hold')
      expect(await budgets.hold('k', claim)).toEqual({ ok: true, used: 0, held: 5 })
      proxy.loseReplyTo('"amount":7')
      expect(await budgets.settle('k', 'lost-hold', 7)).toEqual({ used: 7, held: 0 })

      const day = new Date().toISOString().slice(0, 10)
      const numbers = { turns: 1, input: 1, output: 1, cacheRead: 1, cacheWrite: 1, cost: 1 }
      proxy.loseReplyTo('lost-usage')
      await usage.add({ day, user: 'ann', surface: 'slack', workspace: 'T1', model: 'lost-usage', ...numbers })
      expect(await usage.read({ from: day, to: day })).toMatchObject([numbers])

      for (const [from, to] of [
        [null, 'lost-swap'],
        ['lost-swap', 'lost-again'],
        ['lost-again', null],
      ] as const) {
        proxy.loseReplyTo('lost-')
        expect(await cache.swap('k', from, to, 60_000)).toBe(true)
        expect(await cache.get('k')).toBe(to)
        expect(await cache.swap('k', from, to, 60_000)).toBe(false)
      }
      expect(proxy.lost).toBe(6)
    })

    it('heals a message whose instance died between the two steps to a conversation born elsewhere', async () => {
      const server = await serverOf()
      const [proxy, dying] = await proxyTo(server)
      const store = await storeAt({ url: server.url })
      const born = await say(store, messageAt(placeOf('b')))
      await store.places.point(placeOf('a'), born.conversation)

      const delivery = deliveryOf(messageAt(placeOf('a'), { ids: ['first', 'both'] }))
      proxy.block('"into":"pointed"')
      await expect(dying.inbox.accept(delivery)).rejects.toMatchObject(lost)
      expect(await store.inbox.pending(born.conversation)).toEqual([])

      // The place goes elsewhere before the platform delivers again, under other ids of the same message.
      await store.places.point(placeOf('a'), null)
      const expected = { conversation: born.conversation, turn: delivery.turn }
      const again = deliveryOf({ ...delivery.incoming, ids: ['both', 'later'] })
      expect((await store.inbox.accept(again)).accepted).toEqual({ status: 'accepted', ...expected })
      for (const ids of [['first'], ['later']]) {
        const third = deliveryOf({ ...delivery.incoming, ids })
        expect((await store.inbox.accept(third)).accepted).toEqual({ status: 'duplicate', ...expected })
      }
      expect((await store.inbox.pending(born.conversation)).map((one) => one.turn)).toEqual([delivery.turn])
    })

    it('gives up soon on a server that neither answers nor closes', async () => {
      const server = await serverOf()
      const store = await storeAt({ url: server.url })
      server.pause()
      await expect(store.ping()).rejects.toMatchObject({ message: 'Redis: Command timed out', ...lost })
      server.resume()
      await heals(() => store.ping())
    })

    it('rejects writes while memory is full, and still reads', async () => {
      const server = await serverOf()
      const admin = clientOf(server)
      const store = await storeAt({ url: server.url })
      const claim = await say(store, messageAt(placeOf('a')))
      await admin.config('SET', 'maxmemory', '1')
      const delivery = deliveryOf(messageAt(placeOf('a')))
      await expect(store.inbox.accept(delivery)).rejects.toMatchObject(lost)
      await expect(store.ping()).rejects.toMatchObject(lost)
      expect(await messagesOf(store, claim.conversation)).toHaveLength(2)
      await admin.config('SET', 'maxmemory', '0')
      expect((await store.inbox.accept(delivery)).accepted.status).toBe('accepted')
    })

    it('rejects writes while the server is a replica, and heals when it leads again', async () => {
      const server = await serverOf()
      const admin = clientOf(server)
      const log = quietLog()
      const store = await storeAt({ url: server.url, log })
      const claim = await claimNew(store, messageAt(placeOf('a')))
      await admin.call('REPLICAOF', '127.0.0.1', await freePort())
      await expect(store.leases.commit(claim, outcomeOf(claim))).rejects.toMatchObject(lost)
      await expect(store.ping()).rejects.toMatchObject(lost)
      expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1)
      await admin.call('REPLICAOF', 'NO', 'ONE')
      await heals(() => store.ping())
      expect((await store.leases.commit(claim, outcomeOf(claim))).status).toBe('ok')
    })

    it('sends its scripts again when the server forgot them', async () => {
      const server = await serverOf()
      const store = await storeAt({ url: server.url })
      await say(store, messageAt(placeOf('a')))
      await clientOf(server).script('FLUSH')
      await say(store, messageAt(placeOf('a')))
    })

    it('tells no message and no password in an error', async () => {
      const server = await serverOf({ requirepass: 'top-secret' })
      const store = await storeAt({ url: server.url.replace('//', '//:top-secret@') })
      await server.kill()
      const thrown = await store.inbox
        .accept(deliveryOf(messageAt(placeOf('a'), { text: 'private' })))
        .catch((error) => error)
      const told = JSON.stringify([thrown, thrown.cause, Object.entries(thrown.cause), thrown.stack])
      expect(told).toContain('store_unavailable')
      expect(told).not.toMatch(/private|top-secret/)
    })
  })

  describe('when it is opened', () => {
    const open = (options: Partial<RedisStoreOptions>) => storeAt(options)

    it('says where nothing could be reached, and not the password', async () => {
      const port = await freePort()
      const clusterNodes = [{ host: '127.0.0.1', port }]
      const opened = await Promise.allSettled([
        open({ url: `redis://:top-secret@127.0.0.1:${port}` }),
        open({ clusterNodes, password: 'top-secret' }),
      ])
      expect(opened.map((one) => (one.status === 'rejected' ? one.reason.message : 'opened'))).toEqual([
        `Redis at 127.0.0.1:${port} cannot be reached: connect ECONNREFUSED 127.0.0.1:${port}.`,
        `Redis at 127.0.0.1:${port} cannot be reached.`,
      ])
    }, 20_000)

    it('waits for a server that starts a little later', async () => {
      const port = await freePort()
      const opening = open({ url: `redis://127.0.0.1:${port}` })
      const server = await startRedis({}, { port })
      ends.unshift(() => server.stop())
      await (await opening).ping()
    })

    it.each([
      ['no password', '', 'asks for a password, and none was given'],
      ['a wrong password', ':wrong@', 'refuses the user name or the password'],
      ['a wrong user', 'nobody:right@', 'refuses the user name or the password'],
    ])('says when %s was given', async (_what, credentials, words) => {
      const server = await serverOf({ requirepass: 'right' })
      await expect(open({ url: `redis://${credentials}127.0.0.1:${server.port}` })).rejects.toThrow(
        `Redis at 127.0.0.1:${server.port} ${words}`,
      )
    })

    it('takes user and password from the address or beside it, and a database', async () => {
      const server = await serverOf()
      await clientOf(server).call('ACL', 'SETUSER', 'bot', 'on', '>p@ss:/w', '~*', '&*', '+@all')
      await clientOf(server).call('ACL', 'SETUSER', 'default', 'off')
      await (await open({ url: `redis://bot:p%40ss%3A%2Fw@127.0.0.1:${server.port}/3` })).ping()
      const beside = await open({ url: server.url, username: 'bot', password: 'p@ss:/w' })
      await say(beside, messageAt(placeOf('a')))
    })

    it.each([
      ['not an address', 'cannot be understood'],
      ['http://127.0.0.1:6379', 'begins with http://'],
      ['redis://127.0.0.1/name', 'number of a database'],
    ])('refuses %s as an address', async (url, words) => {
      await expect(open({ url })).rejects.toThrow(words)
    })

    it('warns where Redis would drop data when its memory is full', async () => {
      const server = await serverOf({ maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' })
      const log = quietLog()
      await open({ url: server.url, log })
      expect(log.lines).toMatchObject([{ level: 'warn', fields: { policy: 'allkeys-lru' } }])
    })

    it('refuses a prefix that would break the layout', async () => {
      await expect(open({ url: 'redis://127.0.0.1', prefix: 'a{b}' })).rejects.toThrow('must not have braces')
    })

    it('says when a server is no Cluster', async () => {
      const server = await serverOf()
      const clusterNodes = [{ host: server.host, port: server.port }]
      await expect(open({ clusterNodes })).rejects.toThrow(`Redis at 127.0.0.1:${server.port} is not a Cluster`)
    })
  })
})
