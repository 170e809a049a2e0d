import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { defaultMaxWaiting, type Store, type StoreOptions } from '../../store.ts'
import { createBudgets } from './budgets.ts'
import { createBus } from './bus.ts'
import { createConversations } from './conversations.ts'
import { connect, createDatabase } from './database.ts'
import { openingFailure } from './failures.ts'
import { createHomes } from './homes.ts'
import { createInbox } from './inbox.ts'
import { createLeases } from './leases.ts'
import { lockFor } from './lock.ts'
import { createMarks } from './marks.ts'
import { createAbsences, createSessions } from './people.ts'
import { createPlaces } from './places.ts'
import { startPurging } from './purge.ts'
import { createRecords } from './records.ts'
import { migrate } from './schema.ts'
import { createShelf } from './shelf.ts'
import { createCache, createCounters } from './small.ts'
import { createUsage } from './usage.ts'
import { createUsers } from './users.ts'
import { createVault } from './vault.ts'

export interface SqliteOptions extends StoreOptions {
  /** The data file; made with its directory if it is not there. Two more stand beside it while it is open (`-wal`, `-shm`). */
  file: string
  /**
   * This is the instance that answers: refuse to open while another one runs, and take over at once what a dead one left.
   * Without it the file is only read and changed beside the one that runs (the command line tools).
   */
  lock?: boolean
}

/** The embedded engine: one file, no server, one instance. Rejects with plain words if the file cannot be used. */
export async function openSqlite({ file, lock = false, ...options }: SqliteOptions): Promise<Store> {
  const path = resolve(file)
  let unlock = () => {}
  let connection: DatabaseSync | undefined
  try {
    makeFile(path)
    if (lock) unlock = lockFor(path)
    connection = connect(path)
    migrate(connection, path)
    return await sqliteStore(connection, { ...options, takeOver: lock, onClose: unlock })
  } catch (error) {
    if (connection?.isOpen) connection.close()
    unlock()
    throw openingFailure(path, error)
  }
}

/** A store over an open connection, which it closes. */
export async function sqliteStore(
  connection: DatabaseSync,
  options: StoreOptions & { takeOver?: boolean; onClose?: () => void } = {},
): Promise<Store> {
  const { now = Date.now, maxWaiting = defaultMaxWaiting, takeOver = false, onClose } = options
  const db = createDatabase(connection)
  const marks = createMarks(db, now)
  const homes = createHomes(db, now)
  const shelf = createShelf(db, now)
  const bus = createBus()
  const users = createUsers(db)
  if (takeOver) await db.write(() => homes.voidAll())
  const endPurging = startPurging(db, now)
  return {
    engine: 'sqlite',
    inbox: createInbox(db, { marks, homes, shelf }, now, maxWaiting),
    places: createPlaces(db, marks, homes, shelf),
    leases: createLeases(db, homes, shelf, now),
    conversations: createConversations(db, homes, shelf),
    users,
    sessions: createSessions(db, now),
    absences: createAbsences(db),
    budgets: createBudgets(db, now),
    usage: createUsage(db, now, users),
    records: createRecords(db),
    counters: createCounters(db, now),
    cache: createCache(db, now),
    vault: createVault(db, now),
    bus,
    async ping() {
      const text = 'INSERT INTO pings (id, at) VALUES (1, ?) ON CONFLICT DO UPDATE SET at = excluded.at'
      await db.write(() => db.run(text, now()))
    },
    async close() {
      endPurging()
      bus.close()
      await db.close()
      onClose?.()
    },
  }
}

/** Made for this user alone: conversations are private, and the files SQLite puts beside take over these rights. */
function makeFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}
