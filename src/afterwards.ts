import { messageOf } from './errors.ts'
import { summaryPrompt, titleFrom, titlePrompt } from './history.ts'
import type { Asker, Limits } from './limits.ts'
import type { Conversations } from './store.ts'
import type { Answer, Conversation, Log, Model, Prompt } from './types.ts'

/** A committed turn, in whose wake a title or a summary may be due. */
export interface CommittedTurn {
  turn: string
  conversation: string
  /** On whose account it is. */
  asker: Asker
  /** The conversation as it was before this turn. */
  before: Conversation | undefined
  question: string
  answer: Answer
  /** Messages before this `seq` fell out of the model's window. */
  dropped: number
}

/** Work that nobody waits for: titles and rolling summaries, made by the cheap model. */
export interface Afterwards {
  committed(turn: CommittedTurn): void
  /** Stop what runs; a missing title or summary is made in the wake of a later turn. */
  close(): Promise<void>
}

/** More than so many at once only delay answers; what is left out comes with the conversation's next turn. */
const atOnce = 4
/** Summarise in steps of at least so many messages, or each turn would cost one more model call. */
const summaryStep = 6
/** While a conversation has fewer messages than this, a failed title is tried again with the next turn. */
const untitledTries = 6

export function createAfterwards(options: {
  model: Model
  conversations: Conversations
  limits: Pick<Limits, 'note'>
  log: Log
}): Afterwards {
  const { model, conversations, limits, log } = options
  const running = new Map<string, Promise<void>>()
  const ending = new AbortController()

  async function name({ turn, conversation, asker, question, answer }: CommittedTurn): Promise<void> {
    const text = titleFrom(await ask({ ...titlePrompt(question, answer.text), turn }, asker))
    if (text) await conversations.update(conversation, { title: { text, by: 'model' } })
  }

  async function summarise({ turn, conversation, asker, before, dropped }: CommittedTurn): Promise<void> {
    const previous = before?.summary
    const found = await conversations.read(conversation, { before: dropped, messages: 60, bytes: 200_000 })
    const fresh = found?.messages.filter(({ seq }) => seq >= (previous?.upTo ?? 0)) ?? []
    const text = (await ask({ ...summaryPrompt(fresh, previous?.text), turn }, asker)).trim()
    if (text) await conversations.update(conversation, { summary: { text, upTo: dropped } })
  }

  async function ask(prompt: Prompt, asker: Asker): Promise<string> {
    let text = ''
    for await (const event of model.stream(prompt, ending.signal)) {
      if (event.type === 'text') text += event.text
      else limits.note(asker, event.usage, event.model)
    }
    return text
  }

  function start(turn: CommittedTurn, work: (turn: CommittedTurn) => Promise<void>): void {
    if (running.size >= atOnce || running.has(turn.conversation) || ending.signal.aborted) return
    const job = work(turn)
      .catch((thrown) =>
        log.info(
          { turn: turn.turn, conversation: turn.conversation, reason: messageOf(thrown) },
          'no title or summary this time',
        ),
      )
      .finally(() => running.delete(turn.conversation))
    running.set(turn.conversation, job)
  }

  return {
    committed(turn) {
      if (turn.answer.text === '' || model.kind === 'none') return
      const { titledBy = 'none', count = 0, summary } = turn.before ?? {}
      if (turn.dropped - (summary?.upTo ?? 0) >= summaryStep) start(turn, summarise)
      else if ((titledBy === 'none' || titledBy === 'text') && count < untitledTries) start(turn, name)
    },
    async close() {
      ending.abort()
      await Promise.allSettled(running.values())
    },
  }
}
