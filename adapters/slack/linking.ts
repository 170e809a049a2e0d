import { Fault } from '../../src/errors.ts'
import type { Link, User } from '../../src/types.ts'
import { ids } from './blocks.ts'
import type { Desk } from './desk.ts'
import { heldValue, type Spot } from './held.ts'
import type { Act, Outcome, Press } from './presses.ts'
import { escapeText } from './readable.ts'
import { accountsText, actions, button, type Shown, shown, sideText, whenText } from './shown.ts'

/** Codes are for one person alone: where others read along there is only this. */
export const linkHint =
  'Others read along here. Write `link` to me in a direct message, or use `/ask link`. If you wrote a code here, get a new one.'

/** A code for the other side. */
export async function offerCode(desk: Desk, user: User, spot: Spot): Promise<Shown> {
  const { code, expiresAt } = await desk.chat.linking.offer(user)
  const { publicUrl } = desk.links
  const web = publicUrl ? `on <${publicUrl}/account|your account page> of the web` : 'on your account page of the web'
  const text = [
    `Your code is *${code}*. It can be used once, until ${whenText(expiresAt, '{time}')}.`,
    `On the other side, enter it: write \`link ${code}\` to me there in a direct message, or use it ${web}. Then come back here. Give the code to nobody else.`,
  ].join('\n')
  const value = heldValue(spot, { c: code })
  return shown(text, actions(button(ids.linkCheck, 'I have entered it', value), button(ids.linkStop, 'Cancel', value)))
}

/** The code was brought here from the other side. */
export async function enterCode(desk: Desk, user: User, code: string, spot: Spot, here: string): Promise<Shown> {
  return whetherToJoin(await desk.chat.linking.enter(user, code), code, spot, here)
}

function whetherToJoin({ own, other }: Link, code: string, spot: Spot, here: string): Shown {
  const text = [
    'These two become one, with all of their conversations:',
    `• this side: ${sideText(own, here)}`,
    `• the other side: ${other ? sideText(other, here) : ''}`,
    'Join them only if both are you. Both sides have to say yes.',
  ].join('\n')
  const value = heldValue(spot, { c: code, ...(other && { o: other.user }) })
  return shown(
    text,
    actions(button(ids.linkJoin, 'Join both', value, { style: 'primary' }), button(ids.linkStop, 'No, stop', value)),
  )
}

/** “I have entered it”: who has, or how it went on. */
export const checkLink: Act = async (desk, press) => {
  const { user, held, spot, actor } = press
  const code = held.c ?? ''
  const link = await desk.chat.linking.link(user, code)
  if (!link) return isJoined(user, held.o) ? joined(press) : over()
  if (!link.other)
    return { beside: shown('Nobody has entered the code yet. Enter it on the other side, then press again.') }
  if (link.own.agreed) return { beside: shown('The other side has not said yes yet. Do it there, then press again.') }
  return { instead: whetherToJoin(link, code, spot, actor.tenant) }
}

export const joinBoth: Act = async (desk, press) => {
  const { user, held, spot } = press
  const code = held.c ?? ''
  try {
    const { link, joined: both } = await desk.chat.linking.agree(user, code)
    if (both) return joined({ ...press, user: both })
    const value = heldValue(spot, { c: code, ...(link.other && { o: link.other.user }) })
    return {
      instead: shown(
        'You said yes. Now say yes on the other side, too.',
        actions(button(ids.linkCheck, 'I have said yes there', value), button(ids.linkStop, 'No, stop', value)),
      ),
    }
  } catch (thrown) {
    // The other side may have been the last to say yes, or to say no.
    if (!(thrown instanceof Fault) || thrown.code !== 'link_code') throw thrown
    return isJoined(user, held.o) ? joined(press) : over()
  }
}

export const stopLink: Act = async (desk, press) => {
  const { user, held } = press
  // Both may have said yes meanwhile.
  if (isJoined(user, held.o)) return joined(press)
  await desk.chat.linking.decline(user, held.c ?? '')
  return { instead: shown('Stopped: nothing was joined, and the code is over.') }
}

function isJoined({ id, formerly = [] }: User, other: string | undefined): boolean {
  return other !== undefined && (id === other || formerly.includes(other))
}

function joined({ user: { name, identities }, actor }: Pick<Press, 'user' | 'actor'>): Outcome {
  const accounts = accountsText(identities, actor.tenant)
  const text = `Done: *${escapeText(name)}* is one person here now (${accounts}), with the conversations of both sides.`
  return { instead: shown(text) }
}

function over(): Outcome {
  return {
    instead: shown(
      'This code has run out, was used or was stopped, so nothing was joined. Write `link` for a new one.',
    ),
  }
}
