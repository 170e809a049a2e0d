import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Fault } from '../../src/errors.ts'
import { newConversationId, newId } from '../../src/ids.ts'
import { ownIdMs, pointerMs, type Store, seenMs, type UsageRow, usageDays } from '../../src/store.ts'
import { connect, createDatabase } from '../../src/stores/sqlite/database.ts'
import { openSqlite, sqliteStore } from '../../src/stores/sqlite/index.ts'
import { migrate } from '../../src/stores/sqlite/schema.ts'
import {
  answerOf,
  claimNew,
  deliveryOf,
  fakeClock,
  messageAt,
  messagesOf,
  newLease,
  newUser,
  outcomeOf,
  placeOf,
  say,
} from '../contracts/store/kit.ts'
import { tempDirectories } from '../support/sqlite.ts'

const directory = tempDirectories()
const opened: { close(): unknown }[] = []
afterEach(async () => {
  vi.useRealTimers()
  for (const one of opened.splice(0).reverse()) await one.close()
})

async function newFile(): Promise<string> {
  return join(await directory(), 'chat.db')
}

/** A store and the connection under it. */
async function openBare(options: Parameters<typeof sqliteStore>[1] = {}): Promise<{ store: Store; raw: DatabaseSync }> {
  const file = await newFile()
  const raw = connect(file)
  migrate(raw, file)
  const store = await sqliteStore(raw, options)
  opened.push(store)
  return { store, raw }
}

describe('the data file', () => {
  it('is made with its directory, for this user alone', async () => {
    const file = join(await directory(), 'deep', 'down', 'chat.db')
    const store = await openSqlite({ file })
    opened.push(store)
    await store.ping()
    for (const name of [file, `${file}-wal`]) expect((await stat(name)).mode & 0o777).toBe(0o600)
    expect((await stat(join(file, '..'))).mode & 0o777).toBe(0o700)
  })

  it('is synced to the disk before a message is acknowledged or its answer is over, and not for a lease', async () => {
    const { store, raw } = await openBare()
    const full = () => (raw.prepare('PRAGMA synchronous').get() as { synchronous: number }).synchronous === 2
    const claim = await claimNew(store, messageAt(placeOf('a'), { user: 'ann' }))
    expect(full()).toBe(true)
    await store.leases.renew(claim, 1_000)
    expect(full()).toBe(false)
    await Promise.all([
      store.conversations.join(claim.conversation, 'ann'),
      store.leases.commit(claim, outcomeOf(claim)),
    ])
    expect(full()).toBe(true)
  })

  it('keeps everything over a restart', async () => {
    const file = await newFile()
    const clock = fakeClock()
    const before = await openSqlite({ file, now: clock.now, lock: true })
    const first = await say(before, messageAt(placeOf('a')), { title: 'A title' })
    const waiting = deliveryOf(messageAt(placeOf('a')))
    await before.inbox.accept(waiting)
    const user = await before.users.create(newUser())
    await before.sessions.set('s', { n: 1 }, { expiresAt: clock.now() + 1_000 })
    await before.close()

    const store = await openSqlite({ file, now: clock.now, lock: true })
    opened.push(store)
    expect(await messagesOf(store, first.conversation)).toHaveLength(2)
    expect((await store.inbox.accept(deliveryOf(waiting.incoming))).accepted.status).toBe('duplicate')
    expect(await store.inbox.sweep([newLease()])).toMatchObject([{ turn: waiting.turn, incoming: waiting.incoming }])
    expect(await store.users.get(user.id)).toEqual(user)
    expect(await store.sessions.get('s')).toEqual({ n: 1 })
  })

  it('keeps text that is no valid Unicode as it came', async () => {
    const { store } = await openBare()
    const text = 'half \ud83d a pair, \udc00 and \u0000 nothing'
    const claim = await claimNew(store, messageAt(placeOf('a'), { text }))
    expect(claim.incoming.text).toBe(text)
    await store.leases.commit(claim, outcomeOf(claim, { answer: answerOf(text) }))
    expect((await messagesOf(store, claim.conversation)).map((one) => one.text)).toEqual([text, text])
    expect((await store.conversations.list('ann', { limit: 1, matching: 'nothing' })).items).toHaveLength(1)
  })
})

