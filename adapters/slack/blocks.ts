import type { Answer, JsonObject, Notice } from '../../src/types.ts'
import { zeroWidth } from './guard.ts'
import type { About, ThreadAddress } from './payload.ts'
import { escapeText } from './readable.ts'
import type { Part } from './segments.ts'
import { tableBlock } from './tables.ts'

export type Block = { type: string } & Record<string, unknown>

/** Ids of our buttons and dialogs; the listeners are registered under the same. */
export const ids = {
  feedback: 'answer_feedback',
  again: 'answer_again',
  web: 'open_web',
  askAbout: 'ask_about',
  question: 'question',
  comment: 'comment',
  command: '/ask',
  continueHere: 'continue_here',
  continueShared: 'continue_shared',
  linkCheck: 'link_check',
  linkJoin: 'link_join',
  linkStop: 'link_stop',
  forgetAll: 'forget_all',
  cancel: 'cancel',
} as const

/** The content of a posted message. */
export function blocksOf(parts: readonly Part[]): Block[] {
  return parts
    .filter((part) => !('text' in part) || part.text.trim() !== '')
    .map((part) => ('text' in part ? { type: 'markdown', text: part.text } : tableBlock(part.table)))
}

/** The same for a stream, which takes text and blocks as chunks. */
export function chunksOf(parts: readonly Part[]): JsonObject[] {
  return parts.map(
    (part): JsonObject =>
      'text' in part
        ? { type: 'markdown_text', text: part.text }
        : { type: 'blocks', blocks: [tableBlock(part.table)] },
  )
}

/** What notifications and old clients show: short, because `chat.update` takes 4,000 characters, and pinging nobody. */
export function fallbackOf(parts: readonly Part[]): string {
  const text = parts.map((part) => ('text' in part ? part.text : (part.table.rows[0]?.join(' ') ?? ''))).join(' ')
  const short = text
    .replace(/[\s\u200b]+/g, ' ')
    .trim()
    .slice(0, 200)
    .toWellFormed()
  return escapeText(short).replace(/@(?=channel|here|everyone)/gi, `@${zeroWidth}`) || '…'
}

export interface Links {
  /** The web page with its base path, without a slash at the end. */
  publicUrl?: string
}

export function webLink(links: Links, conversation: string): string | undefined {
  return links.publicUrl && `${links.publicUrl}/c/${encodeURIComponent(conversation)}`
}

export function buttonValue(about: About): string {
  return JSON.stringify(about)
}

/** What stands below an answer: what there is to say about it, and what can be done with it. */
export function footerOf(options: {
  about: About
  links: Links
  notice?: Notice
  /** Feedback is asked for answers alone. */
  rated: boolean
  /** More to say, in mrkdwn. */
  notes?: string[]
}): Block[] {
  const { about, links, notice, rated, notes = [] } = options
  const said = [...(notice ? [escapeText(notice.text)] : []), ...notes]
  const link = webLink(links, about.c)
  const again = { type: 'button', action_id: ids.again, text: plain('Answer again'), value: buttonValue(about) }
  const web = link && { type: 'button', action_id: ids.web, text: plain('Continue on the web'), url: link }
  return [
    ...(said.length > 0 ? [{ type: 'context', elements: said.map((text) => ({ type: 'mrkdwn', text })) }] : []),
    ...(rated ? [feedbackBlock(about)] : []),
    { type: 'actions', elements: [again, ...(web ? [web] : [])] },
  ]
}

function feedbackBlock(about: About): Block {
  const side = (emoji: string, label: string, v: 'up' | 'down') => ({
    text: plain(emoji),
    accessibility_label: label,
    value: buttonValue({ ...about, v }),
  })
  return {
    type: 'context_actions',
    elements: [
      {
        type: 'feedback_buttons',
        action_id: ids.feedback,
        positive_button: side('👍', 'A good answer', 'up'),
        negative_button: side('👎', 'Not a good answer', 'down'),
      },
    ],
  }
}

/** What must be said beside an answer because of how it was asked. */
export function notesOn(address: ThreadAddress): string[] {
  const notes: string[] = []
  if (address.asked) notes.push(`<@${address.user}> asked: ${escapeText(address.asked.slice(0, 500))}`)
  if (address.files) {
    const names = address.files
      .map((name) => `“${escapeText(name.slice(0, 60))}”`)
      .slice(0, 5)
      .join(', ')
    notes.push(`I cannot read attached files yet (${names}), so this is about the text alone.`)
  }
  return notes
}

export function isRated(answer: Pick<Answer, 'stop'>): boolean {
  return answer.stop !== 'failed' && answer.stop !== 'stopped'
}

export const plain = (text: string) => ({ type: 'plain_text', text, emoji: true }) as const
export const section = (text: string): Block => ({ type: 'section', text: { type: 'mrkdwn', text } })
