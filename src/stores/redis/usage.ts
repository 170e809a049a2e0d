import { newId } from '../../ids.ts'
import type { UsageLog, UsageRow, Users } from '../../store.ts'
import type { Surface } from '../../types.ts'
import { daysOfMonth, daysWithin, endOfMonthsRows, endOfRows, idsOf, toldByNow } from '../usageRows.ts'
import type { Engine } from './engine.ts'
import { shardOf } from './keys.ts'

/** How many keys are read at once. */
const atOnce = 256

const monthOf = (day: string) => day.slice(0, 7)
const fieldOf = (...parts: string[]) => parts.map(encodeURIComponent).join(' ')

/** A field's parts are parted by blanks; the value is six numbers, and the id of the last addition. */
function rowOf(day: string, user: string, rest: readonly string[], value: string): UsageRow {
  const [surface = '', workspace = '', model = ''] = rest.map(decodeURIComponent)
  const [turns = 0, input = 0, output = 0, cacheRead = 0, cacheWrite = 0, cost = 0] = value.split(' ', 6).map(Number)
  const used = { turns, input, output, cacheRead, cacheWrite, cost }
  return { day, user, surface: surface as Surface, workspace, model, ...used }
}

/**
 * Every row is stored twice, in one step: among those of its user's shard for a day, so that what all used can be read
 * however many they are, and among those of its user for a month, so that what one used can be read beside all others.
 */
export function openUsage(engine: Engine, users: Pick<Users, 'get'>): UsageLog {
  const { connection, keys, given } = engine
  const daysNow = (range: { from: string; to: string }) => daysWithin(range, engine.lifetime(0).until)

  async function readAll<T>(all: readonly T[], keyOf: (one: T) => string, make: Make<T>): Promise<UsageRow[]> {
    const rows: UsageRow[] = []
    for (let n = 0; n < all.length; n += atOnce) {
      const read = async (one: T) => {
        const hash = await connection.run((redis) => redis.hgetall(keyOf(one)))
        for (const [field, value] of Object.entries(hash)) rows.push(make(one, field.split(' '), value))
      }
      await Promise.all(all.slice(n, n + atOnce).map(read))
    }
    return rows
  }

  function readEveryone(days: readonly string[]): Promise<UsageRow[]> {
    const parts = days.flatMap((day) => engine.shards.map((shard) => ({ day, shard })))
    return readAll(
      parts,
      ({ day, shard }) => keys.usageIn(shard, day),
      ({ day }, [user = '', ...rest], value) => rowOf(day, decodeURIComponent(user), rest, value),
    )
  }

  async function readUsers(ids: readonly string[], days: readonly string[]): Promise<UsageRow[]> {
    const months = new Set(days.map(monthOf))
    const parts = ids.flatMap((user) => [...months].map((month) => ({ user, month })))
    const rows = await readAll(
      parts,
      ({ user, month }) => keys.usageOf(user, month),
      ({ user }, [day = '', ...rest], value) => rowOf(day, user, rest, value),
    )
    const wanted = new Set(days)
    return rows.filter(({ day }) => wanted.has(day))
  }

  async function forgetMonth(user: string, month: string): Promise<void> {
    const days = daysOfMonth(month)
    const shard = shardOf(user)
    const all = [keys.usageOf(user, month), ...days.map((day) => keys.usageIn(shard, day))]
    await connection.script('usage_forget', all, { days, ends: days.map(endOfRows) }, fieldOf(user))
  }

  return {
    async add({ day, user, surface, workspace, model, ...used }) {
      const shard = shardOf(user)
      const numbers = [used.turns, used.input, used.output, used.cacheRead, used.cacheWrite, used.cost]
      await connection.script(
        'usage_add',
        [keys.usageIn(shard, day), keys.usageOf(user, monthOf(day))],
        given({ id: newId(), dayEnds: endOfRows(day), monthEnds: endOfMonthsRows(day) }),
        fieldOf(user, surface, workspace, model),
        fieldOf(day, surface, workspace, model),
        ...numbers,
      )
    },

    async read({ user, ...range }) {
      const days = daysNow(range)
      // Rows of nobody are wherever those are whose rows they were.
      if (!user) {
        const rows = await toldByNow(users, await readEveryone(days))
        return user === undefined ? rows : rows.filter((row) => row.user === '')
      }
      return toldByNow(users, await readUsers(await idsOf(users, user), days))
    },

    async forget(user) {
      if (user === '') return
      const months = new Set(daysNow({ from: '', to: '9999-12-31' }).map(monthOf))
      for (const id of await idsOf(users, user)) {
        for (const month of months) await forgetMonth(id, month)
      }
    },
  }
}

type Make<T> = (from: T, parts: string[], value: string) => UsageRow
