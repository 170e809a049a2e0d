import type { JsonObject } from '../../../src/types.ts'
import type { Attempt, Delivery, Sender } from './delivery.ts'
import { channelOf, messageOf, personOf } from './lookup.ts'
import { type AppFacts, type Trigger, wireMessage } from './methods/method.ts'
import { wireView } from './methods/views.ts'
import { isObject } from './request.ts'
import type { Responses } from './responses.ts'
import { buttonsOf, type ScreenButton, visibleBlocks } from './screen.ts'
import { type Install, randomHex, type State, type View } from './state.ts'

/** How an interaction went, as its person notices. */
export interface Interaction {
  delivery: Delivery
  /** Settles with the app's answer. */
  answer: Promise<Attempt>
  /** The triggering person could use this to open a view; for tests of expired and used ones. */
  trigger: string
  responseUrl: string
}

export interface InteractionOptions {
  state: State
  app: AppFacts
  sender: Sender
  responses: Responses
  triggers: Map<string, Trigger>
  verificationToken: string
}

/** Buttons, shortcuts and commands. Throws where a person could not: a button that is not there. */
export function createInteractions(options: InteractionOptions) {
  const { state, app, sender, responses } = options

  function trigger(user: string, view?: string): string {
    const id = `${Date.now()}.${Math.floor(Math.random() * 1e12)}.${randomHex(8).toLowerCase()}`
    const { team } = personOf(state, user)
    options.triggers.set(id, { user, team, at: state.clock.now(), used: false, ...(view && { view }) })
    return id
  }

  function base(user: string): JsonObject {
    const { id, name, team } = personOf(state, user)
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
    // Where several have the same label, its value tells which one.
    const by = (key: 'value' | 'label' | 'action') => buttons.find((button) => button[key] === which)
    const found = by('value') ?? by('label') ?? by('action')
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

  /** Press a button of a message, found by its value, its label or else its action id. */
  function click(how: { user: string; channel: string; ts: string; button: string }): Interaction {
    const channel = channelOf(state, how.channel)
    const message = messageOf(state, how.channel, how.ts)
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

  function messageShortcut(how: { user: string; channel: string; ts: string; callback: string }): Interaction {
    const channel = channelOf(state, how.channel)
    const message = messageOf(state, how.channel, how.ts)
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
    const channel = channelOf(state, how.channel)
    const { id, name, team } = personOf(state, how.user)
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

  return { base, trigger, interact, click, clickView, messageShortcut, globalShortcut, command }
}

export type Interactions = ReturnType<typeof createInteractions>
