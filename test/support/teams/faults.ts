import type { JsonObject } from '../../../src/types.ts'
import type { Call, Operation } from './connector/call.ts'

/**
 * What can go wrong with one call. `done`: the connector did the work all the same and only the reply is lost, the case
 * that doubles messages when a client tries again.
 */
export type Fault =
  /** An error of Teams with its code and message; `retryAfter` in seconds goes into the header. */
  | { kind: 'status'; status: number; code?: string; message?: string; retryAfter?: number; done?: boolean }
  /** The connection is reset without a reply. */
  | { kind: 'cut'; done?: boolean }
  /** A page of a proxy that is no JSON. */
  | { kind: 'garbage'; status?: number; done?: boolean }
  /** Milliseconds on the stand-in's clock, or until a promise resolves. The work is done first, or after the wait. */
  | { kind: 'slow'; wait: number | Promise<unknown>; work?: 'first' | 'last' }

export interface FaultOptions {
  /** How many calls it hits; once by default. */
  times?: number
  /** How many matching calls go well before. */
  skip?: number
  conversation?: string
  when?: (body: JsonObject, call: Call) => boolean
}

export interface FaultRule {
  fault: Fault
  /** Calls it has hit so far. */
  hits: number
}

/** The errors of Teams by name, as its documentation and those who met them tell. */
export const teamsErrors = {
  botRemoved: {
    status: 403,
    code: 'BotNotInConversationRoster',
    message: 'The bot is not part of the conversation roster.',
  },
  blockedByUser: {
    status: 403,
    code: 'ConversationBlockedByUser',
    message: 'User blocked the conversation with the bot.',
  },
  disabledByAdmin: { status: 403, code: 'BotDisabledByAdmin', message: 'The tenant admin disabled this bot.' },
  conversationNotFound: { status: 404, code: 'ConversationNotFound', message: 'Conversation not found.' },
  activityNotFound: {
    status: 404,
    code: 'ActivityNotFoundInConversation',
    message: 'The activity was not found in this conversation.',
  },
  precondition: { status: 412, code: 'PreconditionFailed', message: 'Precondition failed, please try again.' },
  tooBig: { status: 413, code: 'MessageSizeTooBig', message: 'Message size too large.' },
  throttled: { status: 429, code: 'Throttled', message: 'Too many requests.' },
  unavailable: { status: 500, code: 'ServiceError', message: 'Service error.' },
  badGateway: { status: 502, code: 'BadGateway', message: 'Bad gateway.' },
  timeout: { status: 504, code: 'GatewayTimeout', message: 'Gateway timeout.' },
  streamNotAllowed: { status: 403, code: 'ContentStreamNotAllowed', message: 'Content stream is not allowed' },
  streamCompleted: {
    status: 403,
    code: 'ContentStreamNotAllowed',
    message: 'Content stream is not allowed on an already completed streamed message',
  },
  streamExpired: {
    status: 403,
    code: 'ContentStreamNotAllowed',
    message: 'Content stream finished due to exceeded streaming time.',
  },
  streamStopped: { status: 403, code: 'ContentStreamNotAllowed', message: 'Content stream was canceled by user.' },
  streamPrefix: {
    status: 403,
    code: 'ContentStreamNotAllowed',
    message: 'Request streamed content should contain the previously streamed content',
  },
  streamTooBig: { status: 413, code: 'MessageSizeTooBig', message: 'Message size too large' },
  streamQuota: { status: 429, code: 'TooManyRequests', message: 'API calls quota exceeded' },
} as const

export type TeamsError = keyof typeof teamsErrors

export function createFaults() {
  let rules: (FaultRule & { operation: Operation | '*'; options: FaultOptions; left: number; skip: number })[] = []
  return {
    /** Let calls of a kind (`*`: any) go wrong. */
    add(operation: Operation | '*', fault: Fault | TeamsError, options: FaultOptions = {}): FaultRule {
      const whole: Fault = typeof fault === 'string' ? { kind: 'status', ...teamsErrors[fault] } : fault
      const rule = { fault: whole, hits: 0, operation, options, left: options.times ?? 1, skip: options.skip ?? 0 }
      rules.push(rule)
      return rule
    },
    /** The fault that hits this call, if any. */
    pick(call: Call): Fault | undefined {
      for (const rule of rules) {
        const { conversation, when } = rule.options
        if (rule.left <= 0 || (rule.operation !== '*' && rule.operation !== call.operation)) continue
        if (conversation && call.conversation !== conversation) continue
        if (when && !when(call.body ?? {}, call)) continue
        if (rule.skip > 0) {
          rule.skip--
          continue
        }
        rule.left--
        rule.hits++
        return rule.fault
      }
      return undefined
    },
    clear(): void {
      rules = []
    },
  }
}

export type Faults = ReturnType<typeof createFaults>
