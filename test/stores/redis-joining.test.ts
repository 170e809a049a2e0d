import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Store, Users } from '../../src/store.ts'
import { type Connection, connect } from '../../src/stores/redis/connection.ts'
import { engineOf } from '../../src/stores/redis/engine.ts'
import { openRedis } from '../../src/stores/redis/index.ts'
import { spellKeys } from '../../src/stores/redis/keys.ts'
import { openSessions } from '../../src/stores/redis/sessions.ts'
import { openUserRecords } from '../../src/stores/redis/userRecords.ts'
import { openUsers } from '../../src/stores/redis/users.ts'
import { claimNew, fakeClock, messageAt, newUser, outcomeOf, placeOf } from '../contracts/store/kit.ts'
import { mortal } from '../support/mortal.ts'
import { describeRedis, type RedisServer, startRedis } from '../support/redis.ts'

const prefix = 'joining:'
const keys = spellKeys(prefix)
/** Longer than a dead instance's lock. */
const longMs = 60_000

describeRedis('an instance that dies while users come together or part', () => {
  let server: RedisServer
  let redis: Redis
  let connection: Connection
  let store: Store
  const clock = fakeClock()
  beforeAll(async () => {
    server = await startRedis({ appendonly: 'no' })
    redis = new Redis(server.url)
    connection = await connect({ url: server.url })
    store = await openRedis({ url: server.url, prefix, now: clock.now })
    await prepare()
  })
  afterAll(async () => {
    await store.close()
    await connection.close()
    redis.disconnect()
    await server.stop()
  })

  /** Everyone's conversations, by who sees them. */
  const seen = { from: [] as string[], into: [] as string[], bob: [] as string[] }

  async function prepare(): Promise<void> {
    const { users } = store
    await users.create(newUser({ id: 'old', identities: ['i:old'] }))
    const from = { id: 'from', identities: ['i:from', 'i:more'], roles: ['admin' as const] }
    await users.create(newUser({ ...from, state: 'disabled', createdAt: 0 }))
    await users.create(newUser({ id: 'into', identities: ['i:into'] }))
    await users.create(newUser({ id: 'bob', identities: ['i:bob', 'i:bobs'] }))
    await users.merge('old', 'from')
    const shared = placeOf('shared', { direct: false })
    for (const [channel, by] of [
      ['a', 'from'],
      ['b', 'into'],
      ['c', 'from'],
    ] as const)
      seen[by].push(await chat(placeOf(channel), by))
    for (const by of ['bob', 'from', 'into'] as const) seen[by].push(await chat(shared, by))
    for (const user of ['old', 'from', 'into']) {
      await store.sessions.set(`s-${user}`, {}, { user, expiresAt: clock.now() + 1_000_000 })
    }
    await store.absences.left('slack:T1:C1', 'i:from')
    // A turn that began before: its author takes part, and the list does not tell of it yet.
    await claimNew(store, messageAt(placeOf('late'), { user: 'from' }))
  }

  async function chat(place: ReturnType<typeof placeOf>, user: string): Promise<string> {
    clock.advance(1_000)
    const claim = await claimNew(store, messageAt(place, { user }))
    await store.conversations.join(claim.conversation, user)
    await store.leases.commit(claim, outcomeOf(claim, { participants: [user] }))
    return claim.conversation
  }

  /** All data that stays, as it can be compared. */
  async function content(): Promise<Record<string, unknown>> {
    const all: Record<string, unknown> = {}
    for (const key of (await redis.keys(`${prefix}*`)).toSorted()) {
      if (key === keys.joiner) continue
      const type = await redis.type(key)
      if (type === 'hash') all[key] = await redis.hgetall(key)
      else if (type === 'zset') all[key] = await redis.zrange(key, 0, '-1', 'WITHSCORES')
      else if (type === 'list') all[key] = await redis.lrange(key, 0, -1)
      else all[key] = await redis.get(key)
    }
    return all
  }

  async function photograph() {
    const names = await redis.keys(`${prefix}*`)
    return Promise.all(names.map(async (key) => [key, await redis.dumpBuffer(key), await redis.pttl(key)] as const))
  }

  async function restore(photo: Awaited<ReturnType<typeof photograph>>): Promise<void> {
    await redis.flushall()
    const pipeline = redis.pipeline()
    for (const [key, dump, ttl] of photo) pipeline.restore(key, Math.max(ttl, 0), dump)
    await pipeline.exec()
  }

  /** The users of an instance that dies. */
  function dyingUsers(lives: number, replyLost: boolean): { users: Users; commands(): number } {
    const dying = mortal(connection, lives, replyLost)
    const engine = engineOf(dying, keys, { maxWaiting: 20, now: clock.now })
    const records = openUserRecords(engine)
    return { users: openUsers(engine, records, openSessions(engine, records)), commands: dying.commands }
  }

  /** What everyone can count on, wherever it was cut. */
  async function expectNothingLost(): Promise<void> {
    for (const user of ['from', 'into', 'bob'] as const) {
      const found = await store.users.get(user)
      const { items } = await store.conversations.list(user, { limit: 100 })
      const listed = items.map((one) => one.conversation)
      expect(listed.map((one) => one.id)).toEqual(expect.arrayContaining(seen[user]))
      for (const one of listed) expect(one.participants).toContain(found?.id)
    }
    for (const identity of ['i:from', 'i:old']) {
      expect(await store.users.find(identity)).toMatchObject({
        state: 'disabled',
        roles: expect.arrayContaining(['admin']),
        identities: expect.arrayContaining([identity]),
      })
    }
  }

  async function cutEverywhere(act: (users: Users) => Promise<unknown>, between?: () => Promise<void>): Promise<void> {
    const before = await photograph()
    const untouched = await content()
    const whole = dyingUsers(Number.POSITIVE_INFINITY, false)
    const result = await act(whole.users)
    const done = await content()
    expect(done).not.toEqual(untouched)
    for (let n = 1; n <= whole.commands(); n++) {
      for (const replyLost of [false, true]) {
        await restore(before)
        // What fails last is only to give back the lock.
        const died = await act(dyingUsers(n, replyLost).users).catch((thrown: unknown) => thrown)
        if (n < whole.commands()) expect(died).toMatchObject({ code: 'store_unavailable' })
        else expect(died).toEqual(result)
        await between?.()
        clock.advance(longMs)
        const resumed = await store.users.resume()
        const left = await content()
        if (resumed === 0) expect([untouched, done]).toContainEqual(left)
        else expect(left).toEqual(done)
        // Its lock may still be there, and ends by itself.
        expect(await redis.exists(keys.joining)).toBe(0)
      }
    }
    await restore(before)
  }

  it('is helped out of a merge, wherever it was, and nobody loses sight of anything meanwhile', {
    timeout: 60_000,
  }, async () => {
    await cutEverywhere((users) => users.merge('from', 'into'), expectNothingLost)
  })

  it.each([
    [
      'parting an identity',
      (users: Users) => users.detach('bob', 'i:bobs', newUser({ id: 'new', identities: ['i:bobs'] })),
    ],
    ['giving an identity away', (users: Users) => users.detach('bob', 'i:bobs')],
    ['giving a user one more identity', (users: Users) => users.attach('bob', 'i:third')],
  ])('is helped out of %s, wherever it was', { timeout: 60_000 }, async (_what, act) => {
    await cutEverywhere(act, expectNothingLost)
  })

  it('is helped out of removing a user, wherever it was', { timeout: 60_000 }, async () => {
    await cutEverywhere((users) => users.remove('old'))
  })

  it('is helped out by whoever joins or parts users next', async () => {
    const before = await photograph()
    const whole = dyingUsers(Number.POSITIVE_INFINITY, false)
    await whole.users.merge('from', 'into')
    const commands = whole.commands()
    await restore(before)
    await expect(dyingUsers(Math.round(commands / 2), false).users.merge('from', 'into')).rejects.toThrow()
    clock.advance(longMs)
    // The other way round: by then it is done.
    expect(await store.users.merge('into', 'from')).toBeNull()
    expect(await store.users.get('from')).toMatchObject({ id: 'into', formerly: ['from', 'old'] })
    expect(await redis.exists(keys.joining, keys.joiner)).toBe(0)

    await restore(before)
    await expect(dyingUsers(Math.round(commands / 2), true).users.merge('from', 'into')).rejects.toThrow()
    clock.advance(longMs)
    const parted = await store.users.detach('from', 'i:from', newUser({ id: 'new', identities: ['i:from'] }))
    expect(parted?.left).toMatchObject({ id: 'into', formerly: ['from', 'old'] })
    expect(parted?.left.identities.toSorted()).toEqual(['i:into', 'i:more', 'i:old'])
    await restore(before)
  })

  it('writes nothing more once another has taken over', async () => {
    const before = await photograph()
    // The lock's end comes while it moves conversations.
    const late = engineOf(
      {
        ...connection,
        async script(name, at, given, ...texts) {
          if (name === 'user_alias') clock.advance(longMs)
          return connection.script(name, at, given, ...texts)
        },
      },
      keys,
      { maxWaiting: 20, now: clock.now },
    )
    const records = openUserRecords(late)
    const users = openUsers(late, records, openSessions(late, records))
    // Nobody came meanwhile: it may go on.
    expect(await users.merge('from', 'into')).toMatchObject({ id: 'into' })

    await restore(before)
    const overtaken = engineOf(
      {
        ...connection,
        async script(name, at, given, ...texts) {
          const reply = await connection.script(name, at, given, ...texts)
          if (name !== 'user_alias' || !at[0]!.endsWith(':from')) return reply
          clock.advance(longMs)
          await store.users.resume()
          await store.users.detach('into', 'i:from', newUser({ id: 'new', identities: ['i:from'] }))
          return reply
        },
      },
      keys,
      { maxWaiting: 20, now: clock.now },
    )
    const slow = openUserRecords(overtaken)
    await openUsers(overtaken, slow, openSessions(overtaken, slow))
      .merge('from', 'into')
      .catch(() => undefined)
    expect(await store.users.find('i:from')).toMatchObject({ id: 'new', identities: ['i:from'] })
    expect((await store.users.get('from'))?.identities.toSorted()).toEqual(['i:into', 'i:more', 'i:old'])
    expect(await store.users.resume()).toBe(0)
    await restore(before)
  })
})
