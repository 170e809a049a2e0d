import type { Conversation, Message, OpenConversation, PendingTurn, User } from '../../src/types.ts'

/** What is kept becomes what is shown: nobody's id, and of ratings the reader's own. */
export function conversationItem(conversation: Conversation, snippet?: string) {
  const { id, title, titledBy, surface, direct, createdAt, updatedAt, count, usage } = conversation
  const { input, output, cacheRead, cacheWrite } = usage
  return {
    ...{ id, title, titledBy, surface, direct, createdAt, updatedAt, count },
    usage: { input, output, cacheRead, cacheWrite },
    ...(snippet !== undefined && { snippet }),
  }
}

/** Under this id, or one they had before they were merged. */
function isReader(id: string, { id: own, formerly = [] }: User): boolean {
  return id === own || formerly.includes(id)
}

export function message(stored: Message, reader: User) {
  const { seq, turn, role, text, at, surface, author, answer, rating } = stored
  const own = rating && isReader(rating.user, reader) ? rating : undefined
  return {
    ...{ seq, turn, role, text, at, surface },
    ...(author && { author: { name: author.name, self: isReader(author.user, reader) } }),
    ...(answer && { answer }),
    ...(own && { rating: { value: own.value, ...(own.comment && { comment: own.comment }) } }),
  }
}

export function pendingTurn(waiting: PendingTurn, reader: User) {
  const { turn, conversation, text, at, surface, running, replaces, user } = waiting
  return {
    ...{ turn, conversation, text, at, surface, running },
    self: user !== undefined && isReader(user, reader),
    ...(replaces !== undefined && { replaces }),
  }
}

export function messagePage(messages: Message[], reader: User) {
  const oldest = messages[0]?.seq ?? 0
  return { messages: messages.map((one) => message(one, reader)), ...(oldest > 0 && { before: oldest }) }
}

export function openConversation(open: OpenConversation, reader: User) {
  return {
    conversation: conversationItem(open.conversation),
    ...messagePage(open.messages, reader),
    pending: open.pending.map((one) => pendingTurn(one, reader)),
  }
}
