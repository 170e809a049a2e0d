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
  /** What the text's `[1]`, `[2]`… stand for, in this order; only beside a model's words. Twenty are shown. */
  citations?: readonly Citation[]
  /** Teams asks what people think of it. */
  rated?: boolean
  attachments?: JsonObject[]
  /** Whom it may mention. */
  people?: readonly Person[]
  /** What stands ready to be said next; in the personal chat alone, and never beside attachments. */
  suggestions?: readonly string[]
}

/** A source that a model's answer names. */
export interface Citation {
  name: string
  url?: string
  /** A few words of it. */
  abstract?: string
}

const maxCitations = 20
const maxCitationName = 80
const maxAbstract = 160

/** Exactly one entity of this kind may be in a message; whatever is longer than it may be is refused as a whole. */
function aiLabel(citations: readonly Citation[]): JsonObject {
  return {
    type: 'https://schema.org/Message',
    '@type': 'Message',
    '@context': 'https://schema.org',
    '@id': '',
    additionalType: ['AIGeneratedContent'],
    ...(citations.length > 0 && { citation: citations.slice(0, maxCitations).map(claim) }),
  }
}

function claim({ name, url, abstract }: Citation, index: number): JsonObject {
  return {
    '@type': 'Claim',
    position: index + 1,
    appearance: {
      '@type': 'DigitalDocument',
      name: shorten(name.trim() || 'Source', maxCitationName),
      ...(url && { url }),
      ...(abstract && { abstract: shorten(abstract, maxAbstract) }),
    },
  }
}

/** No character is cut in two. */
function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).replace(/[\uD800-\uDBFF]$/, '')}…`
}

export function messageActivity(message: Message): Outgoing {
  const { text, entities: mentions } = withMentions(message.text, message.people ?? [])
  const entities = [...(message.ai ? [aiLabel(message.citations ?? [])] : []), ...mentions]
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

/** When Teams did not tell the id of the beginning of an answer, which can neither be changed nor taken away then. */
export const strayWords =
  'Teams had a problem while I wrote this. If an unfinished beginning of it stands above, please pass over that.'
