import { join } from 'node:path'
import { Redis } from 'ioredis'
import { homeOf, identityOf, newConversationId, newId } from '../src/ids.ts'
import type { Store } from '../src/store.ts'
import { openRedis } from '../src/stores/redis/index.ts'
import { connect } from '../src/stores/sqlite/database.ts'
import { openSqlite, sqliteStore } from '../src/stores/sqlite/index.ts'
import { migrate } from '../src/stores/sqlite/schema.ts'
import { temporaryFolder } from '../test/support/app.ts'
import { startRedis } from '../test/support/redis.ts'
import { type Instance, message, Screen, ScriptedModel, startInstance } from '../test/support/world.ts'

export interface Size {
  users: number
  conversations: number
}

/** A service with so many people and conversations in its store. */
export interface Town {
  size: Size
  store: Store
  instance: Instance
  /** How often the store was asked who someone is. */
  asked: { times: number }
  /** What a server beside this process has used: milliseconds of CPU, and commands it ran (those of scripts, too). */
  elsewhere(): Promise<{ cpu: number; commands: number }>
  end(): Promise<void>
}

export async function redisTown(size: Size): Promise<Town> {
  const server = await startRedis({ appendonly: 'no' })
  const client = new Redis(server.url)
  const store = await openRedis({ url: server.url, prefix: 'bench:' })
  await fill(store, size)
  await settle(client)
  return townOf(size, store, {
    async elsewhere() {
      const sum = (info: string, line: RegExp) =>
        [...info.matchAll(line)].reduce((total, [, number]) => total + Number(number), 0)
      const commands = sum(await client.info('commandstats'), /^cmdstat_(?!info)\S+:calls=(\d+)/gm)
      return { cpu: sum(await client.info('cpu'), /^used_cpu_(?:user|sys):([\d.]+)/gm) * 1_000, commands }
    },
    async end() {
      client.disconnect()
      await server.stop()
    },
  })
}

export async function sqliteTown(size: Size): Promise<Town> {
  const folder = await temporaryFolder()
  const file = join(folder.path, 'chat.db')
  const connection = connect(file)
  // While it is filled nothing waits for the disk.
  connection.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -200000')
  migrate(connection, file)
  const filling = await sqliteStore(connection)
  await fill(filling, size)
  await filling.close()
  const store = await openSqlite({ file, lock: true })
  return townOf(size, store, { elsewhere: async () => ({ cpu: 0, commands: 0 }), end: folder.remove })
}

/**
 * A growing Redis moves to larger tables a step with each key it looks for, which costs those who ask next. It is over when
 * as many were looked for as there are.
 */
async function settle(client: Redis): Promise<void> {
  const nothing = Array.from({ length: 1_000 }, (_, n) => `nothing ${n}`)
  for (let left = 2 * (await client.dbsize()); left > 0; left -= nothing.length) await client.exists(nothing)
}

async function townOf(size: Size, store: Store, about: Pick<Town, 'elsewhere' | 'end'>): Promise<Town> {
  const asked = { times: 0 }
  const users: Store['users'] = {
    ...store.users,
    find(identity) {
      asked.times += 1
      return store.users.find(identity)
    },
    get(id) {
      asked.times += 1
      return store.users.get(id)
    },
  }
  const instance = await startInstance({
    store: { ...store, users },
    adapters: [new Screen()],
    model: new ScriptedModel(),
    leaseMs: 10_000,
    sweepMs: 60_000,
  })
  return {
    ...about,
    size,
    store,
    instance,
    asked,
    async end() {
      await instance.turns.drain(1_000)
      await store.close()
      await about.end()
    },
  }
}

export const nameOf = (user: number) => `U${user}`
export const channelOf = (conversation: number) => `D${conversation}`

/** Users, and their conversations of one turn each, written as turns write them. */
async function fill(store: Store, size: Size): Promise<void> {
  const ids = Array.from({ length: size.users }, () => newId())
  await each(size.users, async (n) => {
    const { sender } = message('', { from: nameOf(n) })
    const common = { emails: [], roles: ['member' as const], state: 'active' as const, createdAt: 1, seenAt: 1 }
    await store.users.create({ ...common, id: ids[n]!, name: `Name of ${nameOf(n)}`, identities: [identityOf(sender)] })
  })
  await each(size.conversations, (n) => converse(store, n, ids[n % size.users]!, nameOf(n % size.users)))
}

async function converse(store: Store, n: number, user: string, from: string): Promise<void> {
  const incoming = { ...message('a question of some length, as people ask them', { in: channelOf(n), from }), user }
  const delivery = { incoming, turn: newId(), conversation: newConversationId(homeOf(incoming.place)) }
  const { claim } = await store.inbox.accept(delivery, { token: newId(), ms: 60_000 })
  if (!claim) throw new Error('not claimed')
  const common = { turn: claim.turn, at: Date.now(), surface: 'slack' as const }
  const answer = { text: 'some words of an answer, about one line of them', stop: 'end' as const, model: 'bench' }
  await store.leases.commit(claim, {
    messages: [
      { ...common, role: 'user', text: incoming.text, author: { user, name: from } },
      { ...common, role: 'assistant', text: answer.text },
    ],
    delivered: true,
    answer,
    participants: [user],
    title: `Conversation ${n}`,
  })
  await store.conversations.join(claim.conversation, user)
}

/** Some hundred at a time. */
async function each(count: number, work: (n: number) => Promise<void>): Promise<void> {
  let next = 0
  const line = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: 256 }, line))
}
