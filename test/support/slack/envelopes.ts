import type { JsonObject } from '../../../src/types.ts'
import { newEventId } from './delivery.ts'
import type { AppFacts } from './methods/method.ts'
import { installedIn } from './methods/method.ts'
import type { Channel, Install, State } from './state.ts'

/** The envelope of one event for one installation. */
export function eventEnvelope(options: {
  state: State
  app: AppFacts
  verificationToken: string
  install: Install
  event: JsonObject
  /** The workspace where it happened. */
  team: string
  channel?: Channel
  eventId?: string
}): JsonObject {
  const { state, install, channel, team } = options
  const enterprise = state.teams.get(team)?.enterprise
  // The workspace through which the app hears of it: in a shared channel not always the one where it was said.
  const through = channel && !installedIn(state, install, team) ? ownSide(state, install, channel) : team
  return {
    token: options.verificationToken,
    team_id: team,
    ...(enterprise && { enterprise_id: enterprise }),
    context_team_id: through,
    context_enterprise_id: state.teams.get(through)?.enterprise ?? null,
    api_app_id: options.app.id,
    event: options.event,
    type: 'event_callback',
    event_id: options.eventId ?? newEventId(),
    event_time: Math.floor(state.clock.now() / 1000),
    authorizations: [
      {
        enterprise_id: install.enterprise ?? null,
        team_id: install.team ?? null,
        user_id: install.botUser,
        is_bot: true,
        is_enterprise_install: install.team === undefined,
      },
    ],
    is_ext_shared_channel: channel !== undefined && channel.sharedWith.length > 0,
    event_context: `4-${Buffer.from(`${team}:${String(options.event.event_ts)}`).toString('base64url')}`,
  }
}

function ownSide(state: State, install: Install, channel: Channel): string {
  return [channel.team, ...channel.sharedWith].find((team) => installedIn(state, install, team)) ?? channel.team
}

/** The installations that hear of what happens in a channel: those of each side whose bot is in it. */
export function hearing(state: State, channel: Channel): Install[] {
  return state.installs.filter(
    (install) =>
      install.state === 'active' &&
      channel.members.has(install.botUser) &&
      [channel.team, ...channel.sharedWith].some((team) => installedIn(state, install, team)),
  )
}

export const channelTypes = { channel: 'channel', group: 'group', im: 'im', mpim: 'mpim' } as const

const messageEvents = {
  channel: 'message.channels',
  group: 'message.groups',
  im: 'message.im',
  mpim: 'message.mpim',
} as const
const historyScopes = { channel: 'channels', group: 'groups', im: 'im', mpim: 'mpim' } as const

/** Whether an installation is told of messages in a channel: subscribed, and with the scope that it takes. */
export function hearsMessages(app: AppFacts, install: Install, channel: Channel): boolean {
  return app.events.has(messageEvents[channel.kind]) && install.scopes.has(`${historyScopes[channel.kind]}:history`)
}

/** The rich text that Slack makes of what a person typed: mentions are marked, so they can be told from mere text. */
export function richTextOf(wire: string): JsonObject[] {
  const leaves: JsonObject[] = []
  for (const part of wire.split(/(<[^<>]+>)/)) {
    if (part === '') continue
    const token = /^<([^<>|]+)(?:\|([^<>]*))?>$/.exec(part)
    if (!token) leaves.push({ type: 'text', text: unescapeText(part) })
    else if (token[1]!.startsWith('@')) leaves.push({ type: 'user', user_id: token[1]!.slice(1) })
    else if (token[1]!.startsWith('#')) leaves.push({ type: 'channel', channel_id: token[1]!.slice(1) })
    else if (token[1]!.startsWith('!')) leaves.push({ type: 'broadcast', range: token[1]!.slice(1) })
    else leaves.push({ type: 'link', url: unescapeText(token[1]!), ...(token[2] && { text: unescapeText(token[2]) }) })
  }
  if (leaves.length === 0) return []
  return [{ type: 'rich_text', block_id: 'txt', elements: [{ type: 'rich_text_section', elements: leaves }] }]
}

export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

export function unescapeText(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}
