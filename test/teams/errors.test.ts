import { describe, expect, test } from 'vitest'
import {
  isClosed,
  isFaulty,
  isMissing,
  isPassing,
  isThrottled,
  isTooLarge,
  streamEndOf,
  TeamsError,
} from '../../adapters/teams/errors.ts'

/** What Teams says, in the words that are known of it, and what we make of that. */
const cases: [status: number, code: string, words: string, meaning: string][] = [
  [403, 'ContentStreamNotAllowed', 'Content stream is not allowed', 'off'],
  [
    403,
    'ContentStreamNotAllowed',
    'Content stream is not allowed on an already completed streamed message',
    'completed',
  ],
  [403, 'ContentStreamNotAllowed', 'Content stream finished due to exceeded streaming time.', 'expired'],
  [403, 'ContentStreamNotAllowed', 'Content stream was canceled by user.', 'cancelled'],
  [403, 'ContentStreamNotAllowed', 'Content stream was cancelled by the user', 'cancelled'],
  [
    403,
    'ContentStreamNotAllowed',
    'Request streamed content should contain the previously streamed content',
    'different',
  ],
  [403, 'ContentStreamNotAllowed', 'Something new.', 'other'],
  [405, 'BadArgument', 'Streaming API is not enabled for non personal scope or non copilot conversations', 'off'],
  [400, 'BadArgument', 'Streaming API is not enabled here', 'off'],
  [403, 'ContentStreamNotAllowed', 'Message size too large', 'too large'],
  [413, 'MessageSizeTooBig', 'Message size too large', 'too large'],
  [400, 'BadRequest', 'Start streaming activities should include text', 'faulty'],
  [400, 'BadSyntax', 'Bad card', 'faulty'],
  [403, 'BotNotInConversationRoster', 'The bot is not part of the conversation roster.', 'closed'],
  [403, 'ConversationBlockedByUser', 'User blocked the conversation with the bot.', 'closed'],
  [404, 'ConversationNotFound', 'Conversation not found.', 'closed'],
  [404, 'ActivityNotFoundInConversation', 'The activity was not found.', 'missing'],
  [412, 'PreconditionFailed', '', 'throttled'],
  [429, 'TooManyRequests', 'API calls quota exceeded', 'throttled'],
  [0, 'ECONNRESET', '', 'passing'],
  [500, 'ServiceError', '', 'passing'],
  [502, '', '<html>', 'passing'],
  [503, '', '', 'passing'],
  [504, 'GatewayTimeout', '', 'passing'],
  [401, 'Unauthorized', 'Authorization has been denied for this request.', 'nothing we know a way out of'],
]

const meanings: Record<string, (error: TeamsError) => boolean> = {
  'too large': isTooLarge,
  faulty: isFaulty,
  closed: isClosed,
  missing: isMissing,
  throttled: isThrottled,
  passing: isPassing,
}

describe('an answer of Teams', () => {
  test.each(cases)('%i %s “%s” means: %s', (status, code, words, meaning) => {
    const error = new TeamsError('send', { status, code, words, outcome: 'refused' })
    const found = [
      ...(streamEndOf(error) ? [streamEndOf(error)] : []),
      ...Object.entries(meanings).flatMap(([name, is]) => (is(error) ? [name] : [])),
    ]
    expect(found).toEqual(meaning.startsWith('nothing') ? [] : [meaning])
  })

  test('and its words are not in what is logged', () => {
    const error = new TeamsError('send', { status: 403, code: 'Code', words: 'Ana said no', outcome: 'refused' })
    expect(error.message).toBe('send: 403 Code')
  })
})
