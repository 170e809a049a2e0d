import type { User } from '../../types.ts'
import { mergedUser } from '../people.ts'
import type { Engine } from './engine.ts'

/** A user's record as it is stored: a field for each of the user, as JSON. */
export type Flat = Record<string, string>

/** The records of users, whichever of their ids is asked for. */
export interface UserRecords {
  /** `pending` while it is being created. */
  load(id: string): Promise<User | 'pending' | null>
  known(id: string): Promise<User | null>
  /** As it is stored; empty where there is none. */
  raw(id: string): Promise<Flat>
  /** The id of the user that someone with this id is by now. */
  whoIs(id: string): Promise<string>
  /** That id and all that lead to it; the one asked for where there is no such user. */
  idsOf(id: string): Promise<string[]>
  /** Change a record by what it is now, as one step. Null: there is none, or `change` says so. */
  change(id: string, change: (user: User) => User | null): Promise<User | null>
}

/** Before the fields of one who was merged, until the other has them. */
const before = 'was:'

export function openUserRecords({ connection, keys }: Engine): UserRecords {
  const raw = (id: string) => connection.run((redis) => redis.hgetall(keys.user(id)))

  async function load(id: string): Promise<User | 'pending' | null> {
    const flat = await raw(id)
    if (flat.alias !== undefined) return together(await load(flat.alias), formerOf(flat))
    if (Object.keys(flat).length === 0) return null
    return 'pending' in flat ? 'pending' : userOf(flat)
  }

  async function known(id: string): Promise<User | null> {
    const found = await load(id)
    return found === 'pending' ? null : found
  }

  async function whoIs(id: string): Promise<string> {
    const alias = await connection.run((redis) => redis.hget(keys.user(id), 'alias'))
    return alias === null ? id : whoIs(alias)
  }

  return {
    load,
    known,
    raw,
    whoIs,
    async idsOf(id) {
      const user = await known(id)
      return user ? [user.id, ...(user.formerly ?? [])] : [id]
    },
    async change(id, change) {
      for (;;) {
        const flat = await raw(id)
        if (flat.alias !== undefined || Object.keys(flat).length === 0) return null
        const changed = change(userOf(flat))
        if (!changed) return null
        const target = fieldsOf(changed)
        const fields = [...new Set([...Object.keys(flat), ...Object.keys(target)])]
        const different = fields.filter((field) => flat[field] !== target[field])
        const swap = different.flatMap((field) => [field, flat[field] ?? '', target[field] ?? ''])
        if (swap.length === 0 || (await connection.script('user_swap', [keys.user(id)], {}, ...swap)) === 1)
          return changed
      }
    },
  }
}

/** What a user who was merged is known to be while the other's record does not tell of it yet. */
function together(into: User | 'pending' | null, former: User | null): User | 'pending' | null {
  if (into === null || into === 'pending' || former === null || into.formerly?.includes(former.id)) return into
  return mergedUser(former, into)
}

/** The record of one who was merged, if it is still beside where their id leads. */
export function formerOf(flat: Flat): User | null {
  const was = Object.entries(flat).filter(([field]) => field.startsWith(before))
  return was.length === 0
    ? null
    : userOf(Object.fromEntries(was.map(([field, json]) => [field.slice(before.length), json])))
}

/** The fields that hold it. */
export function formerFields(flat: Flat): string[] {
  return Object.keys(flat).filter((field) => field.startsWith(before))
}

export function fieldsOf(user: Partial<User>): Flat {
  const set = Object.entries(user).filter(([, value]) => value !== undefined)
  return Object.fromEntries(set.map(([field, value]) => [field, JSON.stringify(value)]))
}

export function userOf(fields: Flat): User {
  return Object.fromEntries(Object.entries(fields).map(([field, json]) => [field, JSON.parse(json)])) as unknown as User
}
