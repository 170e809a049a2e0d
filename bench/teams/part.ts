import type { Driver } from './drive.ts'
import type { TeamsRig } from './rig.ts'

/** What each part of the Teams benchmark works with. */
export interface Part {
  rig: TeamsRig
  driver: Driver
  /** A count, scaled; at least 1. */
  some(count: number): number
}

/** So many that nobody has a question while the answer to another one is under way. */
export const people = 400
