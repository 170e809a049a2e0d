import { setTimeout as sleep } from 'node:timers/promises'
import { homeOfConversation, newId } from '../../ids.ts'
import type { Log } from '../../types.ts'
import type { Connection } from './connection.ts'
import { type Keys, shards } from './keys.ts'

/** Brings the data from one version of the layout to the next. Must be safe to run again after a crash in its middle. */
export type Migration = (connection: Connection, keys: Keys) => Promise<void>

/** In order; the first leads from version 1 to 2. The current version is one more than there are. */
export const migrations: readonly Migration[] = [
  // 2: conversations by time of update.
  async (connection, keys) => {
    for await (const found of connection.scan(keys.allConversations)) {
      await Promise.all(
        found.map((key) => {
          const id = key.slice(key.lastIndexOf(':') + 1)
          const home = homeOfConversation(id)
          return connection.script('updated', [key, keys.updated(home)], { conversation: id })
        }),
      )
    }
  },
]

/** The lock ends by itself when its holder dies. */
const lockMs = 60_000
/** How long to wait for another instance's migration. */
const patienceMs = 10 * 60_000

/**
 * Makes sure that the data has the layout this program knows: writes the version into a fresh Redis, brings older data
 * forward, and refuses newer data. Safe for any number of instances at once.
 */
export async function ensureSchema(
  connection: Connection,
  keys: Keys,
  options: { steps?: readonly Migration[]; log?: Log } = {},
): Promise<void> {
  const { steps = migrations, log } = options
  const current = steps.length + 1
  const owner = newId()
  const until = performance.now() + patienceMs
  for (;;) {
    const version = await versionOf(connection, keys, current)
    if (version === current) return
    if ((await lock(connection, keys, owner, lockMs)) === 1) {
      await migrate(connection, keys, steps, owner, log)
    } else {
      if (performance.now() > until)
        throw new Error('Another instance has been migrating the data in Redis for too long.')
      await sleep(200)
    }
  }
}

async function versionOf(connection: Connection, keys: Keys, current: number): Promise<number> {
  const reply = await connection.script('schema', [keys.schema], { version: current, shards })
  const [version, parts] = (reply as string[]).map(Number) as [number, number]
  if (version > current) {
    throw new Error(
      `The data in Redis (${keys.schema}) was written by a newer version of this program: its layout is ${version}, ` +
        `and this one knows ${current}. Run the newer version, or use another prefix.`,
    )
  }
  if (parts !== shards) {
    throw new Error(`The data in Redis (${keys.schema}) has ${parts} shards, and this program needs ${shards}.`)
  }
  return version
}

async function migrate(
  connection: Connection,
  keys: Keys,
  steps: readonly Migration[],
  owner: string,
  log?: Log,
): Promise<void> {
  const renewal = setInterval(() => lock(connection, keys, owner, lockMs).catch(() => undefined), lockMs / 3)
  try {
    // Read again: another instance may have come this far before we had the lock.
    for (let from = await versionOf(connection, keys, steps.length + 1); from <= steps.length; from++) {
      log?.info({ from, to: from + 1 }, 'Migrating the data in Redis.')
      await steps[from - 1]!(connection, keys)
      await connection.run((redis) => redis.hset(keys.schema, 'version', from + 1))
    }
  } finally {
    clearInterval(renewal)
    await lock(connection, keys, owner, 0).catch(() => undefined)
  }
}

async function lock(connection: Connection, keys: Keys, owner: string, ms: number): Promise<unknown> {
  return connection.script('lock', [keys.lock], { owner, ms })
}
