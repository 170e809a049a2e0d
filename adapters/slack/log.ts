import { LogLevel } from '@slack/bolt'
import type { Log } from '../../src/types.ts'

type SlackLogger = {
  debug(...parts: unknown[]): void
  info(...parts: unknown[]): void
  warn(...parts: unknown[]): void
  error(...parts: unknown[]): void
  setLevel(level: LogLevel): void
  getLevel(): LogLevel
  setName(name: string): void
}

/**
 * Slack's own packages in our log. Their debug lines print whole messages and requests, and building them costs as much
 * as the work itself, so there are none; `info` is chatter, kept for debugging.
 */
export function slackLogger(log: Log): SlackLogger {
  const words = (parts: unknown[]): string =>
    parts.map((part) => (part instanceof Error ? part.message : typeof part === 'string' ? part : '')).join(' ')
  return {
    debug() {},
    info: (...parts) => log.debug({}, words(parts)),
    warn: (...parts) => log.warn({}, words(parts)),
    error: (...parts) => log.error({}, words(parts)),
    setLevel() {},
    getLevel: () => LogLevel.INFO,
    setName() {},
  }
}
