import { randomInt } from 'node:crypto'
import { Fault } from './errors.ts'
import { hashOf } from './ids.ts'
import type { Cache, Counters, Users } from './store.ts'
import type { Link, Linking, Side, User } from './types.ts'

/** How long a code can be entered and agreed to. */
const codeMs = 10 * 60_000
/** 32 signs that nobody takes for another: 40 bits in eight of them. */
const alphabet = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ'
const offers = { most: 10, perMs: 3_600_000 }
const entries = { most: 10, perMs: 10 * 60_000 }

/** One side of a link as it is kept: ids alone, everything else is looked up when it is shown. */
interface Kept {
  offered: string
  entered?: string
  /**
   * Of these two, by the ids they had when they came to it. A side that became another user meanwhile is that side still:
   * nobody says yes for both.
   */
  agreed: string[]
  expiresAt: number
}

/** Joining two accounts of one person by a code that is shown on one side and entered on the other. */
export function createLinking(options: {
  users: Pick<Users, 'get'>
  cache: Pick<Cache, 'get' | 'swap'>
  counters: Counters
  /** How a user is shown to the other side; undefined: they are gone. */
  sideOf(id: string): Promise<Side | undefined>
  /** Make two users one. */
  merge(from: string, into: string, actor: string): Promise<User>
  now(): number
}): Linking {
  const { users, cache, counters, now } = options

  async function linkFor(user: User, kept: Kept): Promise<Link> {
    const [own, other] =
      ownSide(user, kept) === kept.offered ? [kept.offered, kept.entered] : [kept.entered!, kept.offered]
    const side = async (id: string) => {
      const shown = await options.sideOf(id)
      if (!shown) throw new Fault('link_code')
      return { ...shown, agreed: kept.agreed.includes(id) }
    }
    return { own: await side(own), ...(other && { other: await side(other) }), expiresAt: kept.expiresAt }
  }

  async function limited(what: string, user: User, { most, perMs }: typeof offers): Promise<void> {
    const { count } = await counters.hit(`link:${what}:${user.id}`, perMs)
    if (count > most) throw new Fault('too_many_attempts')
  }

  /** What is kept of a code that can still be used. */
  async function read(code: string): Promise<{ key: string; text: string; kept: Kept } | null> {
    const key = keyOf(code)
    const text = await cache.get(key)
    const kept = text === null ? null : (JSON.parse(text) as Kept)
    return text !== null && kept && kept.expiresAt > now() ? { key, text, kept } : null
  }

  /** Change what is kept of a code, as one of two at the same moment if need be. */
  async function change(code: string, step: (kept: Kept) => Kept): Promise<Kept> {
    for (;;) {
      const found = await read(code)
      if (!found) throw new Fault('link_code')
      const next = step(found.kept)
      if (await cache.swap(found.key, found.text, JSON.stringify(next), next.expiresAt - now())) return next
    }
  }

  /** The code is over, whatever the other side does with it at the same moment. */
  async function end(code: string, may: (kept: Kept) => boolean): Promise<void> {
    for (;;) {
      const found = await read(code)
      if (!found || !may(found.kept) || (await cache.swap(found.key, found.text, null, 0))) return
    }
  }

  /** The user that both have become. Whoever repeats this after a crash, or a moment later, finds them one already. */
  async function become({ offered, entered }: Kept, actor: string): Promise<User> {
    const sides = await Promise.all([users.get(offered), users.get(entered!)])
    if (sides.some((side) => side?.state !== 'active')) throw new Fault('link_code')
    const [older, newer] = sides.map((side) => side!).toSorted((a, b) => a.createdAt - b.createdAt) as [User, User]
    return older.id === newer.id ? older : options.merge(newer.id, older.id, actor)
  }

  return {
    async offer(user) {
      await limited('offer', user, offers)
      const expiresAt = now() + codeMs
      const kept: Kept = { offered: user.id, agreed: [], expiresAt }
      for (;;) {
        const code = newCode()
        if (await cache.swap(keyOf(code), null, JSON.stringify(kept), codeMs)) return { code, expiresAt }
      }
    },

    async enter(user, code) {
      await limited('enter', user, entries)
      const kept = await change(code, (before) => {
        const own = ownSide(user, before)
        if (own === before.offered) throw new Fault('own_link_code')
        if (before.entered !== undefined && before.entered !== own) throw new Fault('link_code')
        return { ...before, entered: own ?? user.id }
      })
      return linkFor(user, kept)
    },

    async link(user, code) {
      const found = await read(code)
      return found && ownSide(user, found.kept) ? linkFor(user, found.kept) : null
    },

    async agree(user, code) {
      const kept = await change(code, (before) => {
        const own = ownSide(user, before)
        if (own === undefined || before.entered === undefined) throw new Fault('link_code')
        return { ...before, agreed: [...new Set([...before.agreed, own])] }
      })
      const link = await linkFor(user, kept)
      if (kept.agreed.length < 2) return { link }
      const joined = await become(kept, user.id)
      await end(code, () => true)
      return { link, joined }
    },

    decline: (user, code) => end(code, (kept) => ownSide(user, kept) !== undefined),
  }
}

/** Which of the two this user is, by any id they have or had. */
function ownSide({ id, formerly = [] }: User, { offered, entered }: Kept): string | undefined {
  const ids = [id, ...formerly]
  return [offered, entered].find((side) => side !== undefined && ids.includes(side))
}

/** However a code is typed; only its hash is kept. */
const keyOf = (code: string): string => `link:${hashOf([code.toUpperCase().replace(/[^0-9A-Z]/g, '')])}`

/** `ABCD-EFGH`. */
function newCode(): string {
  const signs = Array.from({ length: 8 }, () => alphabet[randomInt(alphabet.length)])
  return `${signs.slice(0, 4).join('')}-${signs.slice(4).join('')}`
}
