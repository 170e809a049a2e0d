import { LRUCache } from 'lru-cache'
import { Fault, messageOf, notice } from '../../src/errors.ts'
import type { Answer, Draft, Incoming, Reply, Sender } from '../../src/types.ts'
import type { Desk } from './desk.ts'
import { type About, type Address, readAddress } from './incoming.ts'
import { savedAs } from './messages.ts'
import { createReply } from './reply.ts'

/** Answers on their way out: those of turns, and those that somebody misses. */
export interface Replies {
  open(address: Address, draft: Draft, about: Turn): Reply
  prepare(incoming: Incoming, first: boolean): { text: string }
  /**
   * Somebody misses an answer of which Teams did not tell whether it arrived: show it where the words about that stand
   * (`note`). Resolves when what is asked for is known; rejects for Teams to bring it again.
   */
  show(note: string | undefined, turn: string, about: Pick<About, 'sender' | 'address'>): Promise<void>
}

interface Turn {
  conversation: string
  turn: string
}

/** How far back a missed answer is looked for: nobody looks for it long after. */
const newestMessages = 100

export function createReplies(desk: Desk): Replies {
  const { chat, transport, clock, limits, log } = desk
  /** Questions in the middle of a thread of which we saw nothing else. */
  const blind = new LRUCache<string, true>({ max: 1_000 })
  const showing = new Set<string>()

  /** Teams' own Stop has ended what is shown; the turn ends too. */
  async function stopTurn(address: Address, { conversation, turn }: Turn): Promise<void> {
    const sender: Sender = { surface: 'teams', workspace: address.tenant, id: address.from.person }
    const user = await chat.who(sender)
    await chat.stop(user.id, conversation, turn)
  }

  const open: Replies['open'] = (address, draft, { conversation, turn }) => {
    const about = { conversation, turn }
    const turnLog = log.child({ turn })
    return createReply({
      transport,
      address,
      draft,
      about,
      clock,
      limits,
      log: turnLog,
      web: desk.webLink(conversation),
      notes: () => notesOn(address, blind.delete(keyOf(address))),
      cancelled: () => desk.background('stopping a turn', () => stopTurn(address, about)),
      posted(id) {
        desk.answers
          .remember(address, id, about)
          .catch((thrown: unknown) =>
            turnLog.warn({ reason: messageOf(thrown) }, 'a message cannot be recognised later'),
          )
      },
    })
  }

  /** The answer of which this message says that it may be missing, if this person may see it. */
  async function missed(note: string, turn: string, { sender, address }: Pick<About, 'sender' | 'address'>) {
    const about = await desk.answers.of(address, note)
    if (about?.turn !== turn) return null
    try {
      const user = await chat.who(sender)
      const { messages } = await chat.conversations.open(user.id, about.conversation, { limit: newestMessages })
      const found = messages.find((message) => message.turn === turn && message.role === 'assistant')
      return found?.answer ? { about, answer: { ...found.answer, text: found.text } } : null
    } catch (thrown) {
      if (thrown instanceof Fault && thrown.code !== 'store_unavailable') return null
      throw thrown
    }
  }

  return {
    open,
    prepare(incoming, first) {
      const address = readAddress(incoming.address)
      // Teams shows a bot nothing of a thread but what mentions it: the person should know.
      if (first && address.inThread) blind.set(keyOf(address), true)
      return { text: incoming.text }
    },
    async show(note, turn, about) {
      if (!note || showing.has(note)) return
      const found = await missed(note, turn, about)
      if (!found) return desk.tell(about.address, { text: notice('not_found').text })
      // Pressed twice in a row. Later there is no button any more.
      if (showing.has(note)) return
      showing.add(note)
      const draft: Draft = { saved: savedAs([note]), save: async () => {} }
      const work = (): Promise<void> => deliver(open(about.address, draft, found.about), found.answer)
      desk.background('showing an answer', () => work().finally(() => showing.delete(note)))
    },
  }
}

function deliver(reply: Reply, answer: Answer): Promise<void> {
  if (answer.stop === 'failed') return reply.failed(answer.notice ?? notice('internal'))
  return answer.stop === 'stopped' ? reply.stopped(answer) : reply.done(answer)
}

/** A conversation of Teams gets one answer at a time. */
function keyOf({ tenant, conversation }: Address): string {
  return `${tenant}:${conversation}`
}

function notesOn(address: Address, blind: boolean): string[] {
  const notes: string[] = []
  if (blind)
    notes.push('I only see the messages of this thread that mention me, so I do not know what was said before.')
  if (address.files) {
    const names = address.files
      .map((name) => `“${name.slice(0, 60)}”`)
      .slice(0, 5)
      .join(', ')
    notes.push(`I cannot read attached files yet (${names}), so this is about the text alone.`)
  }
  return notes
}
