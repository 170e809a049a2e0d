import { Fault } from '../../src/errors.ts'
import { identityOf } from '../../src/ids.ts'
import type { Conversation, Incoming, JsonObject, Sender, StopReason } from '../../src/types.ts'
import { counted, surfaceNames } from './accounts.ts'
import { askedMs, overWords, type Shown, show } from './asking.ts'
import { button, type Choice, line } from './choices.ts'
import type { Desk } from './desk.ts'
import type { About } from './incoming.ts'

/*
 * “continue” in the personal chat lists conversations to choose from. Everyone in a group or a channel sees every card there,
 * and titles are private: so there it is only written down where the person wants to go on, and they choose in the personal
 * chat what to bring.
 */

/** So many conversations are offered. */
const recent = 10
/** Of someone's titles on a card. */
const titleChars = 80
/** A second press of one button, before its card is gone. */
const twiceMs = 10_000
/** How long what was decided on a message holds: Teams brings one again for some minutes at most. */
const decidedMs = 30 * 60_000

/** Where somebody wants to go on with a conversation of theirs. */
type Wish = Pick<About, 'place' | 'address'>

const cut: ReadonlySet<StopReason> = new Set<StopReason>(['length', 'context', 'broken', 'stopped'])

/**
 * Whether “continue” asks for the rest of an answer: one that was cut short, or is still being written. However often the
 * message is delivered, it means the same.
 */
export async function asksForTheRest({ chat, cache }: Desk, { ids: [id], place, sender }: Incoming): Promise<boolean> {
  const key = `teams:continue:${id}`
  const decided = await cache.get(key)
  if (decided !== null) return decided === 'rest'
  const means = (await isUnfinished()) ? 'rest' : 'list'
  if (await cache.swap(key, null, means, decidedMs)) return means === 'rest'
  return (await cache.get(key)) === 'rest'

  async function isUnfinished(): Promise<boolean> {
    const current = await chat.current(place)
    if (!current) return false
    try {
      const user = await chat.who(sender)
      const { messages, pending } = await chat.conversations.open(user.id, current, { limit: 1 })
      return pending.length > 0 || cut.has(messages.at(-1)?.answer?.stop ?? 'end')
    } catch (thrown) {
      // Not theirs, or they may not speak at all: what they are told then says so.
      if (thrown instanceof Fault && (thrown.code === 'not_found' || thrown.code.startsWith('refused'))) return false
      throw thrown
    }
  }
}

/** Somebody wants to go on with a conversation here. */
export async function offer(desk: Desk, about: About): Promise<void> {
  const { chat } = desk
  const user = await chat.who(about.sender)
  if (!about.place.direct) {
    const { place, address } = about
    await desk.cache.set(wishKey(about.sender), JSON.stringify({ place, address } satisfies Wish), askedMs)
    return show(desk, about, { text: wishWords })
  }
  const current = await chat.current(about.place)
  const { items } = await chat.conversations.list(user.id, { limit: recent + 1 })
  const wish = await wishOf(desk, about.sender)
  // Into another place the one that goes on here can be brought as well.
  const others = items.filter(({ id }) => wish || id !== current).slice(0, recent)
  const rows = others.map((one) => row(one, { now: desk.clock.now(), ...(one.id === current && { here: true }), wish }))
  const { publicUrl } = desk.config
  show(desk, about, {
    text: listWords(rows.length, wish),
    ...(rows.length > 0 && { body: rows }),
    ...(publicUrl && { actions: [{ type: 'Action.OpenUrl', title: 'All of them on the web', url: `${publicUrl}/` }] }),
  })
}

const wishWords =
  'What your conversations are called is private, so I do not list them here. Write “continue” to me in our personal chat: ' +
  'for the next 15 minutes you can choose there which one I bring here. Everyone here will be able to read it.'

function listWords(count: number, wish: Wish | null): string {
  if (count === 0) return 'There is no other conversation of yours yet that could go on here.'
  const which = 'Which conversation shall go on? For more of my last answer write “go on”.'
  return wish ? `${which}\n\n“Bring it there” goes on with it in ${spot(wish)}, where you asked for that.` : which
}

function spot({ address: { scope } }: Wish): string {
  return scope === 'channel' ? 'the channel’s thread' : 'the group chat'
}

/** A conversation with its buttons. */
function row(
  conversation: Conversation,
  { now, here = false, wish }: { now: number; here?: boolean; wish: Wish | null },
): JsonObject {
  const { id } = conversation
  const actions = [
    ...(here ? [] : [button('Continue here', { choose: 'continue', conversation: id })]),
    ...(wish ? [button('Bring it there', { choose: 'bring', conversation: id })] : []),
  ]
  return {
    type: 'ColumnSet',
    separator: true,
    columns: [
      { type: 'Column', width: 'stretch', items: described(conversation, now) },
      {
        type: 'Column',
        width: 'auto',
        verticalContentAlignment: 'Center',
        items: [{ type: 'ActionSet', actions }],
      },
    ],
  }
}

