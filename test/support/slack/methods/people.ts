import type { JsonObject } from '../../../../src/types.ts'
import { checkBlocks } from '../blocks.ts'
import { perMinute, tier } from '../limits.ts'
import { invalidArguments, isObject, SlackRefusal } from '../request.ts'
import type { Person } from '../state.ts'
import { type Context, installedIn, type Method, ownMessage, requireScope, seenChannel } from './method.ts'

/** A person as `users.info` tells of them. The address is left out without its scope and for strangers. */
function wirePerson(context: Context, person: Person): JsonObject {
  const { install, state } = context
  const stranger = !installedIn(state, install, person.team)
  const email = install.scopes.has('users:read.email') && !stranger ? person.email : undefined
  return {
    id: person.id,
    team_id: person.team,
    name: person.name,
    real_name: person.realName,
    deleted: person.deleted === true,
    is_bot: person.bot !== undefined,
    is_app_user: false,
    updated: 1_700_000_000,
    profile: {
      real_name: person.realName,
      real_name_normalized: person.realName,
      display_name: person.name,
      display_name_normalized: person.name,
      team: person.team,
      ...(email && { email }),
      ...(person.bot && { bot_id: person.bot.id, api_app_id: person.bot.app }),
    },
    ...(!person.deleted && {
      tz: person.tz,
      is_restricted: person.guest !== undefined,
      is_ultra_restricted: person.guest === 'single',
      is_admin: false,
      is_owner: false,
      is_email_confirmed: person.bot === undefined,
      who_can_share_contact_card: 'EVERYONE',
    }),
    ...(stranger && { is_stranger: true }),
    ...(context.args.include_locale === true && { locale: person.locale }),
    ...(state.teams.get(person.team)?.enterprise && {
      enterprise_user: {
        id: person.id,
        enterprise_id: state.teams.get(person.team)!.enterprise!,
        teams: [person.team],
      },
    }),
  }
}

/** Strangers are known only through a channel they share with the app. */
function seenPerson(context: Context, id: unknown): Person {
  const { install, state } = context
  const person = state.people.get(String(id))
  if (!person) throw new SlackRefusal('user_not_found')
  if (installedIn(state, install, person.team)) return person
  const shared = [...state.channels.values()].some(
    (channel) => channel.members.has(person.id) && channel.members.has(install.botUser),
  )
  if (!shared) throw new SlackRefusal('user_not_visible')
  return person
}

export const people: Record<string, Method> = {
  'users.info': {
    scope: 'users:read',
    limit: tier(4),
    args: { user: 'string!', include_locale: 'boolean' },
    run: (context) => ({ user: wirePerson(context, seenPerson(context, context.args.user)) }),
  },

  'users.lookupByEmail': {
    scope: 'users:read.email',
    limit: tier(3),
    args: { email: 'string!' },
    run(context) {
      const person = [...context.state.people.values()].find((other) => other.email === context.args.email)
      if (!person || person.deleted) throw new SlackRefusal('users_not_found')
      return { user: wirePerson(context, person) }
    },
  },

  'bots.info': {
    scope: 'users:read',
    limit: tier(3),
    args: { bot: 'string!' },
    run({ args, state }) {
      const person = [...state.people.values()].find((other) => other.bot?.id === args.bot)
      if (!person) throw new SlackRefusal('bot_not_found')
      const { id, app } = person.bot!
      return { bot: { id, app_id: app, user_id: person.id, name: person.realName, deleted: person.deleted === true } }
    },
  },

  'team.info': {
    scope: 'team:read',
    limit: tier(3),
    args: { team: 'string' },
    run({ args, install, state }) {
      const team = state.teams.get(String(args.team ?? args.team_id ?? install.team))
      if (!team || !installedIn(state, install, team.id)) throw new SlackRefusal('team_not_found')
      return {
        team: {
          id: team.id,
          name: team.name,
          domain: team.domain,
          ...(team.enterprise && { enterprise_id: team.enterprise }),
        },
      }
    },
  },

  'reactions.add': {
    scope: 'reactions:write',
    limit: tier(3),
    args: { channel: 'string!', timestamp: 'ts!', name: 'string!' },
    run(context) {
      const { args, install, state } = context
      const channel = seenChannel(context, args.channel)
      if (channel.archived) throw new SlackRefusal('is_archived')
      if (!channel.members.has(install.botUser)) throw new SlackRefusal('not_in_channel')
      const message = state.message(channel.id, String(args.timestamp))
      if (!message || message.ephemeral) throw new SlackRefusal('message_not_found')
      const name = String(args.name)
      if (!/^[a-z0-9_+'-]+(::skin-tone-[2-6])?$/.test(name)) throw new SlackRefusal('invalid_name')
      if (message.reactions.some((other) => other.name === name && other.user === install.botUser))
        throw new SlackRefusal('already_reacted')
      message.reactions.push({ name, user: install.botUser })
      state.changed()
      return {}
    },
  },

  'reactions.remove': {
    scope: 'reactions:write',
    limit: tier(2),
    args: { channel: 'string!', timestamp: 'ts!', name: 'string!' },
    run(context) {
      const { args, install, state } = context
      const channel = seenChannel(context, args.channel)
      const message = state.message(channel.id, String(args.timestamp))
      if (!message) throw new SlackRefusal('message_not_found')
      const at = message.reactions.findIndex((other) => other.name === args.name && other.user === install.botUser)
      if (at < 0) throw new SlackRefusal('no_reaction')
      message.reactions.splice(at, 1)
      state.changed()
      return {}
    },
  },

  'blocks.validate': {
    limit: perMinute(100),
    args: { blocks: 'json', view: 'json', message: 'json' },
    run({ args }) {
      if ([args.blocks, args.view, args.message].filter((given) => given !== undefined).length !== 1)
        throw invalidArguments('provide exactly one of blocks, view, or message')
      const part =
        args.blocks ??
        (isObject(args.message) ? args.message.blocks : isObject(args.view) ? args.view.blocks : undefined)
      const error =
        args.blocks !== undefined ? 'invalid_blocks' : args.view !== undefined ? 'invalid_view' : 'invalid_message'
      try {
        checkBlocks(part, args.view === undefined ? 'message' : 'modal')
      } catch (thrown) {
        throw thrown instanceof SlackRefusal ? new SlackRefusal(error, thrown.more) : thrown
      }
      return {}
    },
  },

  'auth.test': {
    limit: perMinute(300),
    args: {},
    run({ install, state }) {
      const team = install.team ? state.teams.get(install.team) : undefined
      const bot = state.people.get(install.botUser)!
      const enterprise = install.enterprise ?? team?.enterprise
      return {
        url: `https://${team?.domain ?? 'org'}.slack.com/`,
        team: team?.name ?? 'Organisation',
        user: bot.name,
        team_id: install.team ?? install.enterprise ?? '',
        user_id: install.botUser,
        bot_id: install.botId,
        is_enterprise_install: install.team === undefined,
        ...(enterprise && { enterprise_id: enterprise }),
      }
    },
  },

  'auth.revoke': {
    args: { test: 'boolean' },
    run(context) {
      if (context.args.test !== true) context.install.state = 'revoked'
      return { revoked: context.args.test !== true }
    },
  },

  'chat.unfurl': {
    scope: 'links:write',
    limit: tier(3),
    args: { channel: 'string!', ts: 'ts!', unfurls: 'json!' },
    run(context) {
      requireScope(context, 'links:write')
      ownMessage(context, seenChannel(context, context.args.channel), context.args.ts, 'cannot_unfurl_message')
      return {}
    },
  },
}
