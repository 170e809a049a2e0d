import { notice } from '../../src/errors.ts'
import { tellWho } from './accounts.ts'
import type { Activity } from './activity.ts'
import { politely, show } from './asking.ts'
import type { Attendance } from './attendance.ts'
import { buttonCard } from './cards.ts'
import { asksForTheRest, choose, offer } from './continuing.ts'
import type { Desk } from './desk.ts'
import { askToForget, forget } from './forgetting.ts'
import { type About, type Press, type Understood, understand } from './incoming.ts'
import { decide, link } from './linking.ts'
import type { Replies } from './replies.ts'
import { helpText, personalWords, prompts, welcomeText } from './words.ts'

type Of<Type extends Understood['type']> = Extract<Understood, { type: Type }>

/**
 * Everything that is acknowledged before it is worked on. Resolves when it is safe to acknowledge; rejects for Teams to
 * bring it again.
 */
export async function take(
  { desk, replies, attendance }: { desk: Desk; replies: Replies; attendance: Attendance },
  activity: Activity,
): Promise<void> {
  const understood = understand(activity, { now: desk.clock.now() })
  if (understood.type === 'skip') {
    desk.log.debug({ type: activity.type, reason: understood.reason }, 'not for us')
    return
  }
  if (understood.type === 'members') return attendance.told(understood.members, understood.about)
  desk.people.met(understood.about.address)
  switch (understood.type) {
    case 'question':
      return ask(desk, attendance, understood)
    case 'word':
      if (understood.word === 'continue' && (await asksForTheRest(desk, understood.incoming)))
        return ask(desk, attendance, understood)
      return desk.once(understood.about.id, () =>
        politely(desk, understood.about.address, () => obey(desk, understood)),
      )
    case 'change':
      return change(desk, understood, activity)
    case 'press':
      if (understood.press.chat === 'show')
        return replies.show(activity.replyToId ?? undefined, understood.press.turn, understood.about)
      return press(desk, understood.press, understood.about)
    case 'choice':
      return desk.once(understood.about.id, () =>
        politely(desk, understood.about.address, () => chosen(desk, understood)),
      )
    case 'added':
      return welcome(desk, understood.about)
  }
}

async function ask(
  desk: Desk,
  attendance: Attendance,
  { incoming, about }: Pick<Of<'question'>, 'incoming' | 'about'>,
): Promise<void> {
  const { status } = await desk.chat.accept(incoming)
  if (status === 'accepted') attendance.wrote(about)
  if (status === 'full') desk.tell(about.address, { text: notice('inbox_full').text })
}

async function obey(desk: Desk, { word, code, about }: Of<'word'>): Promise<void> {
  const { chat } = desk
  const { place, address } = about
  const tell = (text: string): void => desk.tell(address, { text })
  if (personalWords.has(word) && !place.direct)
    return tell(
      code
        ? 'Others can read this code here, so I do not take it. Write “link” to me in our personal chat to get another one.'
        : `That is between us: write “${word}” to me in our personal chat.`,
    )
  switch (word) {
    case 'stop':
      if (!(await chat.stopHere(place))) tell('There is nothing to stop here.')
      return
    case 'new':
      await chat.begin(place)
      return tell('Done: your next message here begins a new conversation.')
    case 'mute':
      if (place.direct) return tell('This is only between us, so I answer whatever you write here.')
      await chat.mute(place)
      return tell('I keep quiet here now, until someone mentions me.')
    case 'continue':
      return offer(desk, about)
    case 'link':
      return link(desk, about, code)
    case 'me':
      return tellWho(desk, about)
    case 'forget me':
      return askToForget(desk, about)
    case 'continue on the web':
      return tell(await whereToContinue(desk, place))
    case 'help':
      return tell(helpText(address.scope, { web: desk.config.publicUrl !== undefined }))
  }
}

async function whereToContinue(desk: Desk, place: About['place']): Promise<string> {
  const { publicUrl } = desk.config
  if (!publicUrl) return 'The web page has no address here, so there is nowhere to continue.'
  const conversation = await desk.chat.current(place)
  const link = conversation && desk.webLink(conversation)
  return link
    ? `[Continue this conversation on the web](${link})`
    : `You have not asked anything here yet. All of your conversations are on [the web page](${publicUrl}/).`
}

async function change(desk: Desk, { text, about }: Of<'change'>, activity: Activity): Promise<void> {
  const { id, place, address } = about
  // The same message may be changed often; each change is delivered more than once.
  const key = `change:${id}:${activity.type}:${activity.channelData?.eventType ?? ''}:${activity.timestamp ?? ''}`
  await desk.once(key, async () => {
    const { when, conversation, turn } = await desk.chat.amend(place, id, text)
    // A message that was brought back reads as it did when it was answered.
    if (text === null || activity.channelData?.eventType === 'undeleteMessage') return
    if (!conversation || !turn || (when !== 'running' && when !== 'answered')) return
    const card = buttonCard({ conversation, turn }, { again: true })
    desk.tell(address, {
      text: 'You changed your question after I began to answer it.',
      attachments: card ? [card] : [],
    })
  })
}

async function press(desk: Desk, { chat: what, conversation, turn }: Press, about: About): Promise<void> {
  const { place, sender, address, sentAt } = about
  if (what === 'stop') return desk.once(about.id, async () => void (await desk.chat.stopHere(place)))
  const user = await desk.chat.who(sender)
  const { status } = await desk.chat.accept({
    // However often it is pressed: the same question is asked anew once.
    ids: [`again:${turn}`],
    sender,
    place,
    text: '',
    sentAt,
    address: { ...address },
    conversation,
    user: user.id,
    replaces: turn,
  })
  if (status === 'full') desk.tell(address, { text: notice('inbox_full').text })
  if (status === 'denied') desk.tell(address, { text: notice('not_found').text })
}

/** A button of one of our questions. They are asked in the personal chat alone, so elsewhere nobody has any. */
async function chosen(desk: Desk, { choice, card, about }: Of<'choice'>): Promise<void> {
  if (!about.place.direct) return show(desk, about, { text: notice('not_found').text })
  switch (choice.choose) {
    case 'continue':
    case 'bring':
    case 'bring anyway':
      return choose(desk, about, choice, card)
    case 'look':
    case 'join':
    case 'part':
      return decide(desk, about, choice, card)
    case 'forget':
      return forget(desk, about, choice.key, card)
    case 'cancel':
      return show(desk, about, { text: 'All right: nothing was changed.' }, card)
  }
}

/** Teams tells of an installation in two ways, both now and then: whichever comes first is answered. */
async function welcome(desk: Desk, { place, address }: About): Promise<void> {
  await desk.once(`welcome:${place.workspace}:${place.channel}`, async () => {
    const { scope } = address
    // A hello in a channel is a post of its own.
    const conversation = scope === 'channel' ? place.channel : address.conversation
    desk.tell(
      { ...address, conversation },
      { text: welcomeText(scope), ...(scope === 'personal' && { suggestions: prompts }) },
    )
  })
}
