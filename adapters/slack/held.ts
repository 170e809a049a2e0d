import { z } from 'zod'
import type { Place } from '../../src/types.ts'
import { commandPlace, placeOf } from './incoming.ts'
import type { ThreadAddress } from './payload.ts'

/*
 * What the buttons of our own dialogues carry: whom they were shown to, and what they are about. Short names: a value holds
 * 2,000 characters.
 */

const held = z.object({
  /** The person they were shown to; nobody else's press counts. */
  u: z.string(),
  /** Where: 't' in a thread, 's' in one of a shared channel, 'a' under a command, 'h' on the Home tab. */
  w: z.enum(['t', 's', 'a', 'h']),
  /** The thread, which Slack does not name under messages for one person alone. */
  h: z.string().optional(),
  /** A conversation, or the code of a link. */
  c: z.string().optional(),
  /** The other user of a link. */
  o: z.string().optional(),
  /** After this time it is too old to be meant. */
  x: z.number().optional(),
})
export type Held = z.infer<typeof held>

/** Where a dialogue takes place. */
export type Spot = Pick<Held, 'u' | 'w' | 'h'>

/** What is asked before something that cannot be taken back holds so long: an old message is pressed by accident. */
export const askedMs = 15 * 60_000

export const heldValue = ({ u, w, h }: Spot, more: Omit<Held, keyof Spot> = {}): string =>
  JSON.stringify({ u, w, h, ...more } satisfies Record<keyof Spot, unknown>)

export function readHeld(value: string | undefined): Held | null {
  try {
    return held.parse(JSON.parse(value ?? ''))
  } catch {
    return null
  }
}

export function spotOf({ user, thread, shared }: ThreadAddress): Spot {
  return { u: user, w: shared ? 's' : 't', h: thread }
}

/** The place that a dialogue is about. Null: it is about none. */
export function placeOfSpot({ u, w, h }: Spot, tenant: string, channel: string): Place | null {
  if (w === 'a') return commandPlace(tenant, channel, u)
  if (w === 'h' || !h) return null
  return placeOf({ tenant, channel, thread: h, direct: channel.startsWith('D'), shared: w === 's' })
}
