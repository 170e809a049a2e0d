import { randomUUID } from 'node:crypto'
import type { JsonObject } from '../../../src/types.ts'
import type { Delivery } from './delivery.ts'
import { hearing, richTextOf } from './envelopes.ts'
import type { Happenings, Twins } from './happenings.ts'
import { channelOf, messageOf, personOf } from './lookup.ts'
import { type AppFacts, isLive, wireMessage } from './methods/method.ts'
import { wireView } from './methods/views.ts'
import type { Install, Message, State } from './state.ts'

/** What someone wrote, and how the app was told. */
export interface Said {
  channel: string
  ts: string
  /** All events so far; an ordered twin joins later. */
  deliveries: Delivery[]
  /** True once every event was acknowledged. */
  acked(): Promise<boolean>
}

export interface SayOptions {
  user: string
  channel: string
  /** As Slack delivers it: `&`, `<` and `>` escaped, mentions as `<@U…>`. */
  text: string
  thread?: string
  twins?: Twins
  clientMsgId?: string
  files?: JsonObject[]
  subtype?: string
  broadcast?: boolean
  /**
   * What Slack does now and then: the same gesture told as two messages with different times and one `client_msg_id`, or
   * the same message told in two events with different ids.
   */
  double?: 'message' | 'event'
}