describe('writes of one moment', () => {
  async function openTable() {
    const raw = connect(await newFile())
    raw.exec('CREATE TABLE things (n INTEGER PRIMARY KEY)')
    const db = createDatabase(raw)
    opened.push(db)
    const put = (n: number) => db.write(() => db.run('INSERT INTO things VALUES (?)', n))
    const stored = () => db.all<{ n: number }>('SELECT n FROM things ORDER BY n').map((row) => row.n)
    return { raw, db, put, stored }
  }

  it('are undone each for itself when one of them fails', async () => {
    const { db, put, stored } = await openTable()
    const failing = db.write(() => {
      db.run('INSERT INTO things VALUES (2)')
      throw new Error('a defect')
    })
    const results = await Promise.allSettled([put(1), failing, put(1), put(3)])
    expect(results.map((one) => one.status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
    await expect(failing).rejects.toThrow('a defect')
    expect(stored()).toEqual([1, 3])
  })

  it('share one transaction, however many ask', async () => {
    const { raw, db, put, stored } = await openTable()
    const file = raw.location()!
    const other = new DatabaseSync(file)
    opened.push(other)
    const seen = () => other.prepare('SELECT count(*) AS n FROM things').get()?.n
    const counts: unknown[] = []
    const writes = Array.from({ length: 150 }, (_, n) => put(n).then(() => counts.push(seen())))
    expect(stored()).toEqual([])
    await Promise.all(writes)
    // What another connection sees when each of them resolves: the batches of 64 as a whole, never a part of one.
    expect(new Set(counts)).toEqual(new Set([64, 128, 150]))
    expect(db.one('SELECT 1 AS one')).toEqual({ one: 1 })
  })

  it('are done before the store is closed, and refused after', async () => {
    const { raw, db, put } = await openTable()
    const file = raw.location()!
    const last = put(1)
    await db.close()
    await expect(last).resolves.toBe(1)
    await expect(put(2)).rejects.toMatchObject({ code: 'store_unavailable' })
    await expect(db.read(() => 1)).rejects.toMatchObject({ code: 'store_unavailable' })
    const again = new DatabaseSync(file)
    opened.push(again)
    expect(again.prepare('SELECT n FROM things').all()).toEqual([{ n: 1 }])
  })
})

describe('a store that cannot write', () => {
  it('stores nothing of a message when the disk is full, and heals when there is room again', async () => {
    const { store, raw } = await openBare()
    await say(store, messageAt(placeOf('a')))
    const pages = raw.prepare('PRAGMA page_count').get()?.page_count
    raw.exec(`PRAGMA max_page_count = ${pages}`)
    const long = deliveryOf(messageAt(placeOf('a'), { text: 'x'.repeat(50_000) }))
    const failed = await store.inbox.accept(long, newLease()).catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(Fault)
    expect(failed).toMatchObject({ code: 'store_unavailable', cause: { errcode: 13 } })
    expect(await store.inbox.depth()).toBe(0)

    raw.exec('PRAGMA max_page_count = 1000000')
    const { accepted, claim } = await store.inbox.accept(long, newLease())
    expect(accepted).toMatchObject({ status: 'accepted', turn: long.turn })
    expect((await store.leases.commit(claim!, outcomeOf(claim!))).status).toBe('ok')
  })

  it('tells each of many writers the truth when the disk fills under them', async () => {
    const { store, raw } = await openBare({ maxWaiting: 1_000 })
    const pages = Number(raw.prepare('PRAGMA page_count').get()?.page_count)
    raw.exec(`PRAGMA max_page_count = ${pages + 20}`)
    const deliveries = Array.from({ length: 40 }, (_, n) =>
      deliveryOf(messageAt(placeOf(`p${n % 5}`), { text: 'x'.repeat(n % 2 ? 9_000 : 10) })),
    )
    const results = await Promise.allSettled(deliveries.map((one) => store.inbox.accept(one)))
    const failed = results.filter((one) => one.status === 'rejected')
    expect(failed.length).toBeGreaterThan(0)
    for (const one of failed) expect(one.reason).toMatchObject({ code: 'store_unavailable' })
    raw.exec('PRAGMA max_page_count = 1000000')
    for (const [n, delivery] of deliveries.entries()) {
      const { accepted } = await store.inbox.accept(deliveryOf(delivery.incoming))
      expect(accepted.status).toBe(results[n]?.status === 'fulfilled' ? 'duplicate' : 'accepted')
    }
  })

  it('says so while another process holds the file, and heals after', async () => {
    const { store, raw } = await openBare()
    const other = new DatabaseSync(raw.location()!)
    opened.push(other)
    other.exec('BEGIN IMMEDIATE')
    await expect(store.ping()).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(await store.users.get('nobody')).toBeNull()
    other.exec('ROLLBACK')
    await expect(store.ping()).resolves.toBeUndefined()
  })

  it('says so when the file may only be read', async () => {
    const { raw } = await openBare()
    const store = await sqliteStore(new DatabaseSync(raw.location()!, { readOnly: true }))
    opened.push(store)
    await expect(store.ping()).rejects.toMatchObject({ code: 'store_unavailable' })
    await expect(store.inbox.accept(deliveryOf(messageAt(placeOf('a'))))).rejects.toBeInstanceOf(Fault)
    expect(await store.inbox.depth()).toBe(0)
  })

  it('lets a defect through as what it is', async () => {
    const { store } = await openBare()
    const broken = { ...newUser(), name: undefined, identities: [undefined] } as unknown as Parameters<
      typeof store.users.create
    >[0]
    const failed = await store.users.create(broken).catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(Error)
    expect(failed).not.toBeInstanceOf(Fault)
    expect(await store.users.list({ limit: 10 })).toEqual([])
  })
})

describe('what is over', () => {
  it('forgets an id and a place when their time is over', async () => {
    const clock = fakeClock()
    const { store } = await openBare({ now: clock.now })
    const first = await say(store, messageAt(placeOf('a')))
    const [, other = ''] = first.incoming.ids
    clock.advance(seenMs)
    expect((await store.inbox.accept(deliveryOf({ ...first.incoming, ids: [other] }))).accepted).toMatchObject({
      status: 'accepted',
      conversation: first.conversation,
    })
    clock.advance(pointerMs)
    const later = await store.inbox.accept(deliveryOf(messageAt(placeOf('a'))))
    expect(later.accepted).not.toMatchObject({ conversation: first.conversation })
  })

  it('is deleted from the file from time to time, and only that', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const clock = fakeClock()
    const { store, raw } = await openBare({ now: clock.now })
    const count = (table: string) => Number(raw.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n)
    const { conversation } = await say(store, messageAt(placeOf('a')))
    for (let n = 0; n < 1_200; n++) void store.cache.set(`k${n}`, 'v', 1_000)
    await store.counters.hit('k', 1_000)
    await store.budgets.hold('k', { turn: 't', amount: 1, limit: 1, endsAt: clock.now() + 1_000 })
    await store.usage.add({ ...usageRow('ann'), day: new Date(clock.now()).toISOString().slice(0, 10) })
    await store.sessions.set('s1', {}, { expiresAt: clock.now() + 1_000 })
    await store.sessions.set('s2', {}, { expiresAt: clock.now() + seenMs * 2 })
    clock.advance(1_000)
    vi.advanceTimersByTime(60_000)
    await vi.waitFor(() => expect([count('cache'), count('counters'), count('sessions')]).toEqual([0, 0, 1]))
    expect([count('seen'), count('finished'), count('pointers')]).toEqual([2, 1, 1])
    await vi.waitFor(() => expect([count('budgets'), count('holds'), count('usage')]).toEqual([0, 0, 1]))
    clock.advance(seenMs)
    vi.advanceTimersByTime(60_000)
    await vi.waitFor(() => expect([count('seen'), count('finished'), count('pointers')]).toEqual([1, 0, 1]))
    clock.advance(ownIdMs)
    vi.advanceTimersByTime(60_000)
    await vi.waitFor(() => expect([count('seen'), count('pointers')]).toEqual([0, 0]))
    clock.advance((usageDays + 1) * 24 * 3_600_000)
    vi.advanceTimersByTime(60_000)
    await vi.waitFor(() => expect(count('usage')).toBe(0))
    expect(await messagesOf(store, conversation)).toHaveLength(2)
  })
})

describe('lists', () => {
  it('refuse a cursor that is none of theirs', async () => {
    const { store } = await openBare()
    for (const before of ['x', '', '12', "1.'; DROP TABLE members", `${'9'.repeat(30)}.abc`]) {
      await expect(store.conversations.list('ann', { limit: 1, before })).rejects.toMatchObject({ code: 'bad_request' })
    }
  })

  it('look into so many conversations at a time, and go on from there', async () => {
    const { store, raw } = await openBare()
    raw.exec(`
      WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 1100)
      INSERT INTO conversations (id, title, title_folded, created_at, updated_at, surface, direct)
        SELECT 'conversation-' || n, 'Title ' || n || '.', 'title ' || n || '.', n, n, 'web', 1 FROM many;
      INSERT INTO members (user, conversation, at) SELECT 'ann', id, updated_at FROM conversations;
    `)
    const pages: string[][] = []
    let before: string | undefined
    do {
      const page = await store.conversations.list('ann', { limit: 10, matching: 'TITLE 7.', ...(before && { before }) })
      pages.push(page.items.map((one) => one.conversation.id))
      before = page.next
    } while (before)
    expect(pages).toEqual([[], [], ['conversation-7']])
  })
})

describe('usage', () => {
  it('of many is read in pieces, between which others get their turn', async () => {
    const { store } = await openBare()
    const count = 5_000
    await Promise.all(Array.from({ length: count }, (_, n) => store.usage.add(usageRow(`user-${n}`))))
    let turns = 0
    let ended = false
    const others = () => {
      turns += 1
      if (!ended) setImmediate(others)
    }
    setImmediate(others)
    const rows = await store.usage.read({ from: today(), to: today() })
    ended = true
    expect(rows).toHaveLength(count)
    expect(turns).toBeGreaterThan(count / 1_000)
  })
})

describe('every statement', () => {
  it('finds its rows by an index, however much is stored', async () => {
    const { store, raw } = await openBare()
    const prepare = vi.spyOn(raw, 'prepare')
    const texts = () => new Set(prepare.mock.calls.map(([text]) => text))
    await exercise(store)
    const statements = [...texts()].filter((text) => /^\s*(SELECT|INSERT|UPDATE|DELETE)/.test(text))
    expect(statements.length).toBeGreaterThan(50)
    const scanning = statements.filter((text) =>
      raw
        .prepare(`EXPLAIN QUERY PLAN ${text}`)
        .all()
        .some((step) => /^SCAN (?!CONSTANT ROW)|TEMP B-TREE/.test(String(step.detail))),
    )
    // Counting the homes that have work is for metrics, and goes over those homes only.
    expect(scanning).toEqual(['SELECT count(*) AS depth FROM queues'])
  })
})

/** Allowances, statistics and logs. */
async function spend({ budgets, usage, records }: Store): Promise<void> {
  const endsAt = Date.now() + 60_000
  await budgets.hold('k', { turn: 't1', amount: 1, limit: 1, endsAt })
  await budgets.hold('k', { turn: 't2', amount: 1, limit: 1, endsAt })
  await budgets.settle('k', 't1', 1)
  await usage.add(usageRow('ann'))
  await usage.read({ from: today(), to: today() })
  await usage.read({ from: today(), to: today(), user: 'ann' })
  await usage.forget('ann')
  const id = newId()
  await records.put('audit', { id, at: 1, user: 'ann', data: {} })
  await records.list('audit', { limit: 5 })
  await records.list('audit', { limit: 5, user: ['ann', 'bob'] })
  await records.drop('audit', id)
  await records.purge('audit', 1, 5)
}

const today = () => new Date().toISOString().slice(0, 10)

function usageRow(user: string): UsageRow {
  const tokens = { input: 1, output: 1, cacheRead: 1, cacheWrite: 1 }
  return { day: today(), user, surface: 'web', workspace: 'local', model: 'm', turns: 1, cost: 1, ...tokens }
}

/** Every method once, on its common path. */
async function exercise(store: Store): Promise<void> {
  const named = await say(store, messageAt(placeOf('a'), { user: 'ann' }), { title: 'Title' })
  const { conversation, turn } = named
  await store.inbox.accept(deliveryOf(messageAt(placeOf('a'), { conversation, user: 'ann' })))
  await store.inbox.accept(deliveryOf(named.incoming))
  await store.inbox.pending(conversation)
  await store.inbox.stop(conversation)
  const [claim] = await store.inbox.sweep([newLease()])
  await store.leases.renew(claim!, 1)
  await store.leases.save(claim!, {})
  await store.leases.release(claim!)
  const [again] = await store.inbox.sweep([newLease()])
  again!.incoming.replaces = turn
  await store.leases.commit(again!, outcomeOf(again!, { delivered: false, discard: true }), newLease())
  await store.leases.settle(again!, newLease())
  await store.leases.settle(again!, newLease())
  await store.leases.settle({ ...again!, token: 'x', conversation: newConversationId(again!.home) }, newLease())
  await store.conversations.read(conversation, { messages: 5, bytes: 5 })
  await store.conversations.list('ann', { limit: 5 })
  await store.conversations.list('ann', { limit: 5, matching: 'nowhere' })
  await store.conversations.update(conversation, { title: { text: 'x', by: 'user' }, summary: { text: 'x', upTo: 1 } })
  await store.conversations.rate(conversation, again!.turn, null)
  await store.places.point(placeOf('b'), conversation)
  await store.places.read(placeOf('b'))
  await store.places.mute(placeOf('b'))
  await store.places.point(placeOf('b'), null)
  const amended = await claimNew(store, messageAt(placeOf('b')))
  const dropped = messageAt(placeOf('b'))
  await store.inbox.accept(deliveryOf(dropped))
  await store.places.amend(placeOf('b'), amended.incoming.ids[0]!, { text: 'x', title: 'x' })
  await store.places.amend(placeOf('b'), dropped.ids[0]!, { text: null, title: '' })
  await store.leases.commit(amended, outcomeOf(amended))
  await store.conversations.update(amended.conversation, { summary: { text: 'x', upTo: 1 } })
  await store.places.amend(placeOf('b'), amended.incoming.ids[0]!, { text: null, title: '' })
  await store.conversations.remove(conversation)
  const user = await store.users.create(newUser())
  await store.users.find(user.identities[0]!)
  await store.users.update(user.id, { name: 'x' })
  await store.users.list({ limit: 5 })
  await store.sessions.set('s', {}, { user: 'ann', expiresAt: 1 })
  await store.sessions.get('s')
  await store.sessions.destroy('s')
  await store.sessions.endAll('ann')
  await store.counters.hit('k', 1)
  await store.counters.reset('k')
  await store.cache.set('k', 'v', 1)
  await store.cache.get('k')
  await store.cache.swap('k', null, 'v', 1)
  await spend(store)
  await store.vault.set('k', 'v')
  await store.vault.get('k')
  await (await store.vault.lock('k', 1))?.()
  await store.vault.delete('k')
  await store.inbox.depth()
  await store.ping()
}