/** What a conversation is called, where it is from, and when it was gone on with. */
function described(conversation: Conversation, now: number): JsonObject[] {
  const { surface, direct, count, updatedAt } = conversation
  const from = direct ? `from ${surfaceNames[surface]}` : `with others on ${surfaceNames[surface]}`
  const facts = [from, counted(count, 'message'), ago(now - updatedAt)].join(' · ')
  return [line({ strong: titleOf(conversation) }), line({ text: facts, subtle: true })]
}

function titleOf({ title }: Pick<Conversation, 'title'>): string {
  const short = title.length > titleChars ? `${title.slice(0, titleChars - 1)}…` : title
  return short.toWellFormed().trim() || 'Untitled'
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['month', 30 * 24 * 3_600_000],
  ['week', 7 * 24 * 3_600_000],
  ['day', 24 * 3_600_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
]
const inWords = new Intl.RelativeTimeFormat('en')

function ago(ms: number): string {
  const [unit, size] = steps.find(([, each]) => ms >= each) ?? []
  return unit && size ? inWords.format(-Math.floor(ms / size), unit) : 'just now'
}

/** A conversation was chosen, in the personal chat. */
export async function choose(
  desk: Desk,
  about: About,
  { choose: what, conversation: id }: Extract<Choice, { conversation: string }>,
  card?: string,
): Promise<void> {
  const user = await desk.chat.who(about.sender)
  const { conversation } = await desk.chat.conversations.open(user.id, id, { limit: 1 })
  if (what !== 'continue')
    return bring(desk, about, { user: user.id, conversation, sure: what === 'bring anyway' }, card)
  // A copy is made once, however often the button is pressed.
  const twice = `teams:continuing:${user.id}:${id}`
  if (!(await desk.cache.swap(twice, null, 'now', twiceMs))) return
  try {
    const { status } = await desk.chat.continue(user.id, id, about.place)
    const done =
      status === 'copied'
        ? 'Done: others can read that conversation, so I made a copy for you alone, and this chat goes on with it. What comes now stays between us.'
        : 'Done: this chat goes on with it. Just write.'
    show(desk, about, { text: done, body: described(conversation, desk.clock.now()) }, card)
  } catch (thrown) {
    await desk.cache.swap(twice, 'now', null, 0)
    throw thrown
  }
}

/** Into the group or the channel where the person asked for it. */
async function bring(
  desk: Desk,
  about: About,
  { user, conversation, sure }: { user: string; conversation: Conversation; sure: boolean },
  card?: string,
): Promise<void> {
  const key = wishKey(about.sender)
  const kept = await desk.cache.get(key)
  const wish = kept === null ? null : (JSON.parse(kept) as Wish)
  const again = 'Write “continue” in the group or channel again to bring a conversation there.'
  // Of two presses at once one brings it: it takes the wish along.
  if (kept === null || !wish || (sure && !(await desk.cache.swap(key, kept, null, 0))))
    return show(desk, about, { text: `${overWords} ${again}` }, card)
  try {
    const done = await desk.chat.continue(user, conversation.id, wish.place, sure)
    if (done.status === 'confirm') return show(desk, about, confirmation(conversation, wish, desk.clock.now()), card)
    await desk.cache.swap(key, kept, null, 0)
    const what = done.status === 'copied' ? 'a copy of it goes on' : 'it goes on'
    const text = `Done: ${what} in ${spot(wish)}. Mention me there to write on.`
    show(desk, about, { text, body: described(conversation, desk.clock.now()) }, card)
    show(desk, wish, {
      text: 'A conversation was brought here. Mention me to go on with it: I know what was said in it.',
    })
  } catch (thrown) {
    if (sure) await desk.cache.set(key, kept, askedMs)
    throw thrown
  }
}

function confirmation(conversation: Conversation, wish: Wish, now: number): Shown {
  const { id, count } = conversation
  const all = count === 1 ? 'its 1 message' : `all its ${counted(count, 'message')}`
  const who = wish.address.scope === 'channel' ? 'Everyone in the team of that channel' : 'Everyone in that group chat'
  return {
    text: `${who} will be able to read ${all}, through me. Bring this conversation there?`,
    body: described(conversation, now),
    actions: [
      button('Bring it there', { choose: 'bring anyway', conversation: id }),
      button('Cancel', { choose: 'cancel' }),
    ],
  }
}

async function wishOf({ cache }: Desk, sender: Sender): Promise<Wish | null> {
  const kept = await cache.get(wishKey(sender))
  return kept === null ? null : (JSON.parse(kept) as Wish)
}

function wishKey(sender: Sender): string {
  return `teams:wish:${identityOf(sender)}`
}
