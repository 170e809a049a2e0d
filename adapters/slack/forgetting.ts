import { notice } from '../../src/errors.ts'
import type { User } from '../../src/types.ts'
import { ids } from './blocks.ts'
import type { Desk } from './desk.ts'
import { askedMs, heldValue, type Spot } from './held.ts'
import type { Act } from './presses.ts'
import { accountsText, actions, button, type Shown, shown } from './shown.ts'

/** Between others nobody is asked about it. */
export const forgetHint =
  'Others read along here. Write `forget me` to me in a direct message, or use `/ask forget me`.'

/** What will be deleted, and whether to. */
export async function askToForget(desk: Desk, user: User, spot: Spot, here: string): Promise<Shown> {
  if (user.hold) return shown(notice('on_hold').text)
  const { publicUrl } = desk.links
  const first = publicUrl ? ` To take a copy along first, go to <${publicUrl}/account|your account page>.` : ''
  const text = [
    '*Delete everything I keep about you?*',
    `• your conversations with me, from everywhere: ${accountsText(user.identities, here)}`,
    '• what you said in conversations with others, and the answers to it',
    '• your feedback, your sign-ins, and who you are',
    `This cannot be undone. Messages that stand in Slack stay there until they are deleted in Slack.${first}`,
  ].join('\n')
  const value = heldValue(spot, { x: desk.now() + askedMs })
  return shown(
    text,
    actions(
      button(ids.forgetAll, 'Delete everything about me', value, { style: 'danger' }),
      button(ids.cancel, 'Cancel', heldValue(spot)),
    ),
  )
}

export const forgetAll: Act = async (desk, { user }) => {
  await desk.chat.forget(user)
  return {
    instead: shown(
      'Done: everything I kept about you is deleted. Messages in Slack itself stay until they are deleted there. If you write to me again, we begin as strangers.',
    ),
  }
}
