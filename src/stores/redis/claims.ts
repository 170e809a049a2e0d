import type { Claim } from '../../store.ts'
import type { Answer, Incoming, JsonObject } from '../../types.ts'

/** The running turn as the scripts tell it; empty where there is no draft or answer. */
export type Run = [attempt: number, draft: string, answer: string, stopped: number]

export interface Entry {
  turn: string
  conversation: string
  acceptedAt: number
  incoming: Incoming
}

/** How what has a text is stored: the text stands last, where scripts find it (`with_text` in common.lua). */
export function jsonOf({ text, ...rest }: { text: string }): string {
  return JSON.stringify({ ...rest, text })
}

/** An entry of an inbox: turn, conversation, acceptedAt and the message's JSON, parted by blanks (see accept.lua). */
export function entryOf(text: string): Entry {
  const [turn = '', conversation = '', at = ''] = text.split(' ', 3)
  const incoming = JSON.parse(text.slice(turn.length + conversation.length + at.length + 3)) as Incoming
  return { turn, conversation, acceptedAt: Number(at), incoming }
}

export function claimOf(entry: Entry, home: string, token: string, [attempt, draft, answer, stopped]: Run): Claim {
  return {
    home,
    token,
    ...entry,
    attempt,
    draft: draft === '' ? null : (JSON.parse(draft) as JsonObject),
    ...(answer !== '' && { answer: JSON.parse(answer) as Answer }),
    stopped: stopped === 1,
  }
}