/** What people do without pressing anything of the app's. Throws where a person could not. */
export function createActions(options: { state: State; app: AppFacts; happenings: Happenings }) {
  const { state, app, happenings } = options

  function say(how: SayOptions): Said {
    const channel = channelOf(state, how.channel)
    const author = personOf(state, how.user)
    if (!channel.members.has(author.id)) throw new Error(`${author.realName} is not in ${channel.name || channel.id}`)
    if (how.thread) messageOf(state, channel.id, how.thread)
    const subtype = how.subtype ?? (how.broadcast ? 'thread_broadcast' : how.files ? 'file_share' : undefined)
    const clientMsgId = how.clientMsgId ?? randomUUID()
    const add = (): Message =>
      state.add({
        channel: channel.id,
        team: author.team,
        user: author.id,
        text: how.text,
        ...(author.bot ? { bot: author.bot } : { clientMsgId }),
        ...(how.text && { blocks: richTextOf(how.text) as Message['blocks'] }),
        ...(how.thread && { thread: how.thread }),
        ...(how.files && { files: how.files }),
        ...(subtype && { subtype }),
      })
    const context = state.contexts.get(author.id)
    const tell = (message: Message): Delivery[] =>
      happenings.said(message, { ...(how.twins && { twins: how.twins }), ...(context && { context }) })
    const message = add()
    const deliveries = tell(message)
    if (how.double === 'event') deliveries.push(...tell(message))
    if (how.double === 'message') {
      // Only the app hears of it twice; on the screen it stands once.
      const echo = add()
      const doubled = tell(echo)
      state.forget(echo)
      deliveries.push(...doubled)
    }
    return {
      channel: channel.id,
      ts: message.ts,
      deliveries,
      async acked() {
        for (const delivery of deliveries) if (!(await delivery.acked)) return false
        return true
      },
    }
  }

  function edit(how: { channel: string; ts: string; text: string }): Delivery[] {
    const message = messageOf(state, how.channel, how.ts)
    const previous = wireMessage(state, message)
    message.text = how.text
    message.blocks = richTextOf(how.text) as NonNullable<Message['blocks']>
    message.edited = { user: message.user ?? '', ts: state.ts() }
    state.changed()
    return happenings.changed(message, previous)
  }

  /** A link's preview appears: `message_changed`, but nobody changed the text. */
  function unfurl(how: { channel: string; ts: string }): Delivery[] {
    const message = messageOf(state, how.channel, how.ts)
    const previous = wireMessage(state, message)
    message.attachments = [{ id: 1, from_url: 'https://example.com/', title: 'Example', fallback: 'Example' }]
    state.changed()
    return happenings.changed(message, previous)
  }

  function remove(how: { channel: string; ts: string }): Delivery[] {
    const message = messageOf(state, how.channel, how.ts)
    const previous = wireMessage(state, message)
    state.remove(message)
    return happenings.deleted(message, previous)
  }

  function join(how: { user: string; channel: string }): Delivery[] {
    const channel = channelOf(state, how.channel)
    channel.members.add(how.user)
    const author = personOf(state, how.user)
    const message = state.add({
      channel: channel.id,
      team: author.team,
      user: author.id,
      text: `<@${author.id}> has joined the channel`,
      subtype: 'channel_join',
    })
    const event = {
      type: 'member_joined_channel',
      user: author.id,
      channel: channel.id,
      channel_type: 'C',
      team: author.team,
    }
    return [...happenings.said(message, { twins: 'message-only' }), ...happenings.tellTeam(author.team, event, channel)]
  }

  /** What a person does who has enough of a channel. They see no more of it. */
  function leave(how: { user: string; channel: string }): Delivery[] {
    const channel = channelOf(state, how.channel)
    const author = personOf(state, how.user)
    if (!channel.members.delete(author.id)) throw new Error(`${author.realName} is not in ${channel.name}`)
    state.changed()
    const event = {
      type: 'member_left_channel',
      user: author.id,
      channel: channel.id,
      channel_type: 'C',
      team: author.team,
    }
    return hearing(state, channel).length > 0 ? happenings.tellTeam(author.team, event, channel) : []
  }

  /** Take the bot out of a channel, as `/kick` does. */
  function kick(how: { install: Install; channel: string }): Delivery[] {
    const channel = channelOf(state, how.channel)
    const told = happenings.tellTeam(
      channel.team,
      {
        type: 'member_left_channel',
        user: how.install.botUser,
        channel: channel.id,
        channel_type: 'C',
        team: channel.team,
      },
      channel,
    )
    channel.members.delete(how.install.botUser)
    state.changed()
    return told
  }

  /** Open the app in the sidebar. In the agent view `messages` is its chat. */
  function openApp(how: { user: string; install: Install; tab: 'home' | 'messages' }): Delivery[] {
    const { team } = personOf(state, how.user)
    const dm = state.dm(how.user, how.install.botUser)
    const home = state.homes.get(how.user)
    const context = state.contexts.get(how.user)
    return happenings.tellTeam(team, {
      type: 'app_home_opened',
      user: how.user,
      channel: dm.id,
      tab: how.tab,
      ...(home && how.tab === 'home' && { view: wireView(state, home, app.id, how.install.botId) }),
      ...(how.tab === 'messages' && { context: context ?? {} }),
    })
  }

  /** Look at something while the app is open beside it. */
  function look(how: { user: string; install: Install; entities: JsonObject[] }): Delivery[] {
    const context: JsonObject = how.entities.length > 0 ? { entities: how.entities } : {}
    state.contexts.set(how.user, context)
    const dm = state.dm(how.user, how.install.botUser)
    return happenings.tellTeam(personOf(state, how.user).team, {
      type: 'app_context_changed',
      user: how.user,
      channel: dm.id,
      context,
    })
  }

  /** Press the stop button of a thread: Slack ends the streams first, then tells the app. */
  function stop(how: { user: string; channel: string; thread: string }): Delivery[] {
    const channel = channelOf(state, how.channel)
    const { session } = state.thread(channel.id, how.thread)
    if (session?.status !== 'processing' || !app.events.has('agent_session_stopped'))
      throw new Error('there is no stop button: the session is not processing, or the app does not listen for it')
    const live = channel.messages.filter((message) => message.thread === how.thread && isLive(state, message))
    for (const message of live) message.stream!.state = 'stopped_by_user'
    state.changed()
    const event = {
      type: 'agent_session_stopped',
      channel: channel.id,
      user: how.user,
      thread_ts: how.thread,
      streaming_message_ts: live.map((message) => message.ts),
      event_ts: state.ts(),
    }
    return hearing(state, channel).map((install) =>
      happenings.tell(install, event, { team: personOf(state, how.user).team, channel }),
    )
  }

  return { say, edit, unfurl, remove, join, leave, kick, openApp, look, stop }
}

export type Actions = ReturnType<typeof createActions>
