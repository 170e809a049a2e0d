import type { User } from '../../src/types.ts'
import type { Desk } from './desk.ts'
import { type Beginning, begin, orWords } from './dialogues.ts'
import { forgetHint } from './forgetting.ts'
import { spotOf } from './held.ts'
import type { Understood } from './incoming.ts'
import { linkHint } from './linking.ts'
import { type Shown, shown } from './shown.ts'
import { helpText, type Word } from './words.ts'

export type Order = Extract<Understood, { type: 'word' }>

/** Do what a word says, once. */
export async function obey(desk: Desk, order: Order): Promise<void> {
  await desk.once(order.id, async () => {
    const { word } = order
    if (word === 'stop' || word === 'new' || word === 'mute') return steer(desk, order, word)
    if (word !== 'help') return tell(desk, order, () => converse(desk, order, word))
    if (order.addressed) tell(desk, order, async () => shown(helpText({ command: true })))
  })
}

/** The person behind an order; throws a `Fault` for those who may not. */
export function whoOrders(desk: Desk, { sender, address }: Order): Promise<User> {
  const { install, external = false, userTeam: team } = address
  return desk.who(sender, { install, external, team })
}

/** What is said to an order, when there is time for it: a person may have to be looked up first. */
function tell(desk: Desk, { address }: Order, what: () => Promise<Shown>): void {
  desk.background('a short answer', async () => {
    const { text, blocks } = await orWords(desk, what)
    await desk.tell(address, text, blocks)
  })
}

async function steer(desk: Desk, order: Order, word: Extract<Word, 'stop' | 'new' | 'mute'>): Promise<void> {
  const { chat } = desk
  const { place, addressed } = order
  const say = (text: string): void => tell(desk, order, async () => shown(text))
  if (word === 'stop') {
    if (!(await chat.stopHere(place)) && addressed) say('There is nothing to stop here.')
    return
  }
  if (word === 'mute' && place.direct) return say('This is only between us, so I answer whatever you write here.')
  // Said between others in a thread, it is for us only if we talk there.
  if (!addressed && (await chat.current(place)) === null) return
  if (word === 'new') {
    await chat.begin(place)
    return say('Done: your next message here begins a new conversation.')
  }
  await chat.mute(place)
  say('I keep quiet in this thread now, until someone mentions me.')
}

/** The words that begin a dialogue. Only what is nobody else's business is not begun between others. */
async function converse(desk: Desk, order: Order, word: Beginning['word']): Promise<Shown> {
  const { place, address, sender } = order
  if (word !== 'continue' && !place.direct) return shown(word === 'link' ? linkHint : forgetHint)
  const user = await whoOrders(desk, order)
  const { code } = order
  return begin(desk, user, { word, ...(code && { code }), place, spot: spotOf(address), here: sender.workspace })
}
