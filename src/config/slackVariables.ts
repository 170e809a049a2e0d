import { keyList, listOf, matching, onOff, secret, webUrl } from './kinds.ts'
import type { Variable } from './variables.ts'

const beginsWith = (prefix: string) => ({
  type: `text that begins with \`${prefix}\``,
  schema: secret.schema.refine((value) => value.reveal().startsWith(prefix), `does not begin with ${prefix}`),
})

/** The surface Slack: with what requests are checked, with what calls are made, and who may. */
export const slackVariables = {
  SLACK_SIGNING_SECRET: {
    group: 'Slack',
    ...secret,
    unset: 'no requests at `/slack/events`',
    secret: true,
    text: 'Checks that requests come from Slack (Basic Information, App Credentials).',
  },
  SLACK_BOT_TOKEN: {
    group: 'Slack',
    ...beginsWith('xoxb-'),
    unset: '',
    secret: true,
    text: 'The bot’s token, for one workspace.',
  },
  SLACK_APP_TOKEN: {
    group: 'Slack',
    ...beginsWith('xapp-'),
    unset: 'no Socket Mode',
    secret: true,
    text: 'Socket Mode: events come over a connection that we open, so no public address is needed.',
  },
  SLACK_CLIENT_ID: {
    group: 'Slack',
    ...matching('client id', /^[\w.-]+$/, 'has characters that no client id has'),
    unset: 'one workspace, by SLACK_BOT_TOKEN',
    text: 'Any number of workspaces, installed through `/slack/install`; needs the two below and ENCRYPTION_KEY.',
  },
  SLACK_CLIENT_SECRET: { group: 'Slack', ...secret, unset: '', secret: true, text: 'The secret of the client id.' },
  SLACK_STATE_SECRET: {
    group: 'Slack',
    ...secret,
    unset: '',
    secret: true,
    text: 'Signs the state of an installation under way. Any long random text.',
  },
  ENCRYPTION_KEY: {
    group: 'Slack',
    ...keyList,
    unset: '',
    secret: true,
    text: 'Encrypts the tokens of installed workspaces in the store: the first key encrypts, all decrypt. `openssl rand -base64 32`.',
  },
  SLACK_API_URL: {
    group: 'Slack',
    ...webUrl,
    unset: '`https://slack.com/api`',
    text: 'The base of Slack’s Web API, for tests.',
  },
  SLACK_ALLOWED_TEAMS: {
    group: 'Slack',
    ...listOf(
      matching('id', /^[TE][A-Z0-9]+$/, 'has a part that is no id of a workspace (T…) or organisation (E…)'),
      'list of ids, `T…` or `E…`',
    ),
    unset: 'all in which it is installed',
    text: 'The workspaces and organisations whose people may use the bot.',
  },
  SLACK_ALLOW_GUESTS: { group: 'Slack', ...onOff, default: 'off', text: 'Whether guests of a workspace get answers.' },
  SLACK_ALLOW_EXTERNAL: {
    group: 'Slack',
    ...onOff,
    default: 'off',
    text: 'Whether people of other organisations, in Slack Connect channels, get answers.',
  },
} satisfies Record<string, Variable>
