import type { Router } from 'express'
import type { Counters, Vault } from '../../src/store.ts'
import type { Adapter, Log, PlatformChat } from '../../src/types.ts'
import type { SlackConfig } from './config.ts'
import type { Clock } from './gates.ts'

export { isConfigured, type SlackConfig } from './config.ts'

export interface Slack {
  adapter: Adapter
  /** To be mounted where no body was read before. Absent in Socket Mode alone. */
  routes?: Router
  /** Find out who we are, and connect (Socket Mode). Does not wait for Slack, which may be down. */
  start(): Promise<void>
  /** Take nothing new over the websocket, and wait for what goes on. After the last turn is over. */
  close(): Promise<void>
}

/** The workspaces and organisations it is installed in, by their ids, without any secret. */
export interface Registry {
  put(id: string, name: string): Promise<void>
  drop(id: string): Promise<void>
  /** The one workspace of the configured token, each time it is found. */
  own?(id: string, name: string): void
}

export interface SlackOptions {
  config: SlackConfig
  chat: PlatformChat
  /** What was done once already, over all instances. */
  counters: Counters
  /** Where installations are kept; needed with `config.oauth` alone. */
  vault?: Vault
  /** Told where it is installed, for those who look after it. */
  registry?: Registry
  log: Log
  clock?: Clock
}

/** The Slack surface. Slack's packages are loaded here and not before: who does not use it does not pay for it. */
export async function createSlack(options: SlackOptions): Promise<Slack> {
  const { openSlack } = await import('./slack.ts')
  return openSlack(options)
}
