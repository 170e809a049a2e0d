import { guid, listOf, matching, secret, text } from './kinds.ts'
import type { Variable } from './variables.ts'

const clientId = matching('client id', /^[\x21-\x7e]+$/, 'has a blank or a character that no client id has')

/** Kept as it is written: to a provider, the slash at the end of its name is a part of it. */
const issuer = matching(
  'URL, `https://`',
  /^(https:\/\/[^\s?#@]+|http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(\/[^\s?#@]*)?)$/,
  'is no https:// address without a ? or # part',
)

const domain = matching('domain', /^[a-z\d-]+(\.[a-z\d-]+)+$/i, 'has a part that is no domain such as example.com')

/** Who else signs people in on the web page. All of them need PUBLIC_URL. */
export const signInVariables = {
  SIGN_IN_SLACK_CLIENT_ID: {
    group: 'Sign-in',
    ...clientId,
    unset: 'no “Sign in with Slack”',
    text: 'The client id of a Slack app (Basic Information) with the redirect URL `<PUBLIC_URL>/sign-in/slack/callback`. `SLACK_ALLOWED_TEAMS` says whose people may come in.',
  },
  SIGN_IN_SLACK_CLIENT_SECRET: { group: 'Sign-in', ...secret, unset: '', secret: true, text: 'Its client secret.' },
  SIGN_IN_SLACK_ISSUER: {
    group: 'Sign-in',
    ...issuer,
    default: 'https://slack.com',
    text: 'Slack itself, or a stand-in for tests.',
  },
  SIGN_IN_MICROSOFT_CLIENT_ID: {
    group: 'Sign-in',
    ...guid,
    unset: 'no “Sign in with Microsoft”',
    text: 'The application (client) id of a registration in Entra ID with the web redirect URI `<PUBLIC_URL>/sign-in/microsoft/callback`. `TEAMS_ALLOW_GUESTS` holds here, too.',
  },
  SIGN_IN_MICROSOFT_CLIENT_SECRET: {
    group: 'Sign-in',
    ...secret,
    unset: '',
    secret: true,
    text: 'A client secret of the registration: its value, not its id.',
  },
  SIGN_IN_MICROSOFT_TENANT: {
    group: 'Sign-in',
    ...guid,
    unset: '`MicrosoftAppTenantId`',
    text: 'The one tenant whose people may come in.',
  },
  SIGN_IN_MICROSOFT_ISSUER: {
    group: 'Sign-in',
    ...issuer,
    unset: '`https://login.microsoftonline.com/<tenant>/v2.0`',
    text: 'Another cloud of Microsoft, or a stand-in for tests.',
  },
  SIGN_IN_OIDC_ISSUER: {
    group: 'Sign-in',
    ...issuer,
    unset: 'no other provider',
    text: 'Any other provider of OpenID Connect: its issuer, under which `/.well-known/openid-configuration` is. Redirect URI: `<PUBLIC_URL>/sign-in/oidc/callback`.',
  },
  SIGN_IN_OIDC_CLIENT_ID: { group: 'Sign-in', ...clientId, unset: '', text: 'The client id there.' },
  SIGN_IN_OIDC_CLIENT_SECRET: {
    group: 'Sign-in',
    ...secret,
    unset: '',
    secret: true,
    text: 'The client secret there.',
  },
  SIGN_IN_OIDC_NAME: {
    group: 'Sign-in',
    ...text('name'),
    default: 'single sign-on',
    text: 'What people call it: “Sign in with …”.',
  },
  SIGN_IN_OIDC_DOMAINS: {
    group: 'Sign-in',
    ...listOf(domain, 'list of domains'),
    unset: 'all whom it signs in',
    text: 'Only people with a verified e-mail address in one of these come in that way.',
  },
} satisfies Record<string, Variable>
