import type { JsonObject } from '../../../../src/types.ts'
import { isObject, objectsIn, textOf } from '../json.ts'
import { type Chat, isOpen, type Message, type State, type Stream, streamState } from '../state.ts'
import { type Answer, badSyntax, Refusal, refuse } from './call.ts'
import { aiLabelled, streamInfoOf } from './entityRules.ts'

/** One request a second for a stream. */
const paceMs = 1_000
const informativeLimit = 1_000

const badRequest = (message: string): Refusal => new Refusal(400, 'BadRequest', message)
const onlyTyping = () => badSyntax('Only start streaming and continue streaming types are allowed as a typing activity')
const onlyFinal = () => badSyntax('Only end streaming type is allowed as a message activity')

/** Late: a newer request of the stream was there before. Teams says so with a 202. */
const dropped = (): Answer => ({
  status: 202,
  body: {
    error: {
      code: 'ContentStreamSequenceOrderPreConditionFailed',
      message: 'PreCondition failed exception when processing streaming activity.',
    },
  },
})

/** One request of native streaming: the first, a further one, or the final one. */
export function stream(state: State, chat: Chat, botId: string, body: JsonObject, limits: boolean): Answer {
  const info = streamInfoOf(body)!
  const { streamType, streamId, streamSequence } = info
  if (chat.type !== 'personal')
    throw new Refusal(
      405,
      'BadArgument',
      'Streaming API is not enabled for non personal scope or non copilot conversations',
      { flat: true },
    )
  if (body.type === 'typing' && (streamType === undefined || streamType === 'final')) throw onlyTyping()
  if (body.type === 'message' && (streamType !== 'final' || !streamId)) throw onlyFinal()
  if (streamType === 'final') return finish(state, chat, body, textOf(streamId), limits)
  if (typeof streamSequence !== 'number') throw badRequest('Streaming activities should include a streamSequence')
  checkPreview(body)
  return streamId === undefined
    ? start(state, chat, botId, body, streamSequence)
    : go(state, chat, body, textOf(streamId), streamSequence, limits)
}

/** What only the final message may have. */
function checkPreview(body: JsonObject): void {
  const data = isObject(body.channelData) ? body.channelData : {}
  const final =
    objectsIn(body.attachments).length > 0 ||
    body.suggestedActions !== undefined ||
    aiLabelled(body) ||
    data.feedbackLoop !== undefined ||
    data.feedbackLoopEnabled !== undefined
  if (final) throw badRequest('Attachments, labels and feedback are only for the final streaming message')
  if (streamInfoOf(body)!.streamType === 'informative' && textOf(body.text).length > informativeLimit)
    throw badRequest('Informative updates have at most 1000 characters')
}

function start(state: State, chat: Chat, botId: string, body: JsonObject, sequence: number): Answer {
  const text = textOf(body.text)
  if (text === '') throw badRequest('Start streaming activities should include text')
  if (sequence !== 1) throw badRequest('The first streamSequence is 1')
  // One concurrent stream per chat.
  if (state.openStream(chat)) throw refuse('streamNotAllowed')
  const now = state.clock.now()
  const type = streamInfoOf(body)!.streamType === 'informative' ? 'informative' : 'streaming'
  const made: Stream = { startedAt: now, touchedAt: now, sequence, type, text: type === 'streaming' ? text : '' }
  const id = state.nextId()
  const message = {
    id,
    from: botId,
    activity: body,
    at: now,
    edited: false,
    deleted: false,
    reactions: [],
    stream: made,
  }
  chat.messages.push(message)
  chat.streamed = message
  chat.typingUntil = 0
  state.changed()
  return { status: 201, body: { id } }
}

function go(state: State, chat: Chat, body: JsonObject, id: string, sequence: number, limits: boolean): Answer {
  const message = open(state, chat, id)
  const running = message.stream!
  const text = textOf(body.text)
  if (text === '') throw badRequest('Continue streaming activities should include text')
  if (sequence <= running.sequence) return dropped()
  pace(state, running, limits)
  const informative = streamInfoOf(body)!.streamType === 'informative'
  if (informative && running.type === 'streaming') throw badRequest('An informative update after streamed text')
  if (!text.startsWith(running.text)) throw refuse('streamPrefix')
  running.sequence = sequence
  running.type = informative ? 'informative' : 'streaming'
  if (!informative) running.text = text
  message.activity = body
  state.changed()
  return { status: 202, body: {} }
}

function finish(state: State, chat: Chat, body: JsonObject, id: string, limits: boolean): Answer {
  if (streamInfoOf(body)!.streamSequence !== undefined)
    throw badRequest('streamSequence must not be set for the final streaming request')
  const message = open(state, chat, id)
  // Empty ends do not end a stream.
  if (textOf(body.text).trim() === '') throw refuse('streamNotAllowed')
  pace(state, message.stream!, limits)
  message.stream!.end = 'final'
  message.activity = body
  state.changed()
  return { status: 202, body: {} }
}

/** The message of a stream that still takes something. */
function open(state: State, chat: Chat, id: string): Message {
  const message = state.find(chat, id)
  if (!message?.stream || message.deleted) throw refuse('streamNotAllowed')
  if (isOpen(message.stream, state.clock.now())) return message
  const over = streamState(message.stream, state.clock.now())
  if (over === 'final') throw refuse('streamCompleted')
  throw refuse(over === 'stopped' ? 'streamStopped' : 'streamExpired')
}

function pace(state: State, running: Stream, limits: boolean): void {
  const now = state.clock.now()
  if (limits && now - running.touchedAt < paceMs) throw refuse('streamQuota')
  running.touchedAt = now
}
