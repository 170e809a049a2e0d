import { notice } from '../../src/errors.ts'
import type { Activity } from './activity.ts'
import { buttonCard } from './cards.ts'
import type { Desk } from './desk.ts'
import { type About, type Press, type Understood, understand } from './incoming.ts'
import type { Replies } from './replies.ts'
import { helpText, prompts, type Word, welcomeText } from './words.ts'

type Of<Type extends Understood['type']> = Extract<Understood, { type: Type }>

/**
 * Everything that is acknowledged before it is worked on. Resolves when it is safe to acknowledge; rejects for Teams to
 * bring it again.
 */
export async function take(desk: Desk, replies: Replies, activity: Activity): Promise<void> {
  const understood = understand(activity, { now: desk.clock.now() })
  if (understood.type === 'skip') {
    desk.log.debug({ type: activity.type, reason: understood.reason }, 'not for us')
    return
  }
  desk.people.met(understood.about.address)
  switch (understood.type) {
    case 'question':
      return ask(desk, understood)
    case 'word':
      return desk.once(understood.about.id, () => obey(desk, understood.word, understood.about))
    case 'change':
      return change(desk, understood, activity)
    case 'press':
      if (understood.press.chat === 'show')
        return replies.show(activity.replyToId ?? undefined, understood.press.turn, understood.about)
      return press(desk, understood.press, understood.about)
    case 'added':
      return welcome(desk, understood.about)
  }
}

async function ask(desk: Desk, { incoming, about }: Of<'question'>): Promise<void> {
  const { status } = await desk.chat.accept(incoming)
  if (status === 'full') desk.tell(about.address, { text: notice('inbox_full').text })
}

async function obey(desk: Desk, word: Word, { place, address }: About): Promise<void> {
  const { chat } = desk
  const tell = (text: string): void => desk.tell(address, { text })
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
