import type { JsonObject } from '../../src/types.ts'
import { buttonCard } from './cards.ts'
import type { Address } from './incoming.ts'
import { type Person, withMentions } from './mentions.ts'
import type { Outgoing } from './transport.ts'

/** What one message is to show. */
export interface Message {
  text: string
  /** A model wrote it: Teams says so beside it. */
  ai?: boolean
  /** Teams asks what people think of it. */
  rated?: boolean
  attachments?: JsonObject[]
  /** Whom it may mention. */
  people?: readonly Person[]
  /** What stands ready to be said next; in the personal chat alone, and never beside attachments. */
  suggestions?: readonly string[]
}

/** Exactly one entity of this kind may be in a message; citations would be part of it. */
const aiLabel: JsonObject = {
  type: 'https://schema.org/Message',
  '@type': 'Message',
  '@context': 'https://schema.org',
  '@id': '',
  additionalType: ['AIGeneratedContent'],
}

export function messageActivity(message: Message): Outgoing {
  const { text, entities: mentions } = withMentions(message.text, message.people ?? [])
  const entities = [...(message.ai ? [aiLabel] : []), ...mentions]
  const { attachments = [], suggestions = [] } = message
  return {
    type: 'message',
    text,
    textFormat: 'markdown',
    ...(entities.length > 0 && { entities }),
    ...(attachments.length > 0 && { attachments }),
    ...(message.rated && { channelData: { feedbackLoop: { type: 'default' } } }),
    ...(suggestions.length > 0 && {
      suggestedActions: {
        to: [],
        actions: suggestions.map((value) => ({ type: 'imBack', title: value, value })),
      },
    }),
  }
}

/** From whom and to where, as every activity says. */
export function envelope(address: Pick<Address, 'bot' | 'conversation'>): JsonObject {
  return { from: { id: address.bot }, conversation: { id: address.conversation } }
}

/**
 * When Teams broke off while it took an answer. A bot cannot look what stands in a chat, so whether it arrived is for the
 * people there to see: posted again, it might stand there twice. Who misses it gets it with one press, in place
 * of these words.
 */
export function doubt(about: { conversation: string; turn: string }, web: string | undefined): Message {
  const card = buttonCard(about, { show: true, web })
  return {
    text: 'Teams had a problem while it took my answer, so I cannot tell whether it arrived. If it is missing above, I can show it here.',
    attachments: card ? [card] : [],
  }
}
