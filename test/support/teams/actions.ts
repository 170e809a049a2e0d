import type { Json, JsonObject } from '../../../src/types.ts'
import {
  aboutMessage,
  channelData,
  conversationId,
  type Envelope,
  envelope,
  htmlTwin,
  type Mentioned,
  mentionEntity,
} from './activities.ts'
import { type CardButton, viewCard } from './cards.ts'
import type { Attempt, Deliveries, Delivery } from './delivery.ts'
import { isObject, objectsIn, textOf } from './json.ts'
import { type Chat, isOpen, type Message, type Person, splitId } from './state.ts'

/** What was said, and how it reached the bot. */
export interface Said extends Delivery {
  /** Where answers to it belong: the chat, or the thread of a channel. */
  conversation: string
}

export interface Say {
  /** A chat, or with `;messageid=` a thread. A channel alone begins a new thread. */
  in: string
  /** A person's id; the first member of the chat by default. */
  from?: string
  text?: string
  /** Begin with a mention of the bot: where it needs one (everywhere but in a personal chat), unless told otherwise. */
  mention?: boolean
  /** Who is meant by each further `<at>…</at>` of the text. */
  mentions?: Mentioned[]
  /** Off: no HTML twin of the text. */
  html?: boolean
  /** Ids of files. */
  files?: string[]
  attachments?: JsonObject[]
  /** What a card or message-back button sends. */
  value?: Json
  replyTo?: string
  /** Over the activity, at last: whatever should be different. */
  more?: JsonObject
}

export interface Pressed extends Delivery {
  /** What the person sees of it: nothing wrong, a toast, or Teams' own words for a failure. */
  outcome: Promise<{ ok: boolean; text?: string }>
}

export interface ActionOptions {
  envelope: Envelope
  deliveries: Deliveries
  /** The attachment by which a message carries a file. */
  fileAttachment(id: string): JsonObject
}

