import type { Conversation, Message, Rating, Surface } from '../../types.ts'

/** A conversation with some of its messages as the scripts tell it, see `read_window` in common.lua. */
export type Window = [fields: string[], count: number, first: number, newestFirst: string[], places: string[]]

/** The same as the ports tell it, oldest first. */
export function windowOf([fields, count, first, newestFirst, places]: Window): {
  conversation: Conversation
  messages: Message[]
} {
  const messages = newestFirst.map((text, i) => messageOf(text, first + newestFirst.length - 1 - i, places[i]))
  return { conversation: conversationOf(fields, count), messages: messages.reverse() }
}

/** A message as it is stored: turn, blank, JSON. Its place in a turn's ratings: first seq, answer's seq, rating. */
function messageOf(text: string, seq: number, place = ''): Message {
  const message = JSON.parse(text.slice(text.indexOf(' ') + 1)) as Omit<Message, 'seq'>
  const [, answer, rating] = /^\d+ (\d+) (.*)$/s.exec(place) ?? []
  if (rating === undefined || Number(answer) !== seq) return { seq, ...message }
  return { seq, ...message, rating: JSON.parse(rating) as Rating }
}

function conversationOf(flat: string[], count: number): Conversation {
  const fields = new Map<string, string>()
  const joined: [user: string, at: number][] = []
  for (let i = 0; i < flat.length; i += 2) {
    const [field = '', value = ''] = flat.slice(i, i + 2)
    if (field.startsWith('p:')) joined.push([field.slice(2), Number(value)])
    else fields.set(field, value)
  }
  const text = (field: string) => fields.get(field) ?? ''
  const number = (field: string) => Number(fields.get(field) ?? 0)
  return {
    id: text('id'),
    title: text('title'),
    titledBy: text('titledBy') as Conversation['titledBy'],
    createdAt: number('createdAt'),
    updatedAt: number('updatedAt'),
    surface: text('surface') as Surface,
    direct: text('direct') === '1',
    ...(fields.has('audience') && { audience: text('audience') }),
    participants: joined.sort((a, b) => a[1] - b[1]).map(([user]) => user),
    count,
    usage: {
      input: number('input'),
      output: number('output'),
      cacheRead: number('cacheRead'),
      cacheWrite: number('cacheWrite'),
    },
    ...(fields.has('summary') && { summary: { text: text('summary'), upTo: number('summaryUpTo') } }),
  }
}
