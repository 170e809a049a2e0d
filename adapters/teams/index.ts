import type { Router } from 'express'
import type { Cache, Counters } from '../../src/store.ts'
import type { Adapter, Log, PlatformChat } from '../../src/types.ts'
import type { Clock } from './clock.ts'
import type { TeamsConfig } from './config.ts'

export { faultsOf, isConfigured, type TeamsConfig } from './config.ts'

export interface Teams {
  adapter: Adapter
  /** `POST /api/messages`. To be mounted where no body was read before. */
  routes: Router
  /** Wait for what goes on besides answers. After the last turn is over. */
  close(): Promise<void>
}

export interface TeamsOptions {
  config: TeamsConfig
  chat: PlatformChat
  /** Which message shows which answer. */
  cache: Cache
  /** What was done already, on whichever instance. */
  counters: Counters
  log: Log
  clock?: Clock
}

/** The Teams surface. Its packages are loaded here and not before: who does not use it does not pay for it. */
export async function createTeams(options: TeamsOptions): Promise<Teams> {
  const { openTeams } = await import('./teams.ts')
  return openTeams(options)
}