/** What people do in this Teams. */
export function createActions({ envelope: base, deliveries, fileAttachment }: ActionOptions) {
  const { state, bot } = base

  const personOf = (chat: Chat, id?: string): Person => {
    const person = state.people.get(id ?? chat.members[0] ?? '')
    if (!person) throw new Error(`there is no ${id ?? 'member'} in this chat`)
    return person
  }

  function say(said: Say): Said {
    const { root: given } = splitId(said.in)
    const chat = state.chat(said.in)
    const person = personOf(chat, said.from)
    const id = state.nextId()
    const root = chat.type === 'channel' ? (given ?? id) : undefined
    const mention = said.mention ?? (chat.type !== 'personal' && said.value === undefined)
    const mentions = [...(mention ? [bot] : []), ...(said.mentions ?? [])]
    const text = mention ? `<at>${bot.name}</at> ${said.text ?? ''}` : said.text
    const attachments = [
      ...(said.attachments ?? []),
      ...(said.files ?? []).map(fileAttachment),
      ...(text !== undefined && said.html !== false ? [htmlTwin(text, mentions)] : []),
    ]
    const common = envelope(base, chat, person, { id, ...(root !== undefined && { root }) })
    const activity: JsonObject = {
      ...(text !== undefined && { text, textFormat: 'plain' }),
      ...(attachments.length > 0 && { attachments }),
      type: 'message',
      ...common,
      entities: [...mentions.map(mentionEntity), ...(common.entities as Json[])],
      ...(said.value !== undefined && { value: said.value }),
      ...(said.replyTo !== undefined && { replyToId: said.replyTo }),
      ...said.more,
    }
    const message: Message = {
      id,
      ...(root !== undefined && { root }),
      from: person.id,
      activity,
      at: state.clock.now(),
      edited: false,
      deleted: false,
      reactions: [],
    }
    // What a card sends is not seen in the chat.
    if (text !== undefined || attachments.length > 0) chat.messages.push(message)
    state.changed()
    return Object.assign(deliveries.send(activity), { conversation: conversationId(chat, root) })
  }

  /** A message by its id, wherever it is. */
  function whereIs(id: string): { chat: Chat; message: Message } {
    for (const chat of state.chats.values()) {
      const message = state.find(chat, id)
      if (message) return { chat, message }
    }
    throw new Error(`there is no message ${id}`)
  }

  function edit(id: string, text: string): Delivery {
    const { message } = whereIs(id)
    const mention = textOf(message.activity.text).match(/^<at>[^<]+<\/at> /)?.[0] ?? ''
    message.activity = { ...message.activity, text: mention + text, attachments: [htmlTwin(mention + text, [])] }
    message.edited = true
    state.changed()
    return deliveries.send(aboutMessage(message, 'editMessage', 'messageUpdate'))
  }

  function remove(id: string): Delivery {
    const { message } = whereIs(id)
    message.deleted = true
    state.changed()
    return deliveries.send(aboutMessage(message, 'softDeleteMessage', 'messageDelete'))
  }

  function undelete(id: string): Delivery {
    const { message } = whereIs(id)
    message.deleted = false
    state.changed()
    return deliveries.send(aboutMessage(message, 'undeleteMessage', 'messageUpdate'))
  }

  /** An event of the system, about a chat. */
  function tell(chat: Chat, from: Person, type: string, more: JsonObject): Delivery {
    const { localTimestamp: _, localTimezone: __, ...common } = envelope(base, chat, from, { id: `f:${state.uuid()}` })
    return deliveries.send({ ...common, type, ...more })
  }

  function react(id: string, reaction: string, options: { from?: string; taken?: boolean } = {}): Delivery {
    const { chat, message } = whereIs(id)
    const person = personOf(chat, options.from)
    const mark = `${reaction} by ${person.id}`
    if (options.taken) message.reactions = message.reactions.filter((each) => each !== mark)
    else message.reactions.push(mark)
    state.changed()
    const root = message.root === undefined ? {} : { root: message.root }
    return deliveries.send({
      ...envelope(base, chat, person, { id: `f:${state.uuid()}`, ...root }),
      type: 'messageReaction',
      replyToId: id,
      [options.taken ? 'reactionsRemoved' : 'reactionsAdded']: [{ type: reaction }],
    })
  }

  /** The app comes into a chat: its two events, in Teams' order. */
  function install(id: string, options: { from?: string; action?: 'add' | 'add-upgrade' } = {}): Delivery[] {
    const chat = state.chat(id)
    const person = personOf(chat, options.from)
    chat.hasBot = true
    const installed = tell(chat, person, 'installationUpdate', {
      action: options.action ?? 'add',
      ...(chat.team && {
        channelData: {
          ...channelData(chat),
          settings: { selectedChannel: { id: chat.id } },
          source: { name: 'message' },
        },
      }),
    })
    if (options.action === 'add-upgrade') return [installed]
    return [tell(chat, person, 'conversationUpdate', membership(chat, 'membersAdded', [{ id: bot.id }])), installed]
  }

  /** The app leaves a chat; from now on the connector refuses it there. */
  function uninstall(id: string, options: { from?: string } = {}): Delivery[] {
    const chat = state.chat(id)
    const person = personOf(chat, options.from)
    chat.hasBot = false
    const gone = tell(chat, person, 'installationUpdate', { action: 'remove' })
    if (chat.type === 'personal') return [gone]
    return [tell(chat, person, 'conversationUpdate', membership(chat, 'membersRemoved', [{ id: bot.id }])), gone]
  }

  function membership(chat: Chat, key: 'membersAdded' | 'membersRemoved', members: JsonObject[]): JsonObject {
    const eventType = key === 'membersAdded' ? 'teamMemberAdded' : 'teamMemberRemoved'
    return {
      [key]: members,
      ...(chat.team && {
        channelData: { ...channelData(chat), team: { ...chat.team }, eventType },
      }),
    }
  }

  function join(id: string, who: string): Delivery {
    const chat = state.chat(id)
    const person = personOf(chat, who)
    if (!chat.members.includes(who)) chat.members.push(who)
    const added = [{ id: person.id, aadObjectId: person.aadObjectId }]
    return tell(chat, person, 'conversationUpdate', membership(chat, 'membersAdded', added))
  }

  function leave(id: string, who: string): Delivery {
    const chat = state.chat(id)
    const person = personOf(chat, who)
    chat.members = chat.members.filter((each) => each !== who)
    const gone = [{ id: person.id, aadObjectId: person.aadObjectId }]
    return tell(chat, person, 'conversationUpdate', membership(chat, 'membersRemoved', gone))
  }

  /** Press Stop under the stream that is open here. The bot learns of it by its next request. */
  function stop(id: string): void {
    const open = state.openStream(state.chat(id))
    if (!open?.stream || !isOpen(open.stream, state.clock.now()))
      throw new Error('there is no Stop button: nothing is being streamed')
    open.stream.end = 'stopped'
    state.changed()
  }

  function invoke(name: string, value: Json, about: { in: string; from?: string; replyTo?: string }): Delivery {
    const chat = state.chat(about.in)
    const { root } = splitId(about.in)
    const person = personOf(chat, about.from)
    return deliveries.send({
      ...envelope(base, chat, person, { id: `f:${state.uuid()}`, ...(root !== undefined && { root }) }),
      type: 'invoke',
      name,
      value,
      ...(about.replyTo !== undefined && { replyToId: about.replyTo }),
    })
  }

  /** Thumbs up or down with a few words, as Teams' own form sends them. Only an empty 200 is a thank-you. */
  function rate(id: string, reaction: 'like' | 'dislike', comment = '', from?: string): Pressed {
    const { chat, message } = whereIs(id)
    const data = message.activity.channelData
    if (!isObject(data) || (data.feedbackLoop === undefined && data.feedbackLoopEnabled !== true))
      throw new Error('this message has no thumbs')
    const where = { in: conversationId(chat, message.root), replyTo: id, ...(from !== undefined && { from }) }
    const custom = isObject(data.feedbackLoop) && data.feedbackLoop.type === 'custom'
    const delivery = custom
      ? invoke('message/fetchTask', { data: { actionName: 'feedback', actionValue: { reaction } } }, where)
      : invoke(
          'message/submitAction',
          {
            actionName: 'feedback',
            // A string of JSON, not an object.
            actionValue: { reaction, feedback: JSON.stringify({ feedbackText: comment }) },
          },
          where,
        )
    const outcome = delivery.first.then(({ status, body }) => {
      const ok = status === 200 && (custom ? isTask(body) : body === '')
      if (ok && !custom) message.rated = reaction
      state.changed()
      return ok ? { ok } : { ok, text: 'Something went wrong. Please try again.' }
    })
    return Object.assign(delivery, { outcome })
  }

  /** Press a button of a card, or choose a suggested action, by what stands on it. */
  function press(id: string, title: string, options: { from?: string; inputs?: Record<string, string> } = {}): Pressed {
    const { chat, message } = whereIs(id)
    const inChat = conversationId(chat, message.root)
    const from = options.from === undefined ? {} : { from: options.from }
    const suggested = suggestedOf(message).find((each) => each.title === title)
    if (suggested) return spoken(say({ in: inChat, ...from, text: textOf(suggested.value) }))
    const button = buttonsOf(message).find((each) => each.title === title)
    if (!button) throw new Error(`there is no button ${title} on message ${id}`)
    const { action } = button
    const data = isObject(action.data) ? action.data : {}
    const filled: JsonObject = { ...data, ...options.inputs }
    if (action.type === 'Action.Execute') return execute(chat, message, action, filled, options.from)
    if (action.type !== 'Action.Submit') throw new Error(`${title} is not for the bot`)
    const ms = isObject(data.msteams) ? data.msteams : {}
    const { msteams: _, ...plain } = filled
    if (ms.type === 'imBack') return spoken(say({ in: inChat, ...from, text: textOf(ms.value), mention: false }))
    if (ms.type === 'messageBack') {
      const value = ms.value ?? plain
      const said = { in: inChat, ...from, value, replyTo: id, mention: false, html: false }
      return spoken(say({ ...said, ...(typeof ms.text === 'string' && { text: ms.text }) }))
    }
    // No text at all, only what the card carries.
    return spoken(say({ in: inChat, ...from, value: plain, replyTo: id }))
  }

  function execute(chat: Chat, message: Message, action: JsonObject, data: JsonObject, from?: string): Pressed {
    const value = {
      action: { type: 'Action.Execute', title: action.title ?? '', id: action.id ?? '', verb: action.verb ?? '', data },
      trigger: 'manual',
    }
    const where = { in: conversationId(chat, message.root), replyTo: message.id, ...(from !== undefined && { from }) }
    const delivery = invoke('adaptiveCard/action', value, where)
    const outcome = delivery.first.then((attempt) => settle(message, attempt))
    return Object.assign(delivery, { outcome })
  }

  /** What the answer to a pressed Execute does on the screen. */
  function settle(message: Message, { status, body }: Attempt): { ok: boolean; text?: string } {
    const failed = { ok: false, text: 'Something went wrong. Please try again.' }
    if (status !== 200) return failed
    const answer = parse(body)
    if (!isObject(answer) || answer.statusCode !== 200) return failed
    if (answer.type === 'application/vnd.microsoft.activity.message')
      return typeof answer.value === 'string' ? { ok: true, text: answer.value } : failed
    if (answer.type !== 'application/vnd.microsoft.card.adaptive' || !isObject(answer.value)) return failed
    message.activity = {
      ...message.activity,
      attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', content: answer.value }],
    }
    state.changed()
    return { ok: true }
  }

  return { say, edit, remove, undelete, react, install, uninstall, join, leave, stop, invoke, rate, press }
}

const spoken = (said: Said): Pressed =>
  Object.assign(said, { outcome: said.first.then((attempt) => ({ ok: !attempt.failure })) })

function suggestedOf(message: Message): JsonObject[] {
  const { suggestedActions } = message.activity
  return isObject(suggestedActions) ? objectsIn(suggestedActions.actions) : []
}

function buttonsOf(message: Message): CardButton[] {
  return objectsIn(message.activity.attachments).flatMap((each) =>
    isObject(each.content) && each.content.type === 'AdaptiveCard' ? viewCard(each.content).buttons : [],
  )
}

function isTask(body: string | undefined): boolean {
  const answer = parse(body)
  return isObject(answer) && isObject(answer.task)
}

function parse(body: string | undefined): unknown {
  try {
    return JSON.parse(body ?? '')
  } catch {
    return undefined
  }
}

export type Actions = ReturnType<typeof createActions>
