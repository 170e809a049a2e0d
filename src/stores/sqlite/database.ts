import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { Fault } from '../../errors.ts'
import { failureOf } from './failures.ts'

/** Statements are prepared once and kept by their text. Rows are typed by the caller, who wrote the text. */
export interface Sql {
  one<Row>(text: string, ...values: SQLInputValue[]): Row | undefined
  all<Row>(text: string, ...values: SQLInputValue[]): Row[]
  /** Row by row, for as long as the caller wants more. */
  each<Row>(text: string, ...values: SQLInputValue[]): Iterable<Row>
  /** How many rows it changed. */
  run(text: string, ...values: SQLInputValue[]): number
}

export interface Database extends Sql {
  /** Several reads that see the same state. */
  read<T>(work: () => T): Promise<T>
  /** One transaction, durable when it resolves. The work is synchronous; what it throws undoes what it did. */
  write<T>(work: () => T): Promise<T>
  /**
   * The same for what may be done again: it survives a killed process, and a power cut as soon as a `write` came after it.
   * Costs no sync of the disk.
   */
  writeLazily<T>(work: () => T): Promise<T>
  close(): Promise<void>
}

interface Job {
  work: () => unknown
  resolve: (value: unknown) => void
  reject: (reason: unknown) => void
  lazy: boolean
}

/** The most writes that share a transaction: bounds how long the event loop is held. */
const batchSize = 64
/** How long a statement waits for another process (the command line tools), milliseconds. It holds the event loop. */
const busyMs = 1_000

export function connect(file: string): DatabaseSync {
  const connection = new DatabaseSync(file, { timeout: busyMs, enableForeignKeyConstraints: true })
  try {
    // FULL: a message that was acknowledged must survive a power cut; WAL alone may lose the last transactions.
    connection.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA journal_size_limit = 67108864;
      PRAGMA temp_store = MEMORY;
    `)
    return connection
  } catch (error) {
    connection.close()
    throw error
  }
}

/**
 * Writes that are asked for in the same turn of the event loop share one transaction, each in a savepoint of its own: one
 * sync to disk for all of them (a sync costs ten times a write here, and far more on a spinning or remote disk).
 */
export function createDatabase(connection: DatabaseSync): Database {
  const statements = new Map<string, StatementSync>()
  const waiting: Job[] = []
  let closed = false
  let syncing = true

  /** Whether the next commit waits for the disk; can only be said between transactions. */
  function sync(wanted: boolean): void {
    if (syncing === wanted) return
    connection.exec(`PRAGMA synchronous = ${wanted ? 'FULL' : 'NORMAL'}`)
    syncing = wanted
  }

  function enqueue<T>(work: () => T, lazy: boolean): Promise<T> {
    if (closed) return Promise.reject<T>(gone())
    return new Promise<T>((resolve, reject) => {
      waiting.push({ work, resolve: resolve as Job['resolve'], reject, lazy })
      if (waiting.length === 1) setImmediate(flush)
    })
  }

  function prepared(text: string): StatementSync {
    let statement = statements.get(text)
    if (!statement) {
      statement = connection.prepare(text)
      statements.set(text, statement)
    }
    return statement
  }

  const run = (text: string, ...values: SQLInputValue[]) => Number(prepared(text).run(...values).changes)

  function rollBack(): void {
    // SQLite itself rolls back after some failures (a full disk, an I/O error).
    if (connection.isTransaction) run('ROLLBACK')
  }

  /** Do one of several jobs. False: the whole transaction is gone with it. */
  function attempt(job: Job, settled: (() => void)[]): void {
    run('SAVEPOINT job')
    try {
      const value = job.work()
      run('RELEASE job')
      settled.push(() => job.resolve(value))
    } catch (error) {
      if (!connection.isTransaction) throw error
      run('ROLLBACK TO job')
      run('RELEASE job')
      settled.push(() => job.reject(failureOf(error)))
    }
  }

  function flush(): void {
    const batch = waiting.splice(0, batchSize)
    if (batch.length === 0) return
    if (waiting.length > 0) setImmediate(flush)
    const settled: (() => void)[] = []
    try {
      sync(batch.some((job) => !job.lazy))
      run('BEGIN IMMEDIATE')
      for (const job of batch) attempt(job, settled)
      run('COMMIT')
    } catch (error) {
      // None of them is durable, so all of them failed.
      settled.length = 0
      for (const job of batch) settled.push(() => job.reject(failureOf(error)))
      rollBack()
    } finally {
      for (const settle of settled) settle()
    }
  }

  function gone(): Fault {
    return new Fault('store_unavailable', { detail: 'sqlite: the store is closed' })
  }

  return {
    one: <Row>(text: string, ...values: SQLInputValue[]) => prepared(text).get(...values) as Row | undefined,
    all: <Row>(text: string, ...values: SQLInputValue[]) => prepared(text).all(...values) as Row[],
    each: <Row>(text: string, ...values: SQLInputValue[]) => prepared(text).iterate(...values) as Iterable<Row>,
    run,
    async read(work) {
      if (closed) throw gone()
      try {
        run('BEGIN')
        const value = work()
        run('COMMIT')
        return value
      } catch (error) {
        rollBack()
        throw failureOf(error)
      }
    },
    write: (work) => enqueue(work, false),
    writeLazily: (work) => enqueue(work, true),
    async close() {
      if (closed) return
      closed = true
      while (waiting.length > 0) flush()
      statements.clear()
      connection.close()
    },
  }
}
