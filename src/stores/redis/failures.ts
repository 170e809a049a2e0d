import { Fault } from '../../errors.ts'

/**
 * What to do about an error of a command. `retry`: the same command may work in a moment, and repeating it is safe (every
 * script is idempotent). `unavailable`: it will not soon. `defect`: the command itself is wrong.
 */
export type Failure = 'retry' | 'unavailable' | 'defect'

/**
 * Replies that go away by themselves: loading, failing over, resharding, a slow script. In the middle of the text, because
 * Redis 6 wraps what a script met in an error of its own.
 */
const passing = /\b(LOADING|READONLY|TRYAGAIN|CLUSTERDOWN|MASTERDOWN|BUSY|MOVED|ASK|UNBLOCKED)\b/
/** Replies that need an operator: memory, disk, password, rights. */
const lasting = /\b(OOM|MISCONF|NOREPLICAS|NOAUTH|WRONGPASS|NOPERM|NOPROTO)\b/

export function failureOf(error: unknown): Failure {
  if (error instanceof TypeError || error instanceof RangeError || !(error instanceof Error)) return 'defect'
  if (error.name === 'ReplyError') {
    if (lasting.test(error.message)) return 'unavailable'
    return passing.test(error.message) ? 'retry' : 'defect'
  }
  // Everything else the client makes up itself: closed, not connected, too many redirections, queue flushed.
  return error.message === 'Command timed out' ? 'unavailable' : 'retry'
}

export const noNode = 'Cluster has no node'

/** Whether a command surely never left: the client had no connection for it. */
export function unsent(error: unknown): boolean {
  return error instanceof Error && /isn't (writeable|ready)|^Cluster has no node/.test(error.message)
}

/**
 * The words of an error and nothing else: ioredis puts the command's arguments on its errors, and those are people's
 * messages and the password.
 */
export function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  // An unknown command is told with its arguments.
  const text = error.message.replace(/,? with args.*/s, '')
  return text || code || error.name
}

export function unavailable(error: unknown): Fault {
  const words = wordsOf(error)
  return new Fault('store_unavailable', { detail: `Redis: ${words}`, cause: new Error(words) })
}
