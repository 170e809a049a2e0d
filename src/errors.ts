import type { Notice } from './types.ts'

/**
 * Every way in which something can go wrong that a person or an operator may hear of. One code, one sentence: what
 * happened and what to do. Surfaces show `text` as it is; logs carry the code and the cause.
 */
const words = {
  // the model
  model_missing: [
    'No language model is set up yet. An administrator needs to connect AWS Bedrock (see the README).',
    false,
  ],
  model_access: [
    'The bot is not allowed to use its language model right now. An administrator needs to check its access.',
    false,
  ],
  model_config: ['The language model is not set up correctly. An administrator needs to look at its settings.', false],
  model_busy: ['The language model is very busy right now. Please try again in a minute.', true],
  model_unavailable: ['The language model cannot be reached right now. Please try again in a minute.', true],
  model_slow: ['The language model took too long to answer. Please try again.', true],
  model_rejected: [
    'The language model could not work with this message. Try to put it differently, or start a new chat.',
    false,
  ],
  context_overflow: ['This is too long for the language model. Shorten the message, or start a new chat.', false],
  empty_answer: ['The language model gave no answer. Please try again.', true],
  // beside an answer
  cut_broken: [
    'The connection to the language model broke off, so this answer is incomplete. Try again for a whole one.',
    true,
  ],
  cut_length: ['This answer reached its length limit. Write “continue” to get the rest.', false],
  cut_context: [
    'This conversation has become too long for the model, so the answer was cut. Start a new chat to go on.',
    false,
  ],
  filtered: ['The model’s provider held back this answer. Try to put the question differently.', false],
  guardrail: ['This question or its answer is against the rules set for this bot, so it was held back.', false],
  stopped: ['Stopped.', true],
  // the service
  inbox_full: [
    'There are already many messages waiting in this conversation. Please wait for their answers first.',
    true,
  ],
  store_unavailable: ['The chat cannot reach its storage right now. Please try again in a minute.', true],
  gave_up: ['Something went wrong while answering, several times in a row. Please try again.', true],
  internal: ['Something went wrong on our side. Please try again.', true],
  draining: ['The service is restarting. Please try again in a moment.', true],
  // who may
  refused_guest: [
    'Sorry, this bot only answers full members of the organisation. Ask an administrator if you need access.',
    false,
  ],
  refused_inactive: ['This account is not active, so the bot cannot answer.', false],
  refused_disabled: [
    'Your access to this bot has been switched off. Ask an administrator if you think that is a mistake.',
    false,
  ],
  parted: [
    'This conversation stayed with the account that yours was unlinked from. Send your message again, and a new one begins here.',
    false,
  ],
  // limits
  limit_reached: ['You have reached your limit. Please try again when it resets.', false],
  limit_held: ['Your other questions are still being answered. Please try again when they are done.', true],
  limit_near: ['Most of your limit is used.', false],
  bad_limit: [
    'A limit is a whole number (dollars may have cents), -1 for no limit at all, or nothing. Nothing was changed.',
    false,
  ],
  // joining what belongs to one person
  link_code: [
    'This code is wrong, was used already or has run out. Get a new one on the other side: with “link” in Slack and Teams, under “Your account” on the page.',
    false,
  ],
  own_link_code: ['This is your own code. Enter it where you write to me under your other account.', false],
  on_hold: ['Your data is under a legal hold, so it cannot be deleted now. Ask an administrator about it.', false],
  last_admin: ['This is the last administrator, so the role cannot be taken away.', false],
  not_oneself: ['You cannot do this to your own account.', false],
  last_identity: ['This is the only way in to your account, so it cannot be taken away.', false],
  refused_workspace: [
    'This account is not one of the organisation’s that may use this bot. Choose another account, or ask an administrator.',
    false,
  ],
  // signing in elsewhere
  sign_in_unavailable: [
    'The service that signs you in cannot be reached right now. Please try again in a minute.',
    true,
  ],
  sign_in_declined: ['You did not finish signing in, so nothing was changed.', true],
  sign_in_over: [
    'That sign-in took too long, was used already or was begun in another browser. Please try again.',
    true,
  ],
  sign_in_failed: ['Signing in did not work. Please try again, and tell an administrator if it happens again.', true],
  shared: [
    'Others take part in this conversation, so it can only be read here. Continue it in private to go on.',
    false,
  ],
  // requests
  not_found: ['There is nothing here, or it is not yours to see.', false],
  bad_request: ['This request could not be understood.', false],
  empty_message: ['The message is empty. Write something first.', false],
  too_long: ['This message is too long. Please shorten it.', false],
  too_large: ['This is too large to be sent in one piece.', false],
  not_signed_in: ['You are not signed in, or were signed out. Please sign in again.', false],
  bad_csrf: ['This page is out of date. Reload it and try again.', true],
  too_many_attempts: ['Too many attempts. Please wait a few minutes and try again.', false],
  bad_login: ['The name or the password is not right.', false],
} as const satisfies Record<string, readonly [string, boolean]>

export type FaultCode = keyof typeof words
export const faultCodes = Object.keys(words) as FaultCode[]

/** The words for a code. `text` replaces them where more can be said. */
export function notice(code: FaultCode, text?: string): Notice {
  const [standard, retry] = words[code]
  return { code, text: text ?? standard, retry }
}

/** An expected failure: has a code and words for a person. Everything else that is thrown is a defect, shown as `internal`. */
export class Fault extends Error {
  readonly code: FaultCode
  readonly notice: Notice

  constructor(code: FaultCode, options: { cause?: unknown; text?: string; detail?: string } = {}) {
    super(options.detail ?? code, { cause: options.cause })
    this.name = 'Fault'
    this.code = code
    this.notice = notice(code, options.text)
  }
}

/** A surface knows nothing of a person, and has no way to find out: there is nobody to ask, which is no outage. */
export class CannotTell extends Error {}

/** The fault in whatever was thrown; a defect becomes `internal`. */
export function asFault(thrown: unknown): Fault {
  return thrown instanceof Fault ? thrown : new Fault('internal', { cause: thrown, detail: messageOf(thrown) })
}

export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
