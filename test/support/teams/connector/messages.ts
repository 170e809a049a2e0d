import type { JsonObject } from '../../../../src/types.ts'
import { isOpen, type Message, type State, splitId, streamState, typingMs } from '../state.ts'
import { checkActivity, checkContent } from './activityRules.ts'
import { type Answer, badArgument, badSyntax, Refusal, refuse } from './call.ts'
import { streamInfoOf } from './entityRules.ts'
import { stream } from './streams.ts'

/** What the methods about activities work on. */
export interface Room {
  state: State
  botId: string
  limits: boolean
}

/** The chat behind an id of an address, if the bot is in it. */
export function chatOf(state: State, id: string) {
  const { chat: chatId, root } = splitId(id)
  const chat = state.chats.get(chatId)
  if (!chat) throw refuse('conversationNotFound')
  if (!chat.hasBot) throw refuse('botRemoved')
  if (root === undefined) return { chat }
  if (chat.type !== 'channel') throw badArgument('Only channels have threads')
  if (!state.find(chat, root)) throw refuse('conversationNotFound')
  return { chat, root }
}

/** A new message, typing, or a request of a stream. */
export function post({ state, botId, limits }: Room, conversation: string, body: JsonObject): Answer {
  const { chat, root } = chatOf(state, conversation)
  checkActivity(state, chat, botId, conversation, body)
  if (streamInfoOf(body)) return stream(state, chat, botId, body, limits)
  if (body.type === 'typing') {
    // While a stream is open, Teams takes no other typing.
    if (state.openStream(chat))
      throw badSyntax('Only start streaming and continue streaming types are allowed as a typing activity')
    chat.typingUntil = state.clock.now() + typingMs
    if (root === undefined) delete chat.typingIn
    else chat.typingIn = root
    state.changed()
    return { status: 202, body: {} }
  }
  checkContent(body)
  const id = state.nextId()
  const message: Message = {
    id,
    ...(chat.type === 'channel' && { root: root ?? id }),
    from: botId,
    activity: body,
    at: state.clock.now(),
    edited: false,
    deleted: false,
    reactions: [],
  }
  chat.messages.push(message)
  chat.typingUntil = 0
  state.changed()
  return { status: 201, body: { id } }
}

/** The bot's own message with this id. */
function ownMessage({ state, botId }: Room, conversation: string, id: string) {
  const { chat, root } = chatOf(state, conversation)
  const message = state.find(chat, id)
  if (!message || message.deleted) throw refuse('activityNotFound')
  if (root !== undefined && message.root !== root) throw refuse('activityNotFound')
  if (message.from !== botId) throw new Refusal(403, 'Forbidden', 'A bot changes only its own messages')
  return { chat, message }
}

export function put(room: Room, conversation: string, id: string, body: JsonObject): Answer {
  const { state, botId } = room
  const { chat, message } = ownMessage(room, conversation, id)
  checkActivity(state, chat, botId, conversation, body)
  if (body.type !== 'message') throw badArgument('Only messages can be updated')
  if (body.id !== undefined && body.id !== id) throw badArgument('The id of the activity is not the one of the address')
  if (streamInfoOf(body)) throw badArgument('A stream goes on by POST')
  checkContent(body)
  if (message.stream) {
    // Only what ended can be updated: a finished stream, or one that ran out of its two minutes.
    if (isOpen(message.stream, state.clock.now())) throw refuse('streamNotAllowed')
    if (streamState(message.stream, state.clock.now()) === 'stopped') throw refuse('streamStopped')
    message.stream.end = 'final'
  }
  message.activity = body
  message.edited = true
  state.changed()
  return { status: 200, body: { id } }
}

export function remove(room: Room, conversation: string, id: string): Answer {
  const { message } = ownMessage(room, conversation, id)
  message.deleted = true
  room.state.changed()
  return { status: 200 }
}
