import { type CardButton, viewCard } from './cards.ts'
import { aiLabelled } from './connector/entityRules.ts'
import { isObject, objectsIn, textOf } from './json.ts'
import { type Message, type State, type StreamState, splitId, streamState } from './state.ts'

/** One message as a person sees it. */
export interface ScreenMessage {
  id: string
  /** The thread it stands in, in a channel. */
  root?: string
  from: string
  /** The bot wrote it. */
  bot: boolean
  /** As it was written, in Markdown. Of an informative update: what goes on. */
  text: string
  /** `expired`: a stream that was not ended within its two minutes. Whole messages are `final`. */
  state: StreamState
  /** "AI generated" stands above it. */
  aiLabel: boolean
  /** It has thumbs to rate it. */
  feedback: boolean
  rated?: 'like' | 'dislike'
  /** What can be read on its cards. */
  cards: string[]
  buttons: CardButton[]
  suggested: string[]
  citations: { position: number; name: string }[]
  /** Whose names light up. */
  mentions: string[]
  edited: boolean
  reactions: string[]
  /** Markdown that Teams shows raw: what a person should not have to see. */
  raw: ('table' | 'heading' | 'image')[]
}

/** A chat, or one thread of a channel, as a person sees it now. */
export interface Screen {
  messages: ScreenMessage[]
  /** The bot's own, in order. */
  answers: ScreenMessage[]
  /** A bubble that still waits for more, with a Stop button. */
  streaming: boolean
  /** Plain typing dots. */
  typing: boolean
}

/** `id` may name a thread: `19:…@thread.tacv2;messageid=17…`. */
export function screenOf(state: State, id: string, botId: string): Screen {
  const { root } = splitId(id)
  const chat = state.chat(id)
  const now = state.clock.now()
  const newest = chat.messages.findLast((each) => !each.deleted)
  const messages = chat.messages
    .filter((message) => !message.deleted && (root === undefined || message.root === root))
    .map((message) => see(state, message, botId, message === newest))
  return {
    messages,
    answers: messages.filter((message) => message.bot),
    streaming: messages.some((message) => message.state === 'informative' || message.state === 'streaming'),
    typing: chat.typingUntil > now && (root === undefined || chat.typingIn === root),
  }
}

function see(state: State, message: Message, botId: string, newest: boolean): ScreenMessage {
  const { activity } = message
  const person = state.people.get(message.from)
  const shown = message.stream ? streamState(message.stream, state.clock.now()) : 'final'
  const whole = shown === 'final'
  // A stream that ended otherwise keeps what was streamed; its line about what goes on is gone.
  const text = whole || shown === 'informative' ? textOf(activity.text) : message.stream!.text
  const views = whole
    ? objectsIn(activity.attachments)
        .filter((each) => each.contentType === 'application/vnd.microsoft.card.adaptive' && isObject(each.content))
        .map((each) => viewCard(isObject(each.content) ? each.content : {}))
    : []
  const data = isObject(activity.channelData) ? activity.channelData : {}
  const suggested = isObject(activity.suggestedActions) ? objectsIn(activity.suggestedActions.actions) : []
  return {
    id: message.id,
    ...(message.root !== undefined && { root: message.root }),
    from: person?.name ?? (message.from === botId ? 'bot' : message.from),
    bot: message.from === botId,
    text,
    state: shown,
    aiLabel: whole && aiLabelled(activity),
    feedback: whole && message.from === botId && (data.feedbackLoop !== undefined || data.feedbackLoopEnabled === true),
    ...(message.rated && { rated: message.rated }),
    cards: views.map((each) => each.text),
    buttons: views.flatMap((each) => each.buttons),
    // They stand under the newest message only.
    suggested: newest ? suggested.map((each) => textOf(each.title)) : [],
    citations: citationsOf(message),
    mentions: objectsIn(activity.entities).flatMap((entity) =>
      entity.type === 'mention' && isObject(entity.mentioned) ? [textOf(entity.mentioned.name)] : [],
    ),
    edited: message.edited,
    reactions: message.reactions,
    raw: message.from === botId && activity.textFormat !== 'extendedmarkdown' ? rawMarkdown(text) : [],
  }
}

function citationsOf(message: Message): ScreenMessage['citations'] {
  return objectsIn(message.activity.entities).flatMap((entity) =>
    objectsIn(entity.citation).map((each) => ({
      position: Number(each.position),
      name: isObject(each.appearance) ? textOf(each.appearance.name) : '',
    })),
  )
}

/** Teams' Markdown has no tables, headings and image links; in a code block they are meant to be read as they are. */
function rawMarkdown(text: string): ScreenMessage['raw'] {
  const prose = text.replace(/^(```|~~~)[\s\S]*?(^\1|$(?![\s\S]))/gm, '').replace(/`[^`\n]*`/g, '')
  return [
    ...(/^\s*\|?[ :-]*-{3,}[ :-]*\|/m.test(prose) ? (['table'] as const) : []),
    ...(/^ {0,3}#{1,6} /m.test(prose) ? (['heading'] as const) : []),
    ...(/!\[[^\]]*\]\([^)]*\)/.test(prose) ? (['image'] as const) : []),
  ]
}
