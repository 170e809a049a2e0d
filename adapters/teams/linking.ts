import type { Link } from '../../src/types.ts'
import { accountsText, counted, sideLine } from './accounts.ts'
import { type Shown, show } from './asking.ts'
import { button, type Choice } from './choices.ts'
import type { Desk } from './desk.ts'
import type { About } from './incoming.ts'

/** A code to be entered under the person's other account, or one that they were shown there. In the personal chat alone. */
export async function link(desk: Desk, about: About, code: string | undefined): Promise<void> {
  const { chat } = desk
  const user = await chat.who(about.sender)
  if (code !== undefined)
    return show(desk, about, sides(await chat.linking.enter(user, code), code, about.sender.workspace))
  show(desk, about, offered(await chat.linking.offer(user)))
}

function offered({ code, expiresAt }: { code: string; expiresAt: number }): Shown {
  const minutes = Math.max(1, Math.round((expiresAt - Date.now()) / 60_000))
  return {
    text:
      `Your code is **${code}**. Within ${counted(minutes, 'minute')} write \`link ${code}\` to me under your other account, for example ` +
      'in Slack, or enter it on the web under *Your account*. Nothing is joined before you say yes on both sides. ' +
      'Give the code to nobody else.',
    actions: [button('I have entered it', { choose: 'look', code }), button('No, stop', { choose: 'part', code })],
  }
}

/** Both sides of a link as the person sees them who says yes or no. */
function sides({ own, other }: Link, code: string, here: string): Shown {
  const yes = button('Join both', { choose: 'join', code }, 'positive')
  const no = button('No, stop', { choose: 'part', code })
  return {
    text: own.agreed
      ? 'You said yes here. Now say yes on the other side, too: then both become one.'
      : 'Shall these two become one? Your conversations of both sides will stand on one list. Say yes only if both are you.',
    body: [sideLine('Here', own, here), ...(other ? [sideLine('There', other, here)] : [])],
    actions: own.agreed ? [button('See how it stands', { choose: 'look', code }), no] : [yes, no],
  }
}

/** A button of a link was pressed. */
export async function decide(
  desk: Desk,
  about: About,
  { choose, code }: Extract<Choice, { code: string }>,
  card?: string,
): Promise<void> {
  const { linking } = desk.chat
  const here = about.sender.workspace
  const user = await desk.chat.who(about.sender)
  const stands = await linking.link(user, code)
  if (!stands) {
    const accounts = accountsText(user.identities, here)
    const text = `This code is over: both said yes already, someone said no, or its time is up. Your accounts are: ${accounts}.`
    return show(desk, about, { text: plain(text) }, card)
  }
  if (choose === 'part') {
    await linking.decline(user, code)
    return show(desk, about, { text: 'Stopped: nothing was joined, and the code is over.' }, card)
  }
  if (!stands.other) {
    const still = offered({ code, expiresAt: stands.expiresAt })
    return show(desk, about, { ...still, text: `Nobody has entered this code yet. ${still.text}` }, card)
  }
  if (choose === 'look') return show(desk, about, sides(stands, code, here), card)
  const { link: now, joined } = await linking.agree(user, code)
  if (!joined) return show(desk, about, sides(now, code, here), card)
  const accounts = accountsText(joined.identities, here)
  show(desk, about, { text: plain(`Done: these accounts are one now: ${accounts}.`) }, card)
}

/** Names of accounts are chosen by people: no mark-up in them. */
const plain = (text: string): string => text.replace(/[\\`*_[\]<>~#|]/g, ' ')
