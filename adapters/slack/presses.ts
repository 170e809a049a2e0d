import type { Place, User } from '../../src/types.ts'
import { ids } from './blocks.ts'
import { continueHere, continueShared } from './continuing.ts'
import type { Desk } from './desk.ts'
import { wordsFor } from './dialogues.ts'
import { forgetAll } from './forgetting.ts'
import { type Held, placeOfSpot, readHeld, type Spot } from './held.ts'
import { openFromHome } from './home.ts'
import { type Actor, actorOf, type Click } from './interactions.ts'
import { checkLink, joinBoth, stopLink } from './linking.ts'
import { type Shown, shown } from './shown.ts'

/** A pressed button of one of our dialogues, by the person it was shown to. */
export interface Press {
  user: User
  held: Held
  spot: Spot
  actor: Actor
  /** Null on the Home tab. */
  place: Place | null
  channel: string
}

/** What is shown then: in place of the message with the button, or beside it. */
export type Outcome = { instead: Shown } | { beside: Shown }

export type Act = (desk: Desk, press: Press) => Promise<Outcome>

const cancel: Act = async () => ({ instead: shown('Cancelled: nothing was changed.') })

/** Every button of our dialogues, by its id. `again`: pressing it twice asks twice. */
const acts: Record<string, { act: Act; again?: true }> = {
  [ids.continueHere]: { act: continueHere },
  [ids.continueShared]: { act: continueShared },
  [ids.linkCheck]: { act: checkLink, again: true },
  [ids.linkJoin]: { act: joinBoth },
  [ids.linkStop]: { act: stopLink },
  [ids.forgetAll]: { act: forgetAll },
  [ids.cancel]: { act: cancel },
}

export const pressIds: readonly string[] = Object.keys(acts)

/** Never rejects for a reason that a person can be told. Nobody waits for it: Slack is answered at once. */
export async function press(desk: Desk, body: Click): Promise<void> {
  const { action_id: id = '', value } = body.actions?.[0] ?? {}
  const tell = (outcome: Outcome): Promise<void> => show(desk, body, outcome)
  try {
    const held = readHeld(value)
    const known = acts[id]
    if (!held || !known)
      return await tell({ instead: shown('This button is from an older version. Please begin anew.') })
    const actor = await actorOf(desk, body, held.w === 's')
    if (!actor) return
    if (held.u !== actor.sender.id) return await tell({ beside: shown('These buttons are for someone else.') })
    if (held.w === 'h') return await openFromHome(desk, body, actor, held)
    if (held.x !== undefined && held.x < desk.now())
      return await tell({
        instead: shown('This question is too old to be answered now, so nothing was changed. Please begin anew.'),
      })
    const channel = body.channel?.id ?? body.container?.channel_id ?? ''
    const { u, w, h } = held
    const spot = { u, w, ...(h && { h }) }
    let outcome: Outcome | undefined
    const work = async (): Promise<void> => {
      const user = await desk.who(actor.sender, actor.way)
      outcome = await known.act(desk, {
        user,
        held,
        spot,
        actor,
        channel,
        place: placeOfSpot(held, actor.tenant, channel),
      })
    }
    if (known.again) await work()
    // A second press, here or on another instance, does nothing.
    else await desk.once(`press:${channel}:${body.container?.message_ts}:${id}:${held.c ?? ''}`, work)
    if (outcome) await tell(outcome)
  } catch (thrown) {
    await tell({ beside: wordsFor(desk, thrown) })
  }
}

/** Where Slack gave no address for it (the Home tab), nothing is shown. */
async function show(desk: Desk, { response_url: url }: Click, outcome: Outcome): Promise<void> {
  if (!url) return
  if ('instead' in outcome) await desk.replace(url, outcome.instead.text, outcome.instead.blocks)
  else await desk.respond(url, outcome.beside.text, outcome.beside.blocks)
}
