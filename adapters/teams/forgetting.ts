import { asFault, Fault, messageOf, notice } from '../../src/errors.ts'
import { chance, identityOf } from '../../src/ids.ts'
import { askedMs, overWords, show } from './asking.ts'
import { forgetAccount } from './attendance.ts'
import { button } from './choices.ts'
import type { Desk } from './desk.ts'
import type { About } from './incoming.ts'

const again = 'Write “forget me” to be asked again.'

/** Before anything is deleted: what that means. In the personal chat alone. */
export async function askToForget(desk: Desk, about: About): Promise<void> {
  const user = await desk.chat.who(about.sender)
  if (user.hold) throw new Fault('on_hold')
  const key = chance(12)
  await desk.cache.set(cacheKey(key), identityOf(about.sender), askedMs)
  const { publicUrl } = desk.config
  const download = publicUrl && { type: 'Action.OpenUrl', title: 'Download it first', url: `${publicUrl}/account` }
  show(desk, about, {
    text:
      'This deletes everything I keep about you, wherever you write to me: your conversations, what you said in those with ' +
      'others, your feedback, your settings and your connected accounts. It cannot be undone. The messages that stand in ' +
      'Teams stay there.',
    actions: [
      button('Delete everything about me', { choose: 'forget', key }, 'destructive'),
      button('Cancel', { choose: 'cancel' }),
      ...(download ? [download] : []),
    ],
  })
}

/** They are sure. The key is good once, and for whom it was made. */
export async function forget(desk: Desk, about: About, key: string, card?: string): Promise<void> {
  const identity = identityOf(about.sender)
  if (!(await desk.cache.swap(cacheKey(key), identity, null, 0)))
    return show(desk, about, { text: `${overWords} Nothing is deleted by this. ${again}` }, card)
  const erased = erase(desk, about, card)
  // Years of conversations take longer than Teams waits. What was begun is finished, also after a crash.
  const late = desk.clock.sleep(desk.limits.invokeMs).then(() => 'late' as const)
  if ((await Promise.race([erased, late])) !== 'late') return
  desk.background('a deletion', () => erased)
}

async function erase(desk: Desk, about: About, card?: string): Promise<void> {
  try {
    await desk.chat.forget(await desk.chat.who(about.sender))
    await forgetAccount(desk, about)
  } catch (thrown) {
    desk.log.warn({ reason: messageOf(thrown), code: asFault(thrown).code }, 'what is kept of a person was not deleted')
    const { text } = thrown instanceof Fault ? thrown.notice : notice('internal')
    return show(desk, about, { text: `${text} ${again}` }, card)
  }
  const done = 'Done: everything I kept about you is deleted. If you write to me again, we begin anew.'
  show(desk, about, { text: done }, card)
}

function cacheKey(key: string): string {
  return `teams:forget:${key}`
}
