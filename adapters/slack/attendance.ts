import { LRUCache } from 'lru-cache'
import { audienceOf, identityOf } from '../../src/ids.ts'
import type { Place, PlatformChat, Sender } from '../../src/types.ts'
import { whereaboutsOf } from './incoming.ts'
import type { Envelope } from './payload.ts'

/** Who is in a channel: those who left it see no more of what is said there. */
export interface Attendance {
  /** Someone came or left. Resolves when it is stored; rejects for Slack to bring it again. */
  changed(body: Envelope, event: Record<string, unknown>, here: boolean): Promise<void>
  /** Someone wrote in a channel, so they are there, whatever we heard (or missed) before. */
  wrote(place: Place, sender: Sender): Promise<void>
}

/** So long it is not said again of somebody who writes that they are there. */
const rememberedMs = 10 * 60_000

export function createAttendance(chat: Pick<PlatformChat, 'attends'>): Attendance {
  const there = new LRUCache<string, true>({ max: 20_000, ttl: rememberedMs })
  const keyOf = (audience: string, sender: Sender): string => `${audience} ${identityOf(sender)}`

  return {
    async changed(body, event, here) {
      const about = whereaboutsOf(body, event)
      if (!about || about.place.direct) return
      const audience = audienceOf(about.place)
      there.delete(keyOf(audience, about.sender))
      await chat.attends(audience, about.sender, here)
    },
    async wrote(place, sender) {
      if (place.direct) return
      const audience = audienceOf(place)
      const key = keyOf(audience, sender)
      if (there.has(key)) return
      await chat.attends(audience, sender, true)
      there.set(key, true)
    },
  }
}
