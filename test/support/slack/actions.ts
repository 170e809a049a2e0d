import { randomUUID } from 'node:crypto'
import type { JsonObject } from '../../../src/types.ts'
import type { Attempt, Delivery, Sender } from './delivery.ts'
import { hearing, richTextOf } from './envelopes.ts'
import type { Happenings, Twins } from './happenings.ts'
import { type AppFacts, isLive, type Trigger, wireMessage } from './methods/method.ts'
import { openView, readView, wireView } from './methods/views.ts'
import { isObject } from './request.ts'
import type { Responses } from './responses.ts'
import { buttonsOf, type ScreenButton, visibleBlocks } from './screen.ts'
import { type Channel, type Install, type Message, randomHex, type State, type View } from './state.ts'

/** What someone wrote, and how the app was told. */
export interface Said {
  channel: string
  ts: string
  /** All events so far; an ordered twin joins later. */
  deliveries: Delivery[]
  /** True once every event was acknowledged. */
  acked(): Promise<boolean>
}

/** How an interaction went, as its person notices. */
export interface Interaction {
  delivery: Delivery
  /** Settles with the app's answer. */
  answer: Promise<Attempt>
  /** The triggering person could use this to open a view; for tests of expired and used ones. */
  trigger: string
  responseUrl: string
}

