import { z } from 'zod'
import type { JsonObject } from '../../../../src/types.ts'
import { checkAdaptiveCard } from '../cards.ts'
import { isObject, objectsIn, textOf } from '../json.ts'
import type { Chat, State } from '../state.ts'
import { badArgument, badSyntax, refuse } from './call.ts'
import { checkEntities } from './entityRules.ts'

/**
 * What may come out of a bot. Live Teams overlooks much of what is refused here (and then shows less than was meant); the
 * stand-in says it, so that it is seen in a test and not on a person's screen.
 */

const account = z.strictObject({
  id: z.string().min(1),
  name: z.string().optional(),
  aadObjectId: z.string().optional(),
  role: z.string().optional(),
  tenantId: z.string().optional(),
  userRole: z.string().optional(),
})

const conversation = z.strictObject({
  id: z.string().min(1),
  isGroup: z.boolean().optional(),
  conversationType: z.enum(['personal', 'groupChat', 'channel']).optional(),
  tenantId: z.string().optional(),
  name: z.string().optional(),
  aadObjectId: z.string().optional(),
  role: z.string().optional(),
})

const attachment = z.strictObject({
  contentType: z.string().min(1),
  contentUrl: z.string().optional(),
  content: z.json().optional(),
  name: z.string().optional(),
  thumbnailUrl: z.string().optional(),
})

const cardAction = z.strictObject({
  type: z.string(),
  title: z.string().min(1),
  value: z.json(),
  text: z.string().optional(),
  displayText: z.string().optional(),
  image: z.string().optional(),
  imageAltText: z.string().optional(),
  channelData: z.json().optional(),
})

const activity = z.strictObject({
  type: z.enum(['message', 'typing'], 'a bot sends messages and typing'),
  id: z.string().optional(),
  timestamp: z.iso.datetime({ offset: true }).optional(),
  localTimestamp: z.iso.datetime({ offset: true }).optional(),
  localTimezone: z.string().optional(),
  serviceUrl: z.string().optional(),
  channelId: z.literal('msteams').optional(),
  callerId: z.string().optional(),
  from: account.optional(),
  recipient: account.optional(),
  conversation: conversation.optional(),
  replyToId: z.string().optional(),
  locale: z.string().optional(),
  text: z.string().optional(),
  textFormat: z.enum(['plain', 'markdown', 'xml', 'extendedmarkdown']).optional(),
  attachmentLayout: z.enum(['list', 'carousel']).optional(),
  attachments: z.array(attachment).optional(),
  suggestedActions: z
    .strictObject({ to: z.array(z.string()).optional(), actions: z.array(cardAction).min(1) })
    .optional(),
  entities: z.array(z.looseObject({ type: z.string().min(1) })).optional(),
  channelData: z.record(z.string(), z.json()).optional(),
  inputHint: z.string().optional(),
  speak: z.string().optional(),
  summary: z.string().optional(),
  importance: z.enum(['low', 'normal', 'high', 'urgent']).optional(),
  deliveryMode: z.literal('notification').optional(),
})

/** A message with everything around it, in UTF-16, may have 100 KB. */
const maxBytes = 100_000

export const utf16Bytes = (value: JsonObject): number => JSON.stringify(value).length * 2

/** Checks one activity for one chat; throws the refusal. */
export function checkActivity(state: State, chat: Chat, botId: string, path: string, body: JsonObject): void {
  const parsed = activity.safeParse(body)
  if (!parsed.success) throw badSyntax(`Invalid activity: ${z.prettifyError(parsed.error)}`)
  if (isObject(body.conversation) && body.conversation.id !== path)
    throw badArgument('The conversation of the activity is not the one of the address')
  if (isObject(body.from) && body.from.id !== botId) throw badArgument('The activity is not from the bot')
  const streaming = objectsIn(body.entities).some((entity) => entity.type === 'streaminfo')
  if (utf16Bytes(body) > maxBytes) throw refuse(streaming ? 'streamTooBig' : 'tooBig')
  checkEntities(state, chat, body)
  for (const each of objectsIn(body.attachments)) checkAttachment(each)
  checkSuggestedActions(chat, body)
  checkFeedback(body)
}

/** A message that would show nothing. Streaming has words of its own for that. */
export function checkContent(body: JsonObject): void {
  if (body.type !== 'message') return
  const empty = textOf(body.text).trim() === '' && objectsIn(body.attachments).length === 0
  if (empty) throw badSyntax('A message needs text or an attachment')
}

function checkAttachment(each: JsonObject): void {
  if (each.contentType !== 'application/vnd.microsoft.card.adaptive') {
    if (each.content === undefined && each.contentUrl === undefined)
      throw badSyntax(`An attachment of ${textOf(each.contentType)} without content and contentUrl`)
    return
  }
  if (!isObject(each.content)) throw badSyntax('An Adaptive Card comes as an object in content')
  checkAdaptiveCard(each.content)
}

function checkSuggestedActions(chat: Chat, body: JsonObject): void {
  if (!isObject(body.suggestedActions)) return
  const actions = objectsIn(body.suggestedActions.actions)
  if (chat.type !== 'personal') throw badArgument('Suggested actions are for personal chats')
  if (actions.length > 6) throw badArgument('There may be six suggested actions')
  if (actions.some((action) => action.type !== 'imBack')) throw badArgument('Suggested actions are of type imBack')
  if (objectsIn(body.attachments).length > 0) throw badArgument('Suggested actions do not go with attachments')
}

function checkFeedback(body: JsonObject): void {
  if (!isObject(body.channelData)) return
  const { feedbackLoop, feedbackLoopEnabled } = body.channelData
  if (feedbackLoop === undefined && feedbackLoopEnabled === undefined) return
  if (feedbackLoop !== undefined && feedbackLoopEnabled !== undefined)
    throw badArgument('feedbackLoop and feedbackLoopEnabled exclude each other')
  if (body.type !== 'message') throw badArgument('A feedback loop is only for a message')
  if (feedbackLoopEnabled !== undefined && typeof feedbackLoopEnabled !== 'boolean')
    throw badArgument('feedbackLoopEnabled is true or false')
  if (feedbackLoop !== undefined && !(isObject(feedbackLoop) && /^(default|custom)$/.test(textOf(feedbackLoop.type))))
    throw badArgument("feedbackLoop.type is 'default' or 'custom'")
}
