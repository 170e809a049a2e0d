import { Fault, notice } from '../../../src/errors.ts'
import type { Answer, Draft, JsonObject, Notice, Reply } from '../../../src/types.ts'
import type { Wire, WireCall } from '../../support/wire.ts'

/** One message of ours, as the person who asked sees it now. */
export interface Shown {
  /** What it holds of the answer, as it was written; tables as rows of words. */
  body: string
  /** All that can be read in it, with what stands around the answer. */
  text: string
  /** `broken`: it was meant to grow, and stands there unfinished for good. */
  state: 'final' | 'growing' | 'broken'
  /** Whom it rings for. */
  pings: string[]
  /** Where it leads to, under which words. */
  links: { label: string; target: string }[]
}

/** How an answer ends, in the core's words. */
export type Ending = { type: 'done' | 'stopped'; answer: Answer } | { type: 'failed'; notice: Notice }

/** One answer as it comes: what is shown while it is written (maybe nothing), and the end that counts. */
export interface Story {
  pieces: string[]
  end: Ending
}

/** A place with one question, and what became of it. */
export interface Stage {
  /** Let the answer come, from its first call to its last. */
  tell(story: Story): Promise<void>
  screen(): Promise<Shown[]>
  /** Something there still says that more is to come: thinking, typing, a bubble that waits. */
  busy(): Promise<boolean>
  /** Called whenever what is seen there may have changed; the result ends it. */
  watch(listener: () => void): () => void
}

/** What differs from surface to surface. */
export interface Traits {
  /**
   * Characters of plain text in short paragraphs that a message holds at least before another one begins behind it.
   * `grown`: a message that was shown while it was written.
   */
  fill: { grown: number; whole: number }
  /** Lengths at which something about a message may change: limits of its size. */
  edges: readonly number[]
  /** Text that means something here and must not when a model writes it. */
  traps: readonly string[]
  /** Names of the ways in which the platform may take no previews. */
  refusals: readonly string[]
}

/** A surface that is sent its answers. */
export interface PushWorld {
  /** A fresh place with a fresh question in it. */
  ask(): Promise<Asked>
  /**
   * Where nobody can look whether a message arrived: this call may have left one or not, so it is not made again, and the
   * person is told so in these words.
   */
  doubt?: { about(call: WireCall): boolean; words: string }
  /** Refuse all previews from now on, in one of the ways of `Traits.refusals`. */
  refuse(way: string): void
  heal(): void
}

export interface Asked extends Pick<Stage, 'screen' | 'busy' | 'watch'> {
  /** A process that takes the question up. */
  process(): Promise<Process>
  /** So much time passes that what ends by itself has ended. */
  later(): Promise<void>
}

export interface Process {
  wire: Wire
  open(draft: Draft): Reply
}

// --- what the core does with a reply -----------------------------------------------------------------------------------

export const whole = (text: string): Ending => ({ type: 'done', answer: { text, stop: 'end', model: 'test' } })
export const failing = (code: Parameters<typeof notice>[0]): Ending => ({ type: 'failed', notice: notice(code) })

/** A text and so many pieces it comes in. */
export function inPieces(text: string, count = 3): Story {
  const size = Math.max(1, Math.ceil(text.length / count))
  const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size))
  return { pieces, end: whole(text) }
}

/** What is left of a turn when a process dies: its draft, and its answer once that is stored. */
export interface Turn {
  saved: JsonObject | null
  answer?: Ending
}

export const newTurn = (): Turn => ({ saved: null })

/** One process, as far as it works on one turn. */
export interface Life {
  state: 'well' | 'lease lost' | 'dead'
  /**
   * What becomes of its `nth` save: the store fails for that moment; or there it loses its lease; or it dies there, before or
   * after that is durable.
   */
  save?: { nth: number; effect: 'fails' | 'lease lost' | 'dead before' | 'dead after'; hit(): void }
}

export const aLife = (save?: Life['save']): Life => ({ state: 'well', ...(save && { save }) })

/** A new one each time: one for all would hold on to everyone who waits for it. */
const never = (): Promise<never> => new Promise(() => {})

/** The draft as one process has it. */
export function draftOf(turn: Turn, life: Life): Draft {
  let saves = 0
  return {
    saved: structuredClone(turn.saved),
    async save(state) {
      if (life.state === 'dead') return never()
      if (life.state === 'lease lost') throw new Error('the turn belongs to another instance now')
      const harm = saves++ === life.save?.nth ? life.save : undefined
      if (!harm || harm.effect === 'dead after') turn.saved = structuredClone(state)
      if (!harm) return
      if (harm.effect !== 'fails') life.state = harm.effect === 'lease lost' ? 'lease lost' : 'dead'
      harm.hit()
      if (life.state === 'dead') return never()
      throw new Fault('store_unavailable')
    },
  }
}

/** How often the core offers a stored answer to a surface here that fails. */
const tries = 6

/** One process brings a turn to its end, as the core does: a stored answer is delivered as it is. */
export async function perform(turn: Turn, reply: Reply, story: Story, life: Life): Promise<void> {
  if (!turn.answer) {
    await reply.started().catch(() => {})
    let text = ''
    let showing = true
    for (const piece of story.pieces) {
      text += piece
      // A failure ends the preview and nothing else.
      if (showing) showing = await reply.text(piece, text).then(...succeeded)
      if (life.state === 'dead') return never()
    }
    if (life.state === 'lease lost') return
    turn.answer = story.end
  }
  for (let attempt = 1; ; attempt++) {
    try {
      return await finish(reply, turn.answer)
    } catch (thrown) {
      if (life.state !== 'well' || attempt === tries) throw thrown
    }
  }
}

const succeeded = [() => true, () => false] as const

function finish(reply: Reply, end: Ending): Promise<void> {
  if (end.type === 'failed') return reply.failed(end.notice)
  return end.type === 'stopped' ? reply.stopped(end.answer) : reply.done(end.answer)
}

/** A surface that is sent its answers, as a stage: one process, which nothing happens to. */
export function stageOf(asked: Asked): Stage {
  return {
    screen: asked.screen,
    busy: asked.busy,
    watch: asked.watch,
    async tell(story) {
      const { open, wire } = await asked.process()
      const turn = newTurn()
      const life = aLife()
      await perform(turn, open(draftOf(turn, life)), story, life)
      await wire.idle()
    },
  }
}
