import type { Driver } from './drive.ts'
import type { SlackRig } from './rig.ts'

/** What each part of the Slack benchmark works with. */
export interface Part {
  rig: SlackRig
  driver: Driver
  /** A count, scaled; at least 1. */
  some(count: number): number
}

/** So many workspaces keep each of them far below Slack's limits, as in life. */
export const workspaces = 200
