import type { JsonObject } from '../../../src/types.ts'
import { escapeText } from '../slack/envelopes.ts'
import type { SlackStandIn } from '../slack/index.ts'
import { isObject } from '../slack/request.ts'
import { namesIn, type ScreenMessage, visibleBlocks } from '../slack/screen.ts'
import type { Block } from '../slack/state.ts'
import { blocksHtml, mrkdwnHtml } from './html.ts'
import type { Offers } from './offers.ts'

/** What the page shows of one place: a channel, a thread of it, or the app's Home tab. */
export interface Looking {
  as: string
  channel?: string
  thread?: string
  home?: boolean
}

/** Everything one person sees, ready to be put on the page. */
export function viewFor(slack: SlackStandIn, offers: Offers, looking: Looking): JsonObject {
  const { as, channel, thread } = looking
  const place = channel ? slack.state.channels.get(channel) : undefined
  return {
    team: slack.team.name,
    bot: { id: slack.install.botUser, name: botName(slack) },
    me: as,
    people: [slack.ana, slack.ben].map((person) => ({ id: person.id, name: person.realName })),
    places: placesOf(slack, as),
    offers: { commands: offers.commands, shortcuts: offers.shortcuts },
    ...(place && { channel: { id: place.id, direct: place.kind === 'im', ...screen(slack, as, place.id) } }),
    ...(place && thread && { thread: { ts: thread, ...screen(slack, as, place.id, thread) } }),
    ...(looking.home && { home: homeHtml(slack, as) }),
    ...modalOf(slack, as),
    wire: wireOf(slack),
  }
}

export const botName = (slack: SlackStandIn): string => slack.state.people.get(slack.install.botUser)?.realName ?? 'Bot'

function placesOf(slack: SlackStandIn, as: string): JsonObject[] {
  const channels = [...slack.state.channels.values()].filter((channel) => channel.members.has(as))
  return channels.map((channel) => ({
    id: channel.id,
    kind: channel.kind,
    name: channel.kind === 'im' ? botName(slack) : channel.name,
    bot: channel.members.has(slack.install.botUser),
    count: channel.messages.length,
  }))
}

function screen(slack: SlackStandIn, as: string, channel: string, thread?: string): JsonObject {
  const seen = slack.screen(channel, { as, ...(thread && { thread }) })
  return {
    status: seen.status,
    stoppable: seen.stoppable,
    title: seen.title ?? '',
    prompts: seen.prompts,
    messages: seen.messages.map((message) => messageView(slack, as, channel, message)),
  }
}

function messageView(slack: SlackStandIn, as: string, channel: string, seen: ScreenMessage): JsonObject {
  const message = slack.state.message(channel, seen.ts)!
  const names = namesIn(slack.state)
  const blocks = visibleBlocks(slack.state, message, as)
  return {
    ts: seen.ts,
    from: seen.from,
    ours: seen.ours,
    mine: message.user === as,
    app: message.bot !== undefined,
    state: seen.state,
    edited: seen.edited,
    ephemeral: seen.ephemeral,
    replies: seen.replies,
    reactions: seen.reactions,
    files: seen.files,
    source: message.text,
    // People's own words show as they typed them, with the styles that their marks mean.
    html: blocks && message.bot ? blocksHtml(blocks, names) : mrkdwnHtml(message.text, names),
  }
}

function homeHtml(slack: SlackStandIn, as: string): string {
  const view = slack.state.homes.get(as)
  if (!view) return ''
  return blocksHtml(view.content.blocks as Block[], namesIn(slack.state))
}

function modalOf(slack: SlackStandIn, as: string): JsonObject {
  const view = slack.modal(as)
  if (!view) return {}
  const label = (key: string, otherwise: string): string =>
    isObject(view.content[key]) ? String(view.content[key].text) : otherwise
  return {
    modal: {
      id: `${view.id}:${view.hash}`,
      title: label('title', ''),
      submit: label('submit', ''),
      close: label('close', 'Cancel'),
      html: blocksHtml(view.content.blocks as Block[], namesIn(slack.state)),
    },
  }
}

const shown = 60

/** The latest of what went to and fro. */
function wireOf(slack: SlackStandIn): JsonObject[] {
  const calls = slack.calls.slice(-shown).map((call) => ({
    at: call.at,
    way: 'call',
    what: call.method,
    result: call.status === undefined ? '…' : call.reply?.ok === false ? String(call.reply.error) : 'ok',
  }))
  const events = slack.deliveries.slice(-shown).map((delivery) => {
    const event = isObject(delivery.payload.event) ? delivery.payload.event : delivery.payload
    const last = delivery.attempts.at(-1)
    return {
      at: delivery.attempts[0]?.at ?? 0,
      way: 'event',
      what: [event.type ?? event.command, event.subtype].filter(Boolean).join(' '),
      result: last?.failure ?? (last?.status === undefined ? '…' : `${last.status} in ${Math.round(last.ms ?? 0)} ms`),
    }
  })
  return [...calls, ...events].sort((a, b) => b.at - a.at).slice(0, shown)
}

/** What a person typed, as Slack passes it on: names become mentions, addresses links, the rest is escaped. */
export function typed(slack: SlackStandIn, text: string): string {
  let wire = escapeText(text.trim())
  const people = [...slack.state.people.values()].sort((a, b) => b.realName.length - a.realName.length)
  for (const person of people)
    for (const name of [person.realName, person.name])
      wire = wire.replaceAll(new RegExp(`(?<![\\w<])@${escapePattern(name)}(?![\\w])`, 'gi'), `<@${person.id}>`)
  for (const channel of slack.state.channels.values())
    if (channel.name)
      wire = wire.replaceAll(
        new RegExp(`(?<![\\w<])#${escapePattern(channel.name)}(?![\\w-])`, 'g'),
        `<#${channel.id}|${channel.name}>`,
      )
  return wire.replaceAll(/(?<!<)\bhttps?:\/\/[^\s<>]+/g, '<$&>')
}

const escapePattern = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
