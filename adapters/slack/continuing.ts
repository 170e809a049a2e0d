import { asFault, Fault } from '../../src/errors.ts'
import type { Continued, Conversation, Place, User } from '../../src/types.ts'
import { type Block, ids, plain, section, webLink } from './blocks.ts'
import type { Desk } from './desk.ts'
import { askedMs, heldValue, type Spot } from './held.ts'
import type { Act } from './presses.ts'
import { actions, button, context, counted, listed, type Shown, shown, titleOf } from './shown.ts'

/** So many conversations are offered. */
export const recent = 10

/** The person's last conversations from every surface, each with a button to go on with it in this place. */
export async function offerConversations(desk: Desk, user: User, place: Place, spot: Spot): Promise<Shown> {
  const { chat, links } = desk
  const current = await chat.current(place)
  const { items } = await chat.conversations.list(user.id, { limit: recent + 1 })
  const others = items.filter(({ id }) => id !== current).slice(0, recent)
  const web = current ? webLink(links, current) : links.publicUrl && `${links.publicUrl}/`
  const onTheWeb: Block[] = web
    ? [actions({ type: 'button', action_id: ids.web, text: plain('Continue on the web'), url: web })]
    : []
  // Who wants more of an answer writes the same word.
  const goOn = spot.w === 'a' ? 'use `/ask go on`' : 'write “go on”'
  const more = current ? [context(`To have more of my last answer here, ${goOn}.`)] : []
  if (others.length === 0)
    return shown(
      `There is no other conversation of yours yet to go on with ${whereText(place, spot)}.`,
      ...more,
      ...onTheWeb,
    )
  const text = `Which conversation shall go on ${whereText(place, spot)}?`
  return shown(text, ...others.map((one) => row(desk, one, spot)), ...more, ...onTheWeb)
}

/** A conversation with its button, in a message or on the Home tab. */
export function row(desk: Desk, conversation: Conversation, spot: Spot): Block {
  const value = heldValue(spot, { c: conversation.id })
  const accessory = button(ids.continueHere, 'Continue here', value, { about: conversation.title })
  return { ...section(listed(desk.links, conversation)), accessory }
}

function whereText({ channel, direct }: Place, { w }: Spot): string {
  if (w === 'a') return channel.startsWith('D') ? 'with `/ask` here' : `with \`/ask\` in <#${channel}>`
  return direct ? 'in this thread' : `in this thread of <#${channel}>`
}

/** Someone chose a conversation. */
export const continueHere: Act = async (desk, { user, place, spot, held }) => {
  if (!place || !held.c) throw new Fault('not_found')
  const { conversation } = await desk.chat.conversations.open(user.id, held.c, { limit: 1 })
  const done = await desk.chat.continue(user.id, held.c, place)
  if (done.status !== 'confirm') return { instead: shown(outcomeText(done, conversation, place, spot)) }
  const { messages } = done
  const all = messages === 1 ? 'its 1 message' : `all ${counted(messages, 'message')}`
  const question = `Everyone in <#${place.channel}> will be able to read ${all} of “${titleOf(done)}”. Continue here?`
  const value = heldValue(spot, { c: held.c, x: desk.now() + askedMs })
  return {
    instead: shown(
      question,
      actions(
        button(ids.continueShared, 'Continue here', value, { style: 'primary' }),
        button(ids.cancel, 'Cancel', heldValue(spot)),
      ),
    ),
  }
}

/** They know who will read it. */
export const continueShared: Act = async (desk, { user, place, spot, held }) => {
  if (!place || !held.c) throw new Fault('not_found')
  const { conversation } = await desk.chat.conversations.open(user.id, held.c, { limit: 1 })
  const done = await desk.chat.continue(user.id, held.c, place, true)
  return { instead: shown(outcomeText(done, conversation, place, spot)) }
}

/** What became of the wish, and what to do now. */
export function outcomeText({ status }: Continued, conversation: Conversation, place: Place, { w }: Spot): string {
  const title = `“${titleOf(conversation)}”`
  const next = w === 'a' ? 'Your next `/ask` here goes on with it.' : 'Write here to go on with it.'
  if (status === 'continued')
    return `Done: ${title} goes on ${w === 'a' ? 'with `/ask` here' : 'in this thread'}. ${next}`
  if (place.direct)
    return `Done: others read ${title}, so I made a copy of it for you alone; what comes now stays between us. ${next}`
  return `Done: this thread goes on with a copy of ${title}, which everyone in <#${place.channel}> can read. The conversation itself stays as it was. Mention me here to go on.`
}

/**
 * “continue” is also how more is got of an answer that reached its length limit: it says so below it. Such a message is a
 * question like any other.
 */
export async function asksForTheRest(desk: Desk, place: Place, who: () => Promise<User>): Promise<boolean> {
  const current = await desk.chat.current(place)
  if (!current) return false
  try {
    const { messages, pending } = await desk.chat.conversations.open((await who()).id, current, { limit: 1 })
    return pending.length > 0 || messages.at(-1)?.answer?.stop === 'length'
  } catch (thrown) {
    // Not theirs, or they may not speak at all: what is shown to them then says so.
    const { code } = asFault(thrown)
    if (code === 'not_found' || code.startsWith('refused')) return false
    throw thrown
  }
}
