import type { JsonObject } from '../../../src/types.ts'
import type { Delivery, Sender } from './delivery.ts'
import { channelTypes, eventEnvelope, hearing, hearsMessages } from './envelopes.ts'
import { type AppFacts, type Echo, installedIn, wireMessage } from './methods/method.ts'
import type { Channel, Install, Message, State } from './state.ts'

/**
 * In which order the two events of one mention reach the app: the second waits for the answer to the first, or both go at
 * once.
 */
export type Twins = 'together' | 'message-first' | 'mention-first' | 'message-only' | 'mention-only'

export interface HappeningOptions {
  state: State
  app: AppFacts
  sender: Sender
  verificationToken: string
  /**
   * Which of the app's own doings it hears of again: all (each append is a `message_changed`, as in life), only new
   * messages, or none (for benchmarks).
   */
  echo: 'all' | 'posts' | 'none'
}

/** Tells the app what happens, in the events that each installation hears. */
export function createHappenings(options: HappeningOptions) {
  const { state, app, sender } = options

  /** Send one event to one installation. */
  function tell(
    install: Install,
    event: JsonObject,
    at: { team: string; channel?: Channel; eventId?: string },
  ): Delivery {
    const { verificationToken } = options
    return sender.send('events_api', eventEnvelope({ state, app, verificationToken, install, event, ...at }))
  }

  /** To every installation of a workspace, whatever channel; nothing if the app is not subscribed. */
  function tellTeam(team: string, event: JsonObject & { type: string }, channel?: Channel): Delivery[] {
    if (!app.events.has(event.type)) return []
    return state.installs
      .filter((install) => install.state === 'active' && installedIn(state, install, team))
      .map((install) => tell(install, { event_ts: state.ts(), ...event }, { team, ...(channel && { channel }) }))
  }

  function eventOf(message: Message, channel: Channel, more: JsonObject): JsonObject {
    const parent = message.thread ? state.message(channel.id, message.thread) : undefined
    const { reply_count: _, latest_reply: __, ...wire } = wireMessage(state, message)
    const author = state.people.get(message.user ?? '')
    const foreign = author && author.team !== channel.team
    return {
      ...wire,
      channel: channel.id,
      channel_type: channelTypes[channel.kind],
      event_ts: message.ts,
      ...(parent?.user && { parent_user_id: parent.user }),
      ...(foreign && { user_team: author.team, source_team: author.team }),
      ...more,
    }
  }

  /** A new message: a `message` event and, for each bot it names, an `app_mention`, to each installation in the channel. */
  function said(message: Message, how: { twins?: Twins; context?: JsonObject } = {}): Delivery[] {
    const channel = state.channels.get(message.channel)!
    const twins = how.twins ?? 'together'
    const deliveries: Delivery[] = []
    for (const install of hearing(state, channel)) {
      const more: JsonObject = channel.kind === 'im' && how.context ? { app_context: how.context } : {}
      const event = eventOf(message, channel, more)
      const mentioned =
        channel.kind !== 'im' &&
        message.user !== install.botUser &&
        message.text.includes(`<@${install.botUser}>`) &&
        app.events.has('app_mention') &&
        install.scopes.has('app_mentions:read')
      const plan: JsonObject[] = []
      if (hearsMessages(app, install, channel) && twins !== 'mention-only') plan.push(event)
      if (mentioned && twins !== 'message-only') {
        const { channel_type: _, ...mention } = event
        plan.push({ ...mention, type: 'app_mention' })
      }
      if (twins === 'mention-first') plan.reverse()
      const at = { team: message.team, channel }
      if (twins === 'together' || plan.length < 2) for (const each of plan) deliveries.push(tell(install, each, at))
      else {
        const first = tell(install, plan[0]!, at)
        deliveries.push(first)
        void first.first.then(() => deliveries.push(tell(install, plan[1]!, at)))
      }
    }
    return deliveries
  }

  function toListeners(channel: Channel, event: JsonObject, team: string): Delivery[] {
    return hearing(state, channel)
      .filter((install) => hearsMessages(app, install, channel))
      .map((install) => tell(install, event, { team, channel }))
  }

  function changed(message: Message, previous: JsonObject): Delivery[] {
    const channel = state.channels.get(message.channel)!
    const ts = state.ts()
    const event = {
      type: 'message',
      subtype: 'message_changed',
      hidden: true,
      channel: channel.id,
      channel_type: channelTypes[channel.kind],
      ts,
      event_ts: ts,
      message: wireMessage(state, message),
      previous_message: previous,
    }
    return toListeners(channel, event, message.team)
  }

  function deleted(message: Message, previous: JsonObject): Delivery[] {
    const channel = state.channels.get(message.channel)!
    const ts = state.ts()
    const event = {
      type: 'message',
      subtype: 'message_deleted',
      hidden: true,
      channel: channel.id,
      channel_type: channelTypes[channel.kind],
      ts,
      event_ts: ts,
      deleted_ts: message.ts,
      previous_message: previous,
    }
    return toListeners(channel, event, message.team)
  }

  /** What the app itself does comes back to it as well. */
  const echo: Echo = {
    before: (message) => (options.echo === 'all' ? wireMessage(state, message) : undefined),
    posted(message) {
      if (options.echo !== 'none') said(message, { twins: 'message-only' })
    },
    changed(message, previous) {
      if (previous) changed(message, previous)
    },
    deleted(message, previous) {
      if (previous) deleted(message, previous)
    },
  }

  return { tell, tellTeam, said, changed, deleted, toListeners, echo }
}

export type Happenings = ReturnType<typeof createHappenings>
