import type { JsonObject } from '../../../../src/types.ts'
import { tier } from '../limits.ts'
import { invalidArguments, SlackRefusal } from '../request.ts'
import { type Install, randomHex } from '../state.ts'
import type { Authorization, Context, Method } from './method.ts'

export const codeMs = 600_000
export const tokenMs = 12 * 3_600_000

function checkClient({ app, args, basic }: Context): void {
  const id = basic?.user ?? args.client_id
  const secret = basic?.password ?? args.client_secret
  if (id !== app.clientId) throw new SlackRefusal('invalid_client_id')
  if (secret !== app.clientSecret) throw new SlackRefusal('bad_client_secret')
}

/** Give an installation new tokens; the old ones are dead from then on. */
function renew(context: Context, install: Install): void {
  install.token = `xoxe.xoxb-1-${randomHex(12)}`
  install.refresh = `xoxe-1-${randomHex(12)}`
  install.expiresAt = context.state.clock.now() + tokenMs
}

function wireInstall(context: Context, install: Install): JsonObject {
  const { app, state } = context
  const team = install.team ? state.teams.get(install.team) : undefined
  // Slack names the organisation of a single workspace, too.
  const enterprise = install.enterprise ?? team?.enterprise
  return {
    app_id: app.id,
    authed_user: { id: install.installer },
    scope: [...install.scopes].join(','),
    token_type: 'bot',
    access_token: install.token,
    bot_user_id: install.botUser,
    team: team ? { id: team.id, name: team.name } : null,
    enterprise: enterprise ? { id: enterprise, name: 'Organisation' } : null,
    is_enterprise_install: install.team === undefined,
    ...(install.refresh && {
      refresh_token: install.refresh,
      expires_in: Math.round((install.expiresAt! - state.clock.now()) / 1000),
    }),
  }
}

function useCode(context: Context): Authorization {
  const { args, authorizations, state } = context
  const authorization = authorizations.get(String(args.code))
  if (!authorization || state.clock.now() - authorization.at > codeMs) throw new SlackRefusal('invalid_code')
  if (authorization.used) throw new SlackRefusal('code_already_used')
  if (authorization.redirectUri !== undefined && args.redirect_uri !== authorization.redirectUri)
    throw new SlackRefusal('bad_redirect_uri')
  authorization.used = true
  return authorization
}

/** The same place installed again keeps its bot; its old token stays good unless tokens rotate. */
export function install(
  context: Pick<Context, 'state' | 'app'>,
  from: Omit<Authorization, 'at' | 'used'>,
  ids: { token?: string; botUser?: string; botId?: string } = {},
): Install {
  const { app, state } = context
  const before = state.installs.find(
    (other) => other.team === from.team && (from.team !== undefined || other.enterprise === from.enterprise),
  )
  if (before && before.state === 'active') {
    for (const scope of from.scopes) before.scopes.add(scope)
    return before
  }
  const botUser = before?.botUser ?? ids.botUser ?? state.id('U')
  const botId = before?.botId ?? ids.botId ?? state.id('B')
  state.people.set(botUser, {
    id: botUser,
    team: from.team ?? [...state.teams.values()].find((team) => team.enterprise === from.enterprise)?.id ?? '',
    name: 'bot',
    realName: 'Bot',
    locale: 'en-US',
    tz: 'Etc/UTC',
    bot: { id: botId, app: app.id },
  })
  const made: Install = {
    token: ids.token ?? `xoxb-${randomHex(12)}`,
    ...(from.team && { team: from.team }),
    ...(from.enterprise && { enterprise: from.enterprise }),
    botUser,
    botId,
    installer: from.user,
    scopes: new Set(from.scopes),
    state: 'active',
  }
  state.installs.push(made)
  return made
}

export const oauth: Record<string, Method> = {
  'oauth.v2.access': {
    token: 'none',
    limit: tier(4),
    args: {
      client_id: 'string',
      client_secret: 'string',
      code: 'string',
      redirect_uri: 'string',
      grant_type: 'string',
      refresh_token: 'string',
    },
    run(context) {
      checkClient(context)
      const { args, app, state } = context
      if (args.grant_type === 'refresh_token') {
        const found = state.installs.find((other) => other.refresh === args.refresh_token)
        if (!found || args.refresh_token === undefined || found.state !== 'active')
          throw new SlackRefusal('invalid_refresh_token')
        renew(context, found)
        return wireInstall(context, found)
      }
      if (args.grant_type !== undefined && args.grant_type !== 'authorization_code')
        throw new SlackRefusal('invalid_grant_type')
      if (args.code === undefined) throw invalidArguments('missing required field: code')
      const made = install(context, useCode(context))
      if (app.rotation) renew(context, made)
      return wireInstall(context, made)
    },
  },

  'apps.connections.open': {
    token: 'app',
    limit: tier(4),
    args: {},
    run: (context) => ({ url: context.socketUrl() }),
  },
}
