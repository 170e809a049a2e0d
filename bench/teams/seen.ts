/** What Teams' stand-in saw of one answer. */
export interface SeenAnswer {
  /** Unique for each answer. */
  id: string
  conversation: string
  /** How often each was called for it. */
  informative: number
  streaming: number
  finals: number
  /** Posts, updates and deletions, of which a streamed answer needs none. */
  others: number
  /** The model's pieces that its message holds. */
  pieces: number
  /** From the question leaving its sender until the model had the request, in milliseconds. */
  took?: number
}

/** Streamed once, and all of it there. */
export function isWhole(seen: SeenAnswer, deltas: number): boolean {
  return seen.informative === 1 && seen.finals === 1 && seen.others === 0 && seen.pieces === deltas
}

export const callsOf = ({ informative, streaming, finals, others }: SeenAnswer): number =>
  informative + streaming + finals + others
