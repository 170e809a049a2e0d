import type { Conversations } from './store.ts'
import type { Conversation, Message, User } from './types.ts'

const page = 200

/** All ids that stand for a user in what was written: theirs, and those they had before. */
export const idsOf = ({ id, formerly = [] }: Pick<User, 'id' | 'formerly'>): string[] => [id, ...formerly]

/** All messages of a conversation, the oldest first, a page at a time. */
export async function* pagesOf(
  conversations: Pick<Conversations, 'read'>,
  { id, count }: Pick<Conversation, 'id' | 'count'>,
): AsyncIterable<Message[]> {
  for (let before = page; before < count + page; before += page) {
    const found = await conversations.read(id, { before, messages: page })
    if (!found) return
    yield found.messages.filter(({ seq }) => seq < count)
  }
}

/** A conversation as readable Markdown: who said what and when, notices included. */
export async function* exportMarkdown(
  conversation: Conversation,
  pages: AsyncIterable<Message[]>,
): AsyncIterable<string> {
  yield `# ${conversation.title.replace(/\s+/g, ' ') || 'Conversation'}\n\n`
  yield `Begun ${stamp(conversation.createdAt)}, last changed ${stamp(conversation.updatedAt)} (UTC).\n`
  for await (const messages of pages) for (const message of messages) yield markdownOf(message)
}

function markdownOf(message: Message): string {
  const who = message.role === 'assistant' ? 'Assistant' : (message.author?.name ?? 'You')
  const words = message.answer?.notice ? `\n\n> ${message.answer.notice.text}` : ''
  return `\n## ${who} · ${stamp(message.at)}\n\n${message.text}${words}\n`
}

function stamp(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ')
}

/** A conversation as JSON, one message a line; ids of people are left out, and so are ratings of others than the `reader`. */
export async function* exportJson(
  conversation: Conversation,
  pages: AsyncIterable<Message[]>,
  reader: readonly string[],
): AsyncIterable<string> {
  const { id, title, surface, createdAt, updatedAt, usage } = conversation
  const head = { id, title, surface, createdAt: iso(createdAt), updatedAt: iso(updatedAt), usage }
  yield `${JSON.stringify(head).slice(0, -1)},"messages":[`
  let first = true
  for await (const messages of pages) {
    for (const message of messages) {
      yield `${first ? '' : ','}\n${JSON.stringify(jsonOf(message, reader))}`
      first = false
    }
  }
  yield '\n]}\n'
}

function jsonOf({ turn, role, text, at, surface, author, answer, rating }: Message, reader: readonly string[]) {
  const own = rating && reader.includes(rating.user) ? rating : undefined
  return {
    turn,
    role,
    text,
    at: iso(at),
    surface,
    ...(author && { author: author.name }),
    ...answer,
    ...(own && { rating: { value: own.value, ...(own.comment && { comment: own.comment }) } }),
  }
}

function iso(at: number): string {
  return new Date(at).toISOString()
}
