import type { Fault } from './errors.ts'
import { firstWords } from './history.ts'
import type { Claim, Outcome } from './store.ts'
import type { Adapter, Answer, Conversation, Log, Message, Quote, User } from './types.ts'

/** Who writes on the web page has signed in; on the platforms it is the account that counts. */
export function knownUser({ incoming }: Claim): string | undefined {
  return incoming.place.surface === 'web' ? incoming.user : undefined
}

/** What is asked, and what was said before: a replaced turn, and all after it, is not part of that. */
export interface Asked {
  text: string
  quotes?: Quote[]
  conversation: Conversation | undefined
  history: Message[]
}

/** Readies a question for the model. A failure of its surface leaves it as it came. */
export async function prepare(
  claim: Claim,
  adapter: Adapter | undefined,
  found: { conversation: Conversation; messages: Message[] } | null,
  log: Log,
): Promise<Asked> {
  const { incoming } = claim
  const messages = found?.messages ?? []
  const replaced = incoming.replaces ? messages.findIndex(({ turn }) => turn === incoming.replaces) : -1
  const history = replaced < 0 ? messages : messages.slice(0, replaced)
  const known = { conversation: found?.conversation, history }
  const again = messages[replaced]
  if (incoming.text === '' && again?.role === 'user')
    return { ...known, text: again.text, ...(again.quotes && { quotes: again.quotes }) }
  // Without a text it was deleted at its source, and is only brought to an end.
  if (!adapter?.prepare || incoming.text === '') return { ...known, text: incoming.text }
  try {
    return { ...known, ...(await adapter.prepare(incoming, history.length === 0)) }
  } catch (thrown) {
    log.warn({ err: thrown }, 'a question could not be prepared; it is answered as it came')
    return { ...known, text: incoming.text }
  }
}

/** A question and its answer, to be stored together. */
export function outcomeOf(claim: Claim, user: User, asked: Asked, answer: Answer, delivered: boolean): Outcome {
  const { incoming, turn } = claim
  const { surface } = incoming.place
  const { text, ...about } = answer
  const question: Omit<Message, 'seq'> = {
    turn,
    role: 'user',
    text: asked.text,
    at: incoming.sentAt,
    surface,
    author: { user: user.id, name: user.name },
    ...(asked.quotes && { quotes: asked.quotes }),
  }
  const said: Omit<Message, 'seq'> = { turn, role: 'assistant', text, at: Date.now(), surface, answer: about }
  return { messages: [question, said], delivered, answer, participants: [user.id], title: firstWords(asked.text) }
}

/** No answer, and why. */
export function failed(fault: Fault): Answer {
  return { text: '', stop: 'failed', model: '', notice: fault.notice }
}
