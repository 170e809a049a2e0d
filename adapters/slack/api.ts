import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../../src/types.ts'
import { deadToken, SlackError } from './errors.ts'
import { type Clock, createGates } from './gates.ts'
import type { Result, Send } from './http.ts'
import type { Workspaces } from './workspaces.ts'

/** What a repeated call does. `once`: it may double a message. `safe`: the same as the first, or nothing. */
type Repeat = 'once' | 'safe'

/**
 * Every method of the Web API that is called, with the scopes it needs (the manifest is held to them by a test) and
 * whether it may be called again when nobody knows what became of it.
 */
export const methods = {
  'auth.test': { scopes: [], repeat: 'safe' },
  'agents.sessions.setStatus': { scopes: ['assistant:write'], repeat: 'safe' },
  'assistant.threads.setStatus': { scopes: ['chat:write'], repeat: 'safe' },
  'assistant.threads.setSuggestedPrompts': { scopes: ['assistant:write'], repeat: 'safe' },
  'chat.appendStream': { scopes: ['chat:write'], repeat: 'once' },
  'chat.delete': { scopes: ['chat:write'], repeat: 'safe' },
  'chat.postEphemeral': { scopes: ['chat:write'], repeat: 'once' },
  'chat.postMessage': { scopes: ['chat:write'], repeat: 'once' },
  'chat.startStream': { scopes: ['chat:write'], repeat: 'once' },
  'chat.stopStream': { scopes: ['chat:write'], repeat: 'once' },
  'chat.update': { scopes: ['chat:write'], repeat: 'safe' },
  'conversations.history': {
    scopes: ['channels:history', 'groups:history', 'im:history', 'mpim:history'],
    repeat: 'safe',
  },
  'conversations.info': { scopes: ['channels:read', 'groups:read'], repeat: 'safe' },
  'conversations.open': { scopes: ['im:write'], repeat: 'safe' },
  'conversations.replies': {
    scopes: ['channels:history', 'groups:history', 'im:history', 'mpim:history'],
    repeat: 'safe',
  },
  'users.info': { scopes: ['users:read', 'users:read.email'], repeat: 'safe' },
  'views.open': { scopes: [], repeat: 'once' },
  'views.publish': { scopes: [], repeat: 'safe' },
} as const satisfies Record<string, { scopes: readonly string[]; repeat: Repeat }>

export type Method = keyof typeof methods

export interface CallOptions {
  /** Whom a 429 holds up beside this call: the channel (or the person) it is about. */
  about?: string
  /** One try: a 429 is thrown and not waited out, and nothing is repeated. */
  impatient?: boolean
}

/** The Web API in the name of an installation. Throws `SlackError`s alone. */
export interface Api {
  call(install: string, method: Method, args: Record<string, unknown>, options?: CallOptions): Promise<Result>
  /** When a call would be let through again after a 429; 0: now. */
  limitedUntil(install: string, method: Method, about: string): number
}

/**
 * Calls that are given up too early, and done after all, leave what nobody knows of: a message, or a status that nobody
 * clears. So there is more time for them.
 */
const leavesSomething: ReadonlySet<Method> = new Set<Method>([
  'assistant.threads.setStatus',
  'chat.postMessage',
  'chat.startStream',
])
const patience = 3
/** Tries of a call that may be repeated, and the pauses between them. */
const pausesMs = [250, 1_000]

export function createApi(options: {
  send: Send
  workspaces: Pick<Workspaces, 'token' | 'gone'>
  timeoutMs: number
  log: Log
  clock?: Clock
}): Api {
  const { send, workspaces, timeoutMs, log, clock = systemClock } = options
  const gates = createGates(clock)
  const keyOf = (install: string, method: Method, about = ''): string => `${install} ${method} ${about}`

  /** One call, with a token that is fresh, and once more with a fresher one if Slack finds it too old. */
  async function withToken(install: string, method: Method, args: Record<string, unknown>): Promise<Result> {
    for (let fresher = false; ; fresher = true) {
      const token = await workspaces.token(install, fresher)
      try {
        return await send(method, token, args, leavesSomething.has(method) ? timeoutMs * patience : timeoutMs)
      } catch (thrown) {
        if (!(thrown instanceof SlackError)) throw thrown
        if (thrown.code === 'token_expired' && !fresher) continue
        if (deadToken.has(thrown.code)) await workspaces.gone(install, thrown.code)
        throw thrown
      }
    }
  }

  async function call(
    install: string,
    method: Method,
    args: Record<string, unknown>,
    { about, impatient }: CallOptions = {},
  ): Promise<Result> {
    const key = keyOf(install, method, about)
    if (impatient && gates.limitedUntil(key) > clock.now())
      throw new SlackError(method, 'ratelimited', { retryAfterMs: gates.limitedUntil(key) - clock.now() })
    const pass = await gates.enter(key)
    let leaves = true
    try {
      for (let tries = 0; ; ) {
        try {
          return await withToken(install, method, args)
        } catch (thrown) {
          if (!(thrown instanceof SlackError)) throw thrown
          if (thrown.retryAfterMs !== undefined) {
            log.debug({ method, ms: thrown.retryAfterMs }, 'Slack asks to wait')
            if (impatient) {
              leaves = false
              void pass.limited(thrown.retryAfterMs).then(pass.leave)
              throw thrown
            }
            await pass.limited(thrown.retryAfterMs)
            continue
          }
          const pause = pausesMs[tries++]
          if (impatient || pause === undefined || !mayRepeat(method, thrown)) throw thrown
          await clock.sleep(pause)
        }
      }
    } finally {
      if (leaves) pass.leave()
    }
  }

  return { call, limitedUntil: (install, method, about) => gates.limitedUntil(keyOf(install, method, about)) }
}

function mayRepeat(method: Method, { code, outcome }: SlackError): boolean {
  if (code === 'unreachable' && outcome === 'not done') return true
  return outcome === 'unknown' && methods[method].repeat === 'safe'
}

/** Waits keep no process alive. */
export const systemClock: Clock = { now: Date.now, sleep: (ms) => sleep(ms, undefined, { ref: false }) }
