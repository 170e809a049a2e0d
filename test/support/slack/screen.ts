import type { JsonObject } from '../../../src/types.ts'
import { type Names, pingsOf, plainBlocks, plainMrkdwn, sourceOf } from './markup.ts'
import { isObject } from './request.ts'
import { type Block, type Channel, type Message, type State, statusLine, streamState } from './state.ts'

/** A button as a person sees it. */
export interface ScreenButton {
  label: string
  action: string
  block: string
  value: string
  style?: string
  url?: string
}

/** One message as a person sees it. */
export interface ScreenMessage {
  ts: string
  from: string
  /** Written by the app under test. */
  ours: boolean
  /** What can be read, without markup; buttons stand as `[label]`. */
  text: string
  /** What its author wrote: the Markdown of a streamed or Markdown message, else its mrkdwn. Without buttons. */
  source: string
  /** `broken`: a stream that was never ended and died after its five minutes. */
  state: 'final' | 'streaming' | 'broken' | 'stopped'
  buttons: ScreenButton[]
  edited: boolean
  /** Only this person sees it. */
  ephemeral: boolean
  replies: number
  /** Whom it rings for. */
  pings: string[]
  reactions: string[]
  files: string[]
}

/** A channel, or one thread of it, as one person sees it now. */
export interface Screen {
  messages: ScreenMessage[]
  /** The line under the messages; empty when there is none. */
  status: string
  /** The agent session's state, if there is one. */
  session?: string
  /** There is a stop button: the session is processing and the app listens for it. */
  stoppable: boolean
  title?: string
  prompts: { title: string; message: string }[]
}

export function namesIn(state: State): Names {
  return {
    person: (id) => state.people.get(id)?.realName ?? id,
    channel: (id) => state.channels.get(id)?.name ?? id,
  }
}

export function screenOf(
  state: State,
  options: { channel: string; thread?: string; as?: string; ours: (bot: string) => boolean; stopEvent: boolean },
): Screen {
  const channel = state.channels.get(options.channel)
  if (!channel) throw new Error(`there is no channel ${options.channel}`)
  const { thread, as } = options
  const shown = channel.messages.filter((message) => {
    if (message.ephemeral && as && message.ephemeral !== as) return false
    if (thread) return message.ts === thread || message.thread === thread
    return !message.thread || message.subtype === 'thread_broadcast'
  })
  const about = state.thread(channel.id, thread)
  const session = about.session?.status
  const title = about.session?.title ?? about.title
  return {
    messages: shown.map((message) => see(state, channel, message, options)),
    status: statusLine(about, state.clock.now()),
    ...(session && { session }),
    stoppable: session === 'processing' && options.stopEvent,
    ...(title && { title }),
    prompts: about.prompts?.prompts ?? [],
  }
}

function see(
  state: State,
  channel: Channel,
  message: Message,
  options: { as?: string; ours: (bot: string) => boolean },
): ScreenMessage {
  const blocks = visibleBlocks(state, message, options.as)
  const names = namesIn(state)
  const author = state.people.get(message.user ?? '')
  const stream = message.stream && streamState(message.stream, state.clock.now())
  const states = { live: 'streaming', expired: 'broken', stopped: 'final', stopped_by_user: 'stopped' } as const
  return {
    ts: message.ts,
    from: message.username ?? author?.realName ?? message.user ?? '',
    ours: message.bot !== undefined && options.ours(message.bot.id),
    text: blocks ? plainBlocks(blocks, names) : plainMrkdwn(message.text, names),
    source: blocks && message.bot ? sourceOf(blocks) : message.text,
    state: stream ? states[stream] : 'final',
    buttons: blocks ? buttonsOf(blocks) : [],
    edited: message.edited !== undefined,
    ephemeral: message.ephemeral !== undefined,
    replies: channel.messages.filter((other) => other.thread === message.ts).length,
    pings: pingsOf({ text: message.text, ...(blocks && { blocks }) }),
    reactions: message.reactions.map((reaction) => reaction.name),
    files: (message.files ?? []).map((file) => String(file.name ?? file.id)),
  }
}

/** While a message streams in a channel, only its recipient sees it grow; the others have its first piece. */
export function visibleBlocks(state: State, message: Message, as: string | undefined): Block[] | undefined {
  const { stream } = message
  if (!stream || streamState(stream, state.clock.now()) !== 'live') return message.blocks
  const { recipient } = stream
  // A bot as the recipient: nobody sees anything until the end.
  if (recipient && state.people.get(recipient)?.bot) return []
  return !recipient || !as || recipient === as ? (message.blocks ?? []) : stream.first
}

export function buttonsOf(blocks: JsonObject[]): ScreenButton[] {
  const buttons: ScreenButton[] = []
  for (const block of blocks) {
    const elements = [...(Array.isArray(block.elements) ? block.elements : []), block.accessory].filter(isObject)
    for (const element of elements) {
      const base = { action: String(element.action_id ?? ''), block: String(block.block_id ?? '') }
      if (element.type === 'button' || element.type === 'icon_button')
        buttons.push({
          ...base,
          ...labelOf(element),
          ...(typeof element.style === 'string' && { style: element.style }),
        })
      if (element.type !== 'feedback_buttons') continue
      for (const side of ['positive_button', 'negative_button'] as const)
        if (isObject(element[side])) buttons.push({ ...base, ...labelOf(element[side]) })
    }
  }
  return buttons
}

function labelOf(button: JsonObject): { label: string; value: string; url?: string } {
  const label = isObject(button.text) ? String(button.text.text) : ''
  return { label, value: String(button.value ?? ''), ...(typeof button.url === 'string' && { url: button.url }) }
}
