import { LRUCache } from 'lru-cache'
import { audienceOf, identityOf } from '../../src/ids.ts'
import type { Sender } from '../../src/types.ts'
import type { Desk } from './desk.ts'
import type { About, Member } from './incoming.ts'

/** Who is in the teams and groups whose conversations we keep: who left sees no more of them. */
export interface Attendance {
  /** Someone wrote in a team or group: they are there, whatever we heard before. Nobody waits for it. */
  wrote(about: About): void
  /** Teams told that people came or left. */
  told(members: readonly Member[], about: About): Promise<void>
}

/** Whoever goes on writing is looked at again after this. */
const seen = { max: 20_000, ttl: 3_600_000 }
/** Events may come late and in any order: the newest one counts. */
const orderedMs = 3_600_000
/** Long enough for nearly all who still look at what was said there. */
const accountMs = 180 * 24 * 3_600_000

/** Teams does not always tell the object id of who left, so that of those who write is kept by the id it does tell. */
const accountKey = (tenant: string, id: string): string => `teams:account:${tenant}:${id}`

/** Whoever wants to be forgotten. */
export async function forgetAccount({ cache }: Desk, { sender, address }: About): Promise<void> {
  await cache.swap(accountKey(address.tenant, address.from.id), sender.id, null, 0)
}

export function createAttendance(desk: Desk): Attendance {
  const { chat, cache } = desk
  const there = new LRUCache<string, true>(seen)

  const keyOf = (audience: string, sender: Sender): string => `${audience} ${identityOf(sender)}`

  /** Only if nothing newer is known. */
  async function attends(audience: string, sender: Sender, here: boolean, at: number): Promise<void> {
    const key = `teams:attends:${keyOf(audience, sender)}`
    if (at < Number((await cache.get(key)) ?? 0)) return
    await chat.attends(audience, sender, here)
    await cache.set(key, String(at), orderedMs)
  }

  return {
    wrote({ place, sender, address, sentAt }) {
      if (place.direct) return
      const audience = audienceOf(place)
      const key = keyOf(audience, sender)
      if (there.has(key)) return
      there.set(key, true)
      desk.background('noting who is there', async () => {
        try {
          await cache.set(accountKey(address.tenant, address.from.id), sender.id, accountMs)
          await attends(audience, sender, true, sentAt)
        } catch (thrown) {
          there.delete(key)
          throw thrown
        }
      })
    },
    async told(members, { place, address: { tenant }, sentAt }) {
      const audience = audienceOf(place)
      for (const { id, person, here } of members) {
        const known = person ?? (await cache.get(accountKey(tenant, id))) ?? id
        const sender: Sender = { surface: 'teams', workspace: tenant, id: known }
        there.delete(keyOf(audience, sender))
        await attends(audience, sender, here, sentAt)
      }
    },
  }
}
