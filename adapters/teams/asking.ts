import { Fault } from '../../src/errors.ts'
import type { Json } from '../../src/types.ts'
import { adaptiveCard } from './cards.ts'
import type { Desk } from './desk.ts'
import type { About, Address } from './incoming.ts'
import type { Message } from './message.ts'

/** What somebody is shown: words, and what stands on a card below them. */
export interface Shown {
  text: string
  body?: Json[]
  actions?: Json[]
}

/** How long a question of ours waits for its answer. An old one is pressed by accident. */
export const askedMs = 15 * 60_000

export const overWords = 'This was decided already, or was asked too long ago.'

/** Show it where somebody wrote, or in the place of the card whose button they pressed, which then cannot be pressed again. */
export function show(
  desk: Desk,
  { address }: Pick<About, 'address'>,
  { text, body, actions }: Shown,
  card?: string,
): void {
  const parts = { ...(body && { body }), ...(actions && { actions }) }
  const message: Message = { text, ...((body || actions) && { attachments: [adaptiveCard(parts)] }) }
  desk.tell(address, message, card)
}

/**
 * Whoever may not, or cannot, is told so. What is no fault of theirs is thrown for Teams to bring it again.
 */
export async function politely(desk: Desk, address: Address, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (thrown) {
    if (!(thrown instanceof Fault) || thrown.code === 'store_unavailable' || thrown.code === 'internal') throw thrown
    desk.tell(address, { text: thrown.notice.text })
  }
}
