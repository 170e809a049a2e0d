import type { JsonObject } from '../../../src/types.ts'
import type { Chat, Message, Person, State } from './state.ts'

/** What every activity from Teams has in common, in the shape of recorded ones. */
export interface Envelope {
  state: State
  bot: { id: string; name: string }
  serviceUrl: string
}

/** `19:…;messageid=…` inside of a thread. */
export function conversationId(chat: Chat, root?: string): string {
  return root === undefined ? chat.id : `${chat.id};messageid=${root}`
}

export function envelope(
  { state, bot, serviceUrl }: Envelope,
  chat: Chat,
  from: Person,
  more: { root?: string; id: string },
): JsonObject {
  const now = new Date(state.clock.now()).toISOString()
  return {
    timestamp: now,
    localTimestamp: now.replace('Z', '+00:00'),
    localTimezone: 'Europe/Dublin',
    locale: 'en-GB',
    id: more.id,
    channelId: 'msteams',
    serviceUrl,
    from: {
      id: from.id,
      name: from.name,
      ...(from.userRole !== 'anonymous' && { aadObjectId: from.aadObjectId }),
    },
    conversation: {
      ...(chat.type !== 'personal' && { isGroup: true }),
      conversationType: chat.type,
      tenantId: chat.tenantId,
      id: conversationId(chat, more.root),
      ...(chat.type === 'groupChat' && chat.name && { name: chat.name }),
    },
    recipient: { id: bot.id, name: bot.name },
    entities: [{ locale: 'en-GB', country: 'IE', platform: 'Web', timezone: 'Europe/Dublin', type: 'clientInfo' }],
    channelData: channelData(chat),
  }
}

export function channelData(chat: Chat): JsonObject {
  return {
    tenant: { id: chat.tenantId },
    ...(chat.team && {
      teamsChannelId: chat.id,
      teamsTeamId: chat.team.id,
      channel: { id: chat.id },
      team: { id: chat.team.id },
    }),
  }
}

/** A name in the text of a message, and who is meant. */
export interface Mentioned {
  id: string
  name: string
}

const asHtml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** The HTML that Teams sends beside the text of a message written in its rich editor. */
export function htmlTwin(text: string, mentions: Mentioned[]): JsonObject {
  let html = asHtml(text)
  mentions.forEach((each, index) => {
    const span = `<span itemtype="http://schema.skype.com/Mention" itemscope="" itemid="${index}">${asHtml(each.name)}</span>`
    html = html.replace(asHtml(`<at>${each.name}</at>`), span)
  })
  return { contentType: 'text/html', content: `<p>${html}</p>` }
}

export const mentionEntity = ({ id, name }: Mentioned): JsonObject => ({
  mentioned: { id, name },
  text: `<at>${name}</at>`,
  type: 'mention',
})

/** What an edit, an undelete and a delete say of the message they are about. */
export function aboutMessage(original: Message, eventType: string, type: string): JsonObject {
  const data = original.activity.channelData as JsonObject
  const { attachments: _, ...rest } = original.activity
  const deleted = type === 'messageDelete'
  return {
    ...(deleted
      ? Object.fromEntries(Object.entries(rest).filter(([key]) => !['text', 'textFormat'].includes(key)))
      : original.activity),
    type,
    channelData: { ...data, eventType },
  }
}
