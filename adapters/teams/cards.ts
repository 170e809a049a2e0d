import type { Json, JsonObject } from '../../src/types.ts'
import { type Press, pressData } from './incoming.ts'

/** A card as an attachment. Of 1.6 and later Teams shows nothing but a fallback. */
export function adaptiveCard(content: { body?: Json[]; actions?: Json[] }): JsonObject {
  return {
    contentType: 'application/vnd.microsoft.card.adaptive',
    content: {
      $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
      type: 'AdaptiveCard',
      version: '1.5',
      body: content.body ?? [],
      ...(content.actions && { actions: content.actions }),
      // A table needs the room, a row of buttons does not.
      ...(content.body && { msteams: { width: 'Full' } }),
    },
  }
}

export interface Buttons {
  stop?: boolean
  again?: boolean
  /** The stored answer, for those who miss it. */
  show?: boolean
  /** Address of the conversation on the web page. */
  web?: string | undefined
}

/** A row of buttons below a message; undefined: there are none. */
export function buttonCard(about: { conversation: string; turn: string }, buttons: Buttons): JsonObject | undefined {
  const press = (title: string, chat: Press['chat']): JsonObject => ({
    type: 'Action.Submit',
    title,
    data: pressData({ chat, conversation: about.conversation, turn: about.turn }),
  })
  const actions: Json[] = []
  if (buttons.stop) actions.push(press('Stop', 'stop'))
  if (buttons.again) actions.push(press('Answer again', 'again'))
  if (buttons.show) actions.push(press('Show the answer', 'show'))
  if (buttons.web) actions.push({ type: 'Action.OpenUrl', title: 'Open on the web', url: buttons.web })
  return actions.length > 0 ? adaptiveCard({ actions }) : undefined
}