export interface ActionOptions {
  state: State
  app: AppFacts
  sender: Sender
  happenings: Happenings
  responses: Responses
  triggers: Map<string, Trigger>
  verificationToken: string
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

/** What people do. Throws where a person could not: a button that is not there, a thread that is gone. */
export function createActions(options: ActionOptions) {
  const { state, app, sender, happenings, responses } = options

  function channelOf(id: string): Channel {
    const channel = state.channels.get(id)
    if (!channel) throw new Error(`there is no channel ${id}`)
    return channel
  }

  function messageOf(channel: string, ts: string): Message {
    const message = state.message(channel, ts)
    if (!message) throw new Error(`there is no message ${ts} in ${channel}`)
    return message
  }

  function person(id: string) {
    const found = state.people.get(id)
    if (!found) throw new Error(`there is no person ${id}`)
    return found
  }

  function say(how: SayOptions): Said {
    const channel = channelOf(how.channel)
    const author = person(how.user)
    if (!channel.members.has(author.id)) throw new Error(`${author.realName} is not in ${channel.name || channel.id}`)
    if (how.thread) messageOf(channel.id, how.thread)
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
    const message = messageOf(how.channel, how.ts)
    const previous = wireMessage(state, message)
    message.text = how.text
    message.blocks = richTextOf(how.text) as NonNullable<Message['blocks']>
    message.edited = { user: message.user ?? '', ts: state.ts() }
    state.changed()
    return happenings.changed(message, previous)
  }

  /** A link's preview appears: `message_changed`, but nobody changed the text. */
  function unfurl(how: { channel: string; ts: string }): Delivery[] {
    const message = messageOf(how.channel, how.ts)
    const previous = wireMessage(state, message)
    message.attachments = [{ id: 1, from_url: 'https://example.com/', title: 'Example', fallback: 'Example' }]
    state.changed()
    return happenings.changed(message, previous)
  }

  function remove(how: { channel: string; ts: string }): Delivery[] {
    const message = messageOf(how.channel, how.ts)
    const previous = wireMessage(state, message)
    state.remove(message)
    return happenings.deleted(message, previous)
  }

  function join(how: { user: string; channel: string }): Delivery[] {
    const channel = channelOf(how.channel)
    channel.members.add(how.user)
    const author = person(how.user)
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

  /** Take the bot out of a channel, as `/kick` does. */
  function kick(how: { install: Install; channel: string }): Delivery[] {
    const channel = channelOf(how.channel)
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
    const { team } = person(how.user)
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
    return happenings.tellTeam(person(how.user).team, {
      type: 'app_context_changed',
      user: how.user,
      channel: dm.id,
      context,
    })
  }

  /** Press the stop button of a thread: Slack ends the streams first, then tells the app. */
  function stop(how: { user: string; channel: string; thread: string }): Delivery[] {
    const channel = channelOf(how.channel)
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
      happenings.tell(install, event, { team: person(how.user).team, channel }),
    )
  }

  // --- interactivity ---------------------------------------------------------------------------------------------

  function trigger(user: string, view?: string): string {
    const id = `${Date.now()}.${Math.floor(Math.random() * 1e12)}.${randomHex(8).toLowerCase()}`
    const { team } = person(user)
    options.triggers.set(id, { user, team, at: state.clock.now(), used: false, ...(view && { view }) })
    return id
  }

  function base(user: string): JsonObject {
    const { id, name, team } = person(user)
    const home = state.teams.get(team)!
    const enterprise = home.enterprise ? { id: home.enterprise, name: 'Organisation' } : null
    const whole = state.installs.some((install) => install.state === 'active' && install.team === team)
    return {
      user: { id, username: name, name, team_id: team },
      api_app_id: app.id,
      token: options.verificationToken,
      team: { id: team, domain: home.domain },
      enterprise,
      is_enterprise_install: enterprise !== null && !whole,
    }
  }

  function interact(payload: JsonObject, triggerId: string, responseUrl: string): Interaction {
    const delivery = sender.send('interactive', payload)
    return { delivery, answer: delivery.first, trigger: triggerId, responseUrl }
  }

  function findButton(buttons: ScreenButton[], which: string): ScreenButton {
    const found = buttons.find((button) => button.label === which) ?? buttons.find((button) => button.action === which)
    if (found) return found
    throw new Error(
      `there is no button ${which}; there are: ${buttons.map((button) => button.label).join(', ') || 'none'}`,
    )
  }

  function actionOf(button: ScreenButton): JsonObject {
    return {
      action_id: button.action,
      block_id: button.block,
      value: button.value,
      type: 'button',
      text: { type: 'plain_text', text: button.label, emoji: true },
      action_ts: state.ts(),
    }
  }

  /** Press a button of a message, found by its label or else its action id. */
  function click(how: { user: string; channel: string; ts: string; button: string }): Interaction {
    const channel = channelOf(how.channel)
    const message = messageOf(how.channel, how.ts)
    if (message.ephemeral && message.ephemeral !== how.user) throw new Error('this person does not see that message')
    const button = findButton(buttonsOf(visibleBlocks(state, message, how.user) ?? []), how.button)
    const triggerId = trigger(how.user)
    const responseUrl = responses.open({
      user: how.user,
      channel: channel.id,
      original: message.ts,
      ...(message.thread && { thread: message.thread }),
    })
    return interact(
      {
        type: 'block_actions',
        ...base(how.user),
        container: {
          type: 'message',
          message_ts: message.ts,
          channel_id: channel.id,
          is_ephemeral: message.ephemeral !== undefined,
          ...(message.thread && { thread_ts: message.thread }),
        },
        trigger_id: triggerId,
        channel: { id: channel.id, name: channel.kind === 'im' ? 'directmessage' : channel.name },
        ...(!message.ephemeral && { message: wireMessage(state, message) }),
        state: { values: {} },
        response_url: responseUrl,
        actions: [actionOf(button)],
      },
      triggerId,
      responseUrl,
    )
  }

  /** Press a button on the Home tab or in an open modal. */
  function clickView(how: { user: string; view: View; button: string; install: Install }): Interaction {
    const blocks = Array.isArray(how.view.content.blocks) ? how.view.content.blocks.filter(isObject) : []
    const button = findButton(buttonsOf(blocks), how.button)
    const triggerId = trigger(how.user, how.view.id)
    return interact(
      {
        type: 'block_actions',
        ...base(how.user),
        container: { type: 'view', view_id: how.view.id },
        trigger_id: triggerId,
        view: wireView(state, how.view, app.id, how.install.botId),
        actions: [actionOf(button)],
      },
      triggerId,
      '',
    )
  }

  /** The modal a person has in front of them. */
  function modal(user: string): View | undefined {
    return [...state.views.values()].findLast((view) => view.user === user)
  }

  /**
   * Fill in and send the modal in front. `values` by action id. Resolves with the errors shown under its fields; without
   * any, it is closed or replaced as the app said.
   */
  async function submit(how: {
    user: string
    install: Install
    values: Record<string, string>
  }): Promise<{ errors: Record<string, string>; attempt: Attempt }> {
    const view = modal(how.user)
    if (!view) throw new Error('there is no open modal')
    const values: JsonObject = {}
    const blocks = Array.isArray(view.content.blocks) ? view.content.blocks.filter(isObject) : []
    for (const block of blocks.filter((each) => each.type === 'input')) {
      const element = block.element as JsonObject
      const action = String(element.action_id)
      const value = how.values[action] ?? (typeof element.initial_value === 'string' ? element.initial_value : null)
      if (value === null && block.optional !== true) throw new Error(`the modal cannot be sent without ${action}`)
      values[String(block.block_id ?? action)] = { [action]: { type: element.type!, value } }
    }
    for (const action of Object.keys(how.values))
      if (!JSON.stringify(values).includes(JSON.stringify(action))) throw new Error(`the modal has no field ${action}`)
    const triggerId = trigger(how.user, view.id)
    const wire = { ...wireView(state, view, app.id, how.install.botId), state: { values } }
    const { answer } = interact(
      { type: 'view_submission', ...base(how.user), trigger_id: triggerId, view: wire, response_urls: [] },
      triggerId,
      '',
    )
    const attempt = await answer
    return { attempt, errors: afterSubmit(view, attempt) }
  }

  function afterSubmit(view: View, attempt: Attempt): Record<string, string> {
    if (attempt.failure) return { '': 'We had some trouble connecting. Try again?' }
    const reply = attempt.body ? (JSON.parse(attempt.body) as JsonObject) : {}
    switch (reply.response_action) {
      case 'errors':
        return reply.errors as Record<string, string>
      case 'update':
        view.content = readView(reply.view, 'modal')
        break
      case 'push':
        openView(state, readView(reply.view, 'modal'), view, view)
        break
      case 'clear':
        for (const other of [...state.views.values()]) if (other.root === view.root) state.views.delete(other.id)
        break
      default:
        state.views.delete(view.id)
    }
    state.changed()
    return {}
  }

  /** Close the modal in front without sending it. */
  function closeModal(how: { user: string; install: Install }): Interaction | undefined {
    const view = modal(how.user)
    if (!view) throw new Error('there is no open modal')
    state.views.delete(view.id)
    state.changed()
    if (view.content.notify_on_close !== true) return undefined
    const wire = wireView(state, view, app.id, how.install.botId)
    return interact({ type: 'view_closed', ...base(how.user), view: wire, is_cleared: false }, '', '')
  }

  function messageShortcut(how: { user: string; channel: string; ts: string; callback: string }): Interaction {
    const channel = channelOf(how.channel)
    const message = messageOf(how.channel, how.ts)
    const triggerId = trigger(how.user)
    const responseUrl = responses.open({ user: how.user, channel: channel.id })
    return interact(
      {
        type: 'message_action',
        ...base(how.user),
        callback_id: how.callback,
        trigger_id: triggerId,
        action_ts: state.ts(),
        channel: { id: channel.id, name: channel.kind === 'im' ? 'directmessage' : channel.name },
        message_ts: message.ts,
        message: wireMessage(state, message),
        response_url: responseUrl,
      },
      triggerId,
      responseUrl,
    )
  }

  function globalShortcut(how: { user: string; callback: string }): Interaction {
    const triggerId = trigger(how.user)
    return interact(
      { type: 'shortcut', ...base(how.user), callback_id: how.callback, trigger_id: triggerId, action_ts: state.ts() },
      triggerId,
      '',
    )
  }

  /** Type a slash command. What the app answers with in its reply is shown as Slack shows it. */
  function command(how: { user: string; channel: string; command: string; text?: string }): Interaction {
    const channel = channelOf(how.channel)
    const { id, name, team } = person(how.user)
    const home = state.teams.get(team)!
    const triggerId = trigger(how.user)
    const responseUrl = responses.open({ user: id, channel: channel.id })
    const payload: JsonObject = {
      token: options.verificationToken,
      team_id: team,
      team_domain: home.domain,
      ...(home.enterprise && { enterprise_id: home.enterprise, enterprise_name: 'Organisation' }),
      channel_id: channel.id,
      channel_name: channel.kind === 'im' ? 'directmessage' : channel.name,
      user_id: id,
      user_name: name,
      command: how.command,
      text: how.text ?? '',
      api_app_id: app.id,
      is_enterprise_install: String(base(id).is_enterprise_install),
      response_url: responseUrl,
      trigger_id: triggerId,
    }
    const delivery = sender.send('slash_commands', payload)
    const answer = delivery.first.then((attempt) => {
      responses.immediate({ user: id, channel: channel.id }, attempt)
      return attempt
    })
    return { delivery, answer, trigger: triggerId, responseUrl }
  }

  return {
    say,
    edit,
    unfurl,
    remove,
    join,
    kick,
    openApp,
    look,
    stop,
    click,
    clickView,
    modal,
    submit,
    closeModal,
    messageShortcut,
    globalShortcut,
    command,
    trigger,
  }
}

export type Actions = ReturnType<typeof createActions>
