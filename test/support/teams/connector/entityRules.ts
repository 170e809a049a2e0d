import { z } from 'zod'
import type { JsonObject } from '../../../../src/types.ts'
import { isObject, objectsIn, textOf } from '../json.ts'
import type { Chat, State } from '../state.ts'
import { badArgument, badSyntax } from './call.ts'

const usage = z.strictObject({
  type: z.literal('https://schema.org/Message').optional(),
  '@type': z.literal('CreativeWork'),
  '@id': z.string().optional(),
  name: z.string().min(1),
  description: z.string().optional(),
  position: z.number().optional(),
  pattern: z.json().optional(),
})

const appearance = z.strictObject({
  '@type': z.literal('DigitalDocument'),
  name: z.string().min(1).max(80),
  url: z.url().optional(),
  abstract: z.string().max(160).optional(),
  keywords: z.array(z.string().max(28)).max(3).optional(),
  encodingFormat: z.string().optional(),
  text: z.string().optional(),
  image: z.strictObject({ '@type': z.literal('ImageObject'), name: z.string() }).optional(),
  usageInfo: usage.optional(),
})

const messageEntity = z.strictObject({
  type: z.literal('https://schema.org/Message'),
  '@type': z.literal('Message'),
  '@context': z.literal('https://schema.org'),
  '@id': z.literal('').optional(),
  additionalType: z.array(z.literal('AIGeneratedContent')).length(1).optional(),
  citation: z
    .array(z.strictObject({ '@type': z.literal('Claim'), position: z.int().positive(), appearance }))
    .max(20)
    .optional(),
  usageInfo: usage.optional(),
})

const mention = z.strictObject({
  type: z.literal('mention'),
  text: z.string().regex(/^<at>[^<]+<\/at>$/, 'a mention reads <at>Name</at>'),
  mentioned: z.strictObject({
    id: z.string().min(1),
    name: z.string().min(1),
    role: z.string().optional(),
    aadObjectId: z.string().optional(),
  }),
})

const streamInfo = z.strictObject({
  type: z.literal('streaminfo'),
  streamType: z.enum(['informative', 'streaming', 'final']).optional(),
  streamId: z.string().min(1).optional(),
  streamSequence: z.int().positive().optional(),
})

const kinds: Record<string, z.ZodType> = {
  'https://schema.org/Message': messageEntity,
  mention,
  streaminfo: streamInfo,
}

/** What stands in `entities` means something: a mapper that strips it is a defect that nobody sees in Teams. */
export function checkEntities(state: State, chat: Chat, body: JsonObject): void {
  const entities = objectsIn(body.entities)
  for (const entity of entities) {
    const kind = kinds[textOf(entity.type)]
    if (!kind) throw badSyntax(`Unknown entity ${textOf(entity.type)}`)
    // Checked by the rules of streaming, in its own words.
    if (entity.type === 'streaminfo' && Object.keys(entity).length === 1) continue
    const parsed = kind.safeParse(entity)
    if (!parsed.success) throw badSyntax(`Invalid entity ${textOf(entity.type)}: ${z.prettifyError(parsed.error)}`)
  }
  const count = (type: string): number => entities.filter((entity) => entity.type === type).length
  if (count('https://schema.org/Message') > 1)
    throw badArgument('Only one root entity of type https://schema.org/Message is allowed')
  if (count('streaminfo') > 1) throw badSyntax('Only one streaminfo entity is allowed')
  for (const entity of entities.filter((each) => each.type === 'mention')) checkMention(state, chat, body, entity)
}

function checkMention(state: State, chat: Chat, body: JsonObject, entity: JsonObject): void {
  const inCards = JSON.stringify(body.attachments ?? '')
  if (!textOf(body.text).includes(textOf(entity.text)) && !inCards.includes(textOf(entity.text)))
    throw badArgument(`The message does not have the text of its mention: ${textOf(entity.text)}`)
  const id = isObject(entity.mentioned) ? textOf(entity.mentioned.id) : ''
  const person = state.person(id)
  if (!person || !chat.members.includes(person.id)) throw badArgument('The mentioned person is not in the conversation')
}

export function streamInfoOf(body: JsonObject): JsonObject | undefined {
  return objectsIn(body.entities).find((entity) => entity.type === 'streaminfo')
}

export function aiLabelled(body: JsonObject): boolean {
  return objectsIn(body.entities).some(
    (entity) => Array.isArray(entity.additionalType) && entity.additionalType.includes('AIGeneratedContent'),
  )
}
