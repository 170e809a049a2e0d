import { guid, listOf, matching, oneOf, onOff, secret } from './kinds.ts'
import type { Variable } from './variables.ts'

/** The surface Microsoft Teams. What botbuilder has names for is spelled as there. */
export const teamsVariables = {
  MicrosoftAppId: {
    group: 'Microsoft Teams',
    ...guid,
    unset: 'no Teams',
    text: 'The application (client) id of the bot’s registration.',
  },
  MicrosoftAppPassword: {
    group: 'Microsoft Teams',
    ...secret,
    unset: '',
    secret: true,
    text: 'A client secret of the application: its value, not its id.',
  },
  MicrosoftAppTenantId: {
    group: 'Microsoft Teams',
    ...guid,
    unset: '',
    text: 'The tenant that the application belongs to.',
  },
  MicrosoftAppType: {
    group: 'Microsoft Teams',
    ...oneOf('SingleTenant', 'UserAssignedMsi', 'MultiTenant'),
    default: 'SingleTenant',
    text: 'As in the Azure Bot. Microsoft makes no new `MultiTenant` bots; those need `TEAMS_ALLOWED_TENANTS`.',
  },
  CertificateThumbprint: {
    group: 'Microsoft Teams',
    ...matching('thumbprint in hex', /^[\da-f]{40}([\da-f]{24})?$/i, 'is no thumbprint of 40 or 64 hex digits'),
    unset: 'a client secret',
    text: 'With `CertificatePrivateKey`, instead of a client secret.',
  },
  CertificatePrivateKey: {
    group: 'Microsoft Teams',
    ...secret,
    unset: '',
    secret: true,
    text: 'The private key of the certificate, as PEM. `\\n` may stand for its line breaks.',
  },
  TEAMS_ALLOWED_TENANTS: {
    group: 'Microsoft Teams',
    ...listOf(guid, 'list of tenant ids'),
    unset: 'the application’s own',
    text: 'The organisations whose people may use the bot.',
  },
  TEAMS_ALLOW_GUESTS: {
    group: 'Microsoft Teams',
    ...onOff,
    default: 'off',
    text: 'Whether guests of a tenant get answers.',
  },
  TEAMS_ANONYMOUS: {
    group: 'Microsoft Teams',
    ...onOff,
    default: 'off',
    text: 'Take requests without any proof of who sends them: for the Playground on this machine alone, never in production.',
  },
} satisfies Record<string, Variable>
