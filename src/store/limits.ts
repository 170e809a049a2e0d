import type { Surface, Usage } from '../types.ts'

/** What is used of an allowance in its window, and what running turns hold of it beside that. */
export interface Balance {
  used: number
  held: number
}

/**
 * Allowances in windows, exact over all instances. A key is one allowance in one window
 * (`user:<id>:tokens:2026-11-23`); whole numbers. They survive the end of an instance; after a power cut the last second
 * may be missing.
 */
export interface Budgets {
  /**
   * Hold `amount` for a turn. Refused (`ok` false, nothing held for it) when what is used and what other turns hold has
   * reached `limit` already: so it is gone over by one turn at most, unless `amount` is too small. Repeated for a turn that
   * holds something, it replaces that; no more than it held is never refused. A hold that is neither settled nor repeated
   * counts for an hour (`holdMs`). The key ends at `endsAt`, with all that is held.
   */
  hold(
    key: string,
    claim: { turn: string; amount: number; limit: number; endsAt: number },
  ): Promise<Balance & { ok: boolean }>
  /** What a turn really used; its hold ends. Without a hold nothing happens, so that a repeated call adds nothing. */
  settle(key: string, turn: string, amount: number): Promise<Balance>
  /** In the order of the keys; zeros for what was never used. */
  read(keys: string[]): Promise<Balance[]>
}

/** How long a hold counts of which nobody says any more. */
export const holdMs = 3_600_000

/** What was used on one day, by one person, on one surface, of one model. */
export interface UsageRow extends Omit<Usage, 'estimated'> {
  /** `2026-11-23`, in UTC. */
  day: string
  user: string
  surface: Surface
  /** Slack team, Entra tenant or `local`. */
  workspace: string
  /** Empty where none answered. */
  model: string
  turns: number
  /** Millionths of a US dollar; 0 where no price is known. */
  cost: number
}

export interface UsageLog {
  /** Add to the row with this day, user, surface, workspace and model. Kept for 400 days (`usageDays`). */
  add(row: UsageRow): Promise<void>
  /**
   * Rows of these days (both included), of one user or of all, in no order. Users who were merged are told by who they are
   * now, and may be asked for by any id they had.
   */
  read(query: { from: string; to: string; user?: string }): Promise<UsageRow[]>
  /**
   * Forget who it was: the rows of a user, and of those merged into them, are counted under `''` from now on. To be called
   * before `users.remove`, which forgets whom they were merged from. Many bounded steps on Redis; safe to repeat.
   */
  forget(user: string): Promise<void>
}

export const usageDays = 400
