import type { Sessions } from '../../store.ts'
import type { JsonObject } from '../../types.ts'
import type { Engine } from './engine.ts'
import type { UserRecords } from './userRecords.ts'

interface Stored {
  expiresAt: number
  user: string
  data: JsonObject
}

/** A session is stored as its end, its user (URI-encoded, may be empty) and its JSON, parted by blanks. */
function parse(text: string): Stored {
  const [expiresAt = '', user = ''] = text.split(' ', 2)
  const data = JSON.parse(text.slice(expiresAt.length + user.length + 2)) as JsonObject
  return { expiresAt: Number(expiresAt), user, data }
}

function format(data: JsonObject, user: string | undefined, expiresAt: number): string {
  return `${expiresAt} ${encodeURIComponent(user ?? '')} ${JSON.stringify(data)}`
}

export function openSessions(engine: Engine, records: Pick<UserRecords, 'idsOf'>): Sessions {
  const { connection, keys, given } = engine

  async function load(id: string): Promise<Stored | null> {
    const text = await connection.run((redis) => redis.get(keys.session(id)))
    const stored = text === null ? null : parse(text)
    return stored && !engine.expired(stored.expiresAt) ? stored : null
  }

  async function index(id: string, user: string | undefined, expiresAt: number): Promise<void> {
    if (user === undefined) return
    await connection.script('session_index', [keys.sessions(user)], given({ session: id, expiresAt }))
  }

  return {
    async get(id) {
      return (await load(id))?.data ?? null
    },

    async set(id, data, { user, expiresAt }) {
      // The user's index first: after a crash it names a session too many, never one too few.
      await index(id, user, expiresAt)
      const text = format(data, user, expiresAt)
      await connection.run((redis) => redis.set(keys.session(id), text, 'PXAT', Math.ceil(expiresAt)))
    },

    async touch(id, data, { user, expiresAt }) {
      if (!(await load(id))) return false
      await index(id, user, expiresAt)
      const text = format(data, user, expiresAt)
      const set = await connection.run((redis) => redis.set(keys.session(id), text, 'PXAT', Math.ceil(expiresAt), 'XX'))
      if (set === null && user !== undefined) await connection.run((redis) => redis.zrem(keys.sessions(user), id))
      return set !== null
    },

    async destroy(id) {
      const text = await connection.run((redis) => redis.get(keys.session(id)))
      await connection.run((redis) => redis.del(keys.session(id)))
      const user = text === null ? '' : decodeURIComponent(parse(text).user)
      if (user) await connection.run((redis) => redis.zrem(keys.sessions(user), id))
    },

    async endAll(user, except) {
      for (const id of await records.idsOf(user)) await endOf(id, except)
    },
  }

  async function endOf(user: string, except?: string): Promise<void> {
    const all = await connection.run((redis) => redis.zrange(keys.sessions(user), 0, '-1'))
    const ended = all.filter((id) => id !== except)
    if (ended.length === 0) return
    const owner = encodeURIComponent(user)
    await Promise.all(ended.map((id) => connection.script('session_end', [keys.session(id)], given({ user: owner }))))
    await connection.run((redis) => redis.zrem(keys.sessions(user), ...ended))
  }
}
