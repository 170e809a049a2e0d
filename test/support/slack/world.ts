import type { AppFacts } from './methods/method.ts'
import { install } from './methods/oauth.ts'
import type { Channel, Install, Person, State, Team } from './state.ts'

/** What a chat bot's app asks for; each test can take some away. */
export const allScopes = [
  'app_mentions:read',
  'assistant:write',
  'channels:history',
  'channels:read',
  'chat:write',
  'commands',
  'files:read',
  'files:write',
  'groups:history',
  'groups:read',
  'im:history',
  'im:read',
  'im:write',
  'mpim:history',
  'mpim:read',
  'reactions:write',
  'users:read',
  'users:read.email',
]

export const allEvents = [
  'app_context_changed',
  'app_home_opened',
  'app_mention',
  'app_uninstalled',
  'agent_session_stopped',
  'member_joined_channel',
  'member_left_channel',
  'message.channels',
  'message.groups',
  'message.im',
  'message.mpim',
  'tokens_revoked',
]

/** The people and places every stand-in begins with. */
export interface Cast {
  team: Team
  /** The app's installation in the team. */
  install: Install
  ana: Person
  ben: Person
  /** A public channel with Ana, Ben and the bot. */
  general: Channel
  /** A public channel without the bot. */
  random: Channel
  /** Ana's direct messages with the bot. */
  dm: Channel
}

export function addTeam(state: State, team: Partial<Team> = {}): Team {
  const id = team.id ?? state.id('T')
  const made: Team = { id, name: `Team ${id}`, domain: id.toLowerCase(), ...team }
  state.teams.set(id, made)
  return made
}

export function addPerson(state: State, person: Partial<Person> & { team: string; realName: string }): Person {
  const id = person.id ?? state.id('U')
  const name = person.name ?? person.realName.toLowerCase().replaceAll(/[^a-z0-9]+/g, '.')
  const made: Person = {
    email: `${name}@example.com`,
    locale: 'en-GB',
    tz: 'Europe/Berlin',
    ...person,
    id,
    name,
  }
  state.people.set(id, made)
  return made
}

export function addChannel(
  state: State,
  channel: Partial<Omit<Channel, 'members' | 'messages'>> & { team: string; members: string[] },
): Channel {
  const kind = channel.kind ?? 'channel'
  const id = channel.id ?? state.id(kind === 'im' ? 'D' : kind === 'channel' ? 'C' : 'G')
  const made: Channel = {
    name: id.toLowerCase(),
    sharedWith: [],
    archived: false,
    ...channel,
    kind,
    id,
    members: new Set(channel.members),
    messages: [],
  }
  state.channels.set(id, made)
  return made
}

/** Another app's bot. */
export function addBot(state: State, bot: { team: string; realName: string }): Person {
  return addPerson(state, { ...bot, email: '', bot: { id: state.id('B'), app: state.id('A') } })
}

export function createCast(
  state: State,
  app: AppFacts,
  options: { scopes: string[]; token: string; bot: string },
): Cast {
  const team = addTeam(state, { id: 'T0ACME0001', name: 'Acme', domain: 'acme' })
  const ana = addPerson(state, { id: 'U0ANA00001', team: team.id, realName: 'Ana Lima' })
  const ben = addPerson(state, { id: 'U0BEN00001', team: team.id, realName: 'Ben Okri' })
  const ids = { token: options.token, botUser: 'U0AIDE0001', botId: 'B0AIDE0001' }
  const made = install({ state, app }, { team: team.id, user: ana.id, scopes: options.scopes }, ids)
  const bot = state.people.get(made.botUser)!
  bot.realName = options.bot
  bot.name = options.bot.toLowerCase()
  const everyone = [ana.id, ben.id]
  const general = addChannel(state, {
    id: 'C0GENERAL1',
    name: 'general',
    team: team.id,
    members: [...everyone, made.botUser],
  })
  const random = addChannel(state, { id: 'C0RANDOM01', name: 'random', team: team.id, members: everyone })
  const dm = state.dm(ana.id, made.botUser)
  return { team, install: made, ana, ben, general, random, dm }
}
