import { decimal, listOf, matching, whole } from './kinds.ts'
import type { Variable } from './variables.ts'

/** Who is who across the surfaces. */
export const peopleVariables = {
  LINK_EMAIL_DOMAINS: {
    group: 'People',
    ...listOf(
      matching('domain', /^[a-z\d-]+(\.[a-z\d-]+)+$/i, 'has a part that is no domain such as example.com'),
      'list of domains',
    ),
    unset: 'people join their accounts themselves',
    text: 'Someone new whose e-mail address in one of these domains Slack or Teams vouches for is recognised as the user who has the same address elsewhere.',
  },
  LIMIT_MESSAGES_PER_MINUTE: {
    group: 'People',
    ...whole(0, 10_000),
    unset: 'no limit',
    text: 'The most messages of one person in a minute. Admins change this and the next four on the page `/admin`, for everyone, a role, a person or a workspace.',
  },
  LIMIT_TOKENS_PER_DAY: {
    group: 'People',
    ...whole(0, 1_000_000_000),
    unset: 'no limit',
    text: 'The most tokens of one person in a day (of UTC): those of questions with all that goes along, and of answers.',
  },
  LIMIT_TOKENS_PER_MONTH: {
    group: 'People',
    ...whole(0, 100_000_000_000),
    unset: 'no limit',
    text: 'The same in a month.',
  },
  LIMIT_COST_PER_DAY: {
    group: 'People',
    ...decimal(0, 1_000_000),
    unset: 'no limit',
    text: 'The most that one person’s answers may cost in a day, in US dollars by the prices that are known of the models (see `BEDROCK_MODELS`).',
  },
  LIMIT_COST_PER_MONTH: {
    group: 'People',
    ...decimal(0, 1_000_000),
    unset: 'no limit',
    text: 'The same in a month.',
  },
  RETENTION_DAYS: {
    group: 'People',
    ...whole(1, 36_500),
    unset: 'for ever',
    text: 'Conversations that nobody wrote in for so many days are deleted, unless one of their people is under a legal hold.',
  },
  RETENTION_DAYS_SLACK: {
    group: 'People',
    ...whole(1, 36_500),
    unset: 'as RETENTION_DAYS',
    text: 'The same for those that began in Slack.',
  },
  RETENTION_DAYS_TEAMS: {
    group: 'People',
    ...whole(1, 36_500),
    unset: 'as RETENTION_DAYS',
    text: 'The same for those that began in Teams.',
  },
  RETENTION_DAYS_WEB: {
    group: 'People',
    ...whole(1, 36_500),
    unset: 'as RETENTION_DAYS',
    text: 'The same for those that began on the web page.',
  },
  AUDIT_DAYS: { group: 'People', ...whole(1, 36_500), default: '400', text: 'How long the audit log is kept.' },
} satisfies Record<string, Variable>
