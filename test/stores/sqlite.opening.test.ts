import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdir, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, describe, expect, it } from 'vitest'
import { homeOf } from '../../src/ids.ts'
import { connect } from '../../src/stores/sqlite/database.ts'
import { openSqlite } from '../../src/stores/sqlite/index.ts'
import { migrate, steps } from '../../src/stores/sqlite/schema.ts'
import { claimNew, deliveryOf, messageAt, newLease, newUser, outcomeOf, placeOf } from '../contracts/store/kit.ts'
import { tempDirectories } from '../support/sqlite.ts'

const directory = tempDirectories()
const opened: { close(): unknown }[] = []
const children: ChildProcess[] = []
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const one of opened.splice(0).reverse()) await one.close()
})

async function newFile(): Promise<string> {
  return join(await directory(), 'chat.db')
}

async function opening(file: string, lock = false) {
  const store = await openSqlite({ file, lock })
  opened.push(store)
  return store
}

function openRaw(file: string): DatabaseSync {
  const raw = new DatabaseSync(file)
  opened.push(raw)
  return raw
}

describe('opening a file that cannot be used', () => {
  it.each([
    ['a directory', async (file: string) => void (await mkdir(file)), /cannot be opened for writing.*directory/s],
    ['text', (file: string) => writeFile(file, 'not a database\n'.repeat(200)), /is not a data file.*Move it away/],
    [
      "another application's database",
      async (file: string) => openRaw(file).exec('CREATE TABLE theirs (n)'),
      /database of another application.*Move it away/,
    ],
    ['newer data', newer, /written by a newer version.*data version \d+, this one knows up to \d+.*backup/],
    ['a damaged file', damaged, /is damaged.*Restore it from a backup/],
  ])('says in plain words that it is %s', async (_what, make, words) => {
    const file = await newFile()
    await make(file)
    const error = await openSqlite({ file }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(Error)
    expect((error as Error).message).toMatch(words)
    expect((error as Error).message).toContain(file)
  })

  it('says in plain words that its directory cannot be made', async () => {
    const notADirectory = await newFile()
    await writeFile(notADirectory, 'a file')
    const file = join(notADirectory, 'data', 'chat.db')
    await expect(openSqlite({ file, lock: true })).rejects.toThrow(`The data file ${file} cannot be opened for writing`)
  })

  it('leaves a file it refuses as it was, and free for others', async () => {
    const file = await newFile()
    await newer(file)
    const before = readFileSync(file)
    await expect(openSqlite({ file, lock: true })).rejects.toThrow('newer')
    expect(readFileSync(file).equals(before)).toBe(true)
    const raw = new DatabaseSync(file)
    raw.exec(`PRAGMA user_version = ${steps.length}`)
    raw.close()
    await (await opening(file, true)).ping()
  })

  async function newer(file: string): Promise<void> {
    await (await openSqlite({ file })).close()
    const raw = new DatabaseSync(file)
    raw.exec(`PRAGMA user_version = ${steps.length + 1}`)
    raw.close()
  }

  async function damaged(file: string): Promise<void> {
    await (await openSqlite({ file })).close()
    const handle = await open(file, 'r+')
    await handle.write(Buffer.alloc(3_900, 0xee), 0, 3_900, 104)
    await handle.close()
  }
})

describe('migration', () => {
  const made = [
    'CREATE TABLE people (name TEXT)',
    'ALTER TABLE people ADD COLUMN age INTEGER; UPDATE people SET age = 7',
  ]
  const version = (raw: DatabaseSync) => raw.prepare('PRAGMA user_version').get()?.user_version

  it('takes the steps a file has not behind it, in order, and keeps what is in it', async () => {
    const file = await newFile()
    const raw = connect(file)
    opened.push(raw)
    migrate(raw, file, made.slice(0, 1))
    expect(version(raw)).toBe(1)
    raw.exec("INSERT INTO people VALUES ('Ann')")
    const longer = [...made, 'CREATE INDEX by_age ON people (age)']
    migrate(raw, file, longer)
    expect(version(raw)).toBe(3)
    expect(raw.prepare('SELECT * FROM people').all()).toEqual([{ name: 'Ann', age: 7 }])
    migrate(raw, file, longer)
    expect(version(raw)).toBe(3)
  })

  it('undoes a step that fails as a whole, and keeps those before it', async () => {
    const file = await newFile()
    const raw = connect(file)
    opened.push(raw)
    const failing = [...made, 'DELETE FROM people; CREATE TABLE half (n); SELECT no_such_function()']
    migrate(raw, file, made)
    raw.exec("INSERT INTO people VALUES ('Ann', 1)")
    expect(() => migrate(raw, file, failing)).toThrow('no_such_function')
    expect(version(raw)).toBe(2)
    expect(raw.prepare('SELECT * FROM people').all()).toHaveLength(1)
    expect(raw.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'half'").all()).toEqual([])
  })

  it('brings conversations, pointers and waiting messages of the first version along', async () => {
    const file = await newFile()
    const raw = connect(file)
    opened.push(raw)
    migrate(raw, file, steps.slice(0, 1))
    const { incoming, turn, conversation } = deliveryOf(messageAt(placeOf('a')))
    const home = homeOf(incoming.place)
    raw
      .prepare("INSERT INTO conversations (id, created_at, updated_at, surface, direct) VALUES (?, 1, 1, 'web', 1)")
      .run(conversation)
    raw
      .prepare('INSERT INTO pointers (home, conversation, expires_at) VALUES (?, ?, ?)')
      .run(home, conversation, Date.now() + 60_000)
    raw
      .prepare(
        'INSERT INTO entries (home, conversation, turn, accepted_at, attempt, incoming) VALUES (?, ?, ?, 1, 1, ?)',
      )
      .run(home, conversation, turn, JSON.stringify(incoming))
    raw.prepare('INSERT INTO queues (home, head) VALUES (?, 1)').run(home)

    const store = await opening(file, true)
    expect(await store.places.read(incoming.place)).toMatchObject({ conversation, muted: false })
    const [claim] = await store.inbox.sweep([newLease()])
    expect(claim).toMatchObject({ turn, conversation, incoming, attempt: 2 })
    expect(await store.leases.commit(claim!, outcomeOf(claim!))).toEqual({ status: 'ok' })
  })

  it('is done once when two processes open a new file', async () => {
    const file = await newFile()
    const stores = await Promise.all([opening(file), opening(file), opening(file)])
    await Promise.all(stores.map((store) => store.ping()))
    expect(version(openRaw(file))).toBe(steps.length)
  })
})

describe('one instance', () => {
  it('refuses a second one while the first runs, and lets it in after', async () => {
    const file = await newFile()
    const first = await opening(file, true)
    await expect(openSqlite({ file, lock: true })).rejects.toThrow(`Another instance is already running on ${file}.`)
    await first.ping()
    await first.close()
    await (await opening(file, true)).ping()
  })

  it('lets the command line tools read and write beside it', async () => {
    const file = await newFile()
    const running = await opening(file, true)
    const claim = await claimNew(running, messageAt(placeOf('a')))
    const tool = await opening(file)
    const user = await tool.users.create(newUser())
    expect(await running.users.get(user.id)).toEqual(user)
    await tool.close()
    expect(await running.leases.renew(claim, 1_000)).toBe(true)
    await expect(openSqlite({ file, lock: true })).rejects.toThrow('Another instance')
  })

  it('finds every message that a killed one said it stored, and takes its turns over at once', async () => {
    const file = await newFile()
    const child = spawn(process.execPath, [join(import.meta.dirname, '../support/sqliteChild.ts'), file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    const told: string[] = []
    const lines = createInterface({ input: child.stdout! })
    for await (const line of lines) {
      told.push(line)
      if (told.length === 1) {
        await expect(openSqlite({ file, lock: true })).rejects.toThrow('Another instance')
      }
      if (told.length === 400) break
    }
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit

    const store = await opening(file, true)
    const [claim] = await store.inbox.sweep([newLease()])
    expect(claim).toMatchObject({ incoming: { ids: ['m0'] }, attempt: 2 })
    for (const id of told) {
      const incoming = messageAt(placeOf('child'), { ids: [id] })
      expect((await store.inbox.accept(deliveryOf(incoming))).accepted.status).toBe('duplicate')
    }
  })
})
