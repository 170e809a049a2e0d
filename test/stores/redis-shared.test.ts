import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { homeOf, homeOfConversation, newConversationId } from '../../src/ids.ts'
import type { Conversations, Store } from '../../src/store.ts'
import { type Connection, connect } from '../../src/stores/redis/connection.ts'
import { openConversations } from '../../src/stores/redis/conversations.ts'
import { engineOf } from '../../src/stores/redis/engine.ts'
import { openRedis } from '../../src/stores/redis/index.ts'
import { spellKeys } from '../../src/stores/redis/keys.ts'
import { openUserRecords } from '../../src/stores/redis/userRecords.ts'
import { claimNew, messageAt, messagesOf, outcomeOf, placeOf } from '../contracts/store/kit.ts'
import { mortal } from '../support/mortal.ts'
import { describeRedis, type RedisServer, startRedis } from '../support/redis.ts'

const prefix = 'shared:'
const keys = spellKeys(prefix)

describeRedis('an instance that dies while a conversation is copied or someone in it forgotten', () => {
  let server: RedisServer
  let redis: Redis
  let connection: Connection
  let store: Store
  let source: string
  beforeAll(async () => {
    server = await startRedis({ appendonly: 'no' })
    redis = new Redis(server.url)
    connection = await connect({ url: server.url })
  })
  afterAll(async () => {
    await store.close()
    await connection.close()
    redis.disconnect()
    await server.stop()
  })
  beforeEach(async () => {
    await redis.flushall()
    await store?.close()
    store = await openRedis({ url: server.url, prefix })
    source = await converse()
  })

  /** Of two people, longer than what is carried over or looked at in one step. */
  async function converse(): Promise<string> {
    const place = placeOf('C1', { direct: false })
    let id = ''
    for (let n = 0; n < 60; n++) {
      const user = n % 2 ? 'ann' : 'bob'
      const claim = await claimNew(store, messageAt(place, { text: `${user} ${n}` }))
      const outcome = outcomeOf(claim, { participants: [user] })
      outcome.messages[0]!.author = { user, name: user }
      await store.conversations.join(claim.conversation, user)
      await store.leases.commit(claim, outcome)
      id = claim.conversation
    }
    return id
  }

  function dying(lives: number, replyLost: boolean): { conversations: Conversations; commands(): number } {
    const engine = mortal(connection, lives, replyLost)
    const half = engineOf(engine, keys, { maxWaiting: 20 })
    return { conversations: openConversations(half, openUserRecords(half)), commands: engine.commands }
  }

  const listed = async (user: string) =>
    (await store.conversations.list(user, { limit: 9 })).items.map((one) => one.conversation.id)

  /** Every way to die, until it lives to the end. */
  async function everyDeath(attempt: (one: ReturnType<typeof dying>) => Promise<unknown>, after: () => Promise<void>) {
    for (let n = 1, over = false; !over; n++) {
      for (const replyLost of [false, true]) {
        const one = dying(n, replyLost)
        await attempt(one).catch((thrown) => expect(thrown).toMatchObject({ code: 'store_unavailable' }))
        over = one.commands() < n
        await after()
      }
    }
  }

  it('leaves no copy, or all of it, and nothing that does not end by itself', { timeout: 30_000 }, async () => {
    const whole = await messagesOf(store, source)
    const copies: string[] = []
    const copyOf = () => {
      const id = newConversationId(homeOf(placeOf(`copy ${copies.length}`)))
      copies.push(id)
      return { id, user: 'eve', surface: 'web', direct: true, messages: 1_000 } as const
    }
    await everyDeath(
      (one) => one.conversations.copy(source, copyOf()),
      async () => {
        const id = copies.at(-1)!
        const there = await store.conversations.read(id, { messages: 0 })
        const messages = keys.messages(homeOfConversation(id), id)
        if (there) {
          expect(await messagesOf(store, id)).toEqual(whole)
          expect(await listed('eve')).toContain(id)
          expect(await redis.pttl(messages)).toBe(-1)
        } else {
          expect(await listed('eve')).not.toContain(id)
          expect(await redis.pttl(messages)).not.toBe(-1)
          // Done again, it is as if nothing had been.
          const again = { id, user: 'eve', surface: 'web', direct: true, messages: 1_000 } as const
          expect(await store.conversations.copy(source, again)).toBe(true)
          expect(await messagesOf(store, id)).toEqual(whole)
        }
        await store.conversations.remove(id)
      },
    )
    expect(copies.length).toBeGreaterThan(10)
    expect(await listed('eve')).toEqual([])
    expect(await redis.exists(keys.conversations('eve'))).toBe(0)
  })

  it('has forgotten all when it is done again', { timeout: 30_000 }, async () => {
    const before = await redis.dumpBuffer(keys.messages(homeOfConversation(source), source))
    const texts = async () => (await messagesOf(store, source)).map((one) => one.text)
    const kept = (await texts()).map((text) => (text.includes('ann') ? '' : text))
    let deaths = 0
    await everyDeath(
      (one) => one.conversations.forget(source, 'ann'),
      async () => {
        deaths += 1
        await store.conversations.forget(source, 'ann')
        expect(await texts()).toEqual(kept)
        expect(await listed('ann')).toEqual([])
        await redis.restore(keys.messages(homeOfConversation(source), source), 0, before, 'REPLACE')
        await store.conversations.join(source, 'ann')
      },
    )
    expect(deaths).toBeGreaterThan(10)
  })
})
