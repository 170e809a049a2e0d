import type { Json, JsonObject } from '../../../../src/types.ts'
import { checkBlocks } from '../blocks.ts'
import { tier } from '../limits.ts'
import { invalidArguments, isObject, SlackRefusal } from '../request.ts'
import { randomHex, type State, type View } from '../state.ts'
import { type Context, installedIn, type Method } from './method.ts'

/** A `trigger_id` opens one view, within this time. */
export const triggerMs = 3_000

const viewKeys = {
  modal: [
    'type',
    'title',
    'blocks',
    'close',
    'submit',
    'private_metadata',
    'callback_id',
    'clear_on_close',
    'notify_on_close',
    'external_id',
    'submit_disabled',
  ],
  home: ['type', 'blocks', 'private_metadata', 'callback_id', 'external_id'],
}

/** A view's own rules; throws `invalid_arguments` the way Slack explains it. */
export function readView(value: Json | undefined, type: 'home' | 'modal'): JsonObject {
  if (!isObject(value)) throw invalidArguments('must be an object: view')
  if (value.type !== type) throw invalidArguments(`must be ${type} [json-pointer:/view/type]`)
  if (JSON.stringify(value).length > 250_000) throw new SlackRefusal('view_too_large')
  const unknown = Object.keys(value).filter((key) => !viewKeys[type].includes(key))
  if (unknown.length > 0)
    throw invalidArguments(...unknown.map((key) => `unexpected field [json-pointer:/view/${key}]`))
  const long = (key: string, max: number): boolean => typeof value[key] === 'string' && value[key].length > max
  if (long('private_metadata', 3_000)) throw invalidArguments('must be less than 3001 characters: private_metadata')
  if (long('callback_id', 255)) throw invalidArguments('must be less than 256 characters: callback_id')
  if (type === 'modal') {
    plain(value, 'title', true)
    plain(
      value,
      'submit',
      Array.isArray(value.blocks) && value.blocks.some((block) => isObject(block) && block.type === 'input'),
    )
    plain(value, 'close', false)
  }
  try {
    checkBlocks(value.blocks, type)
  } catch (thrown) {
    if (!(thrown instanceof SlackRefusal)) throw thrown
    throw new SlackRefusal('invalid_arguments', thrown.more)
  }
  return value
}

function plain(view: JsonObject, key: string, required: boolean): void {
  const text = view[key]
  if (text === undefined && !required) return
  if (!isObject(text) || text.type !== 'plain_text' || typeof text.text !== 'string' || text.text === '')
    throw invalidArguments(`missing required field [json-pointer:/view/${key}]`)
  if (text.text.length > 24) throw invalidArguments(`must be less than 25 characters [json-pointer:/view/${key}/text]`)
}

export function wireView(state: State, view: View, app: string, botId: string): JsonObject {
  return {
    ...structuredClone(view.content),
    id: view.id,
    team_id: view.team,
    app_id: app,
    app_installed_team_id: view.team,
    bot_id: botId,
    hash: view.hash,
    root_view_id: view.root,
    previous_view_id: view.previous ?? null,
    state: { values: {} },
    private_metadata: view.content.private_metadata ?? '',
    callback_id: view.content.callback_id ?? '',
    external_id: view.content.external_id ?? '',
    title: view.content.title ?? { type: 'plain_text', text: state.teams.get(view.team)?.name ?? 'Home' },
  }
}

function useTrigger(context: Context): { user: string; team: string; view?: string } {
  const id = String(context.args.trigger_id ?? '')
  const trigger = context.triggers.get(id)
  if (!trigger) throw new SlackRefusal('invalid_trigger_id')
  if (context.state.clock.now() - trigger.at > triggerMs) throw new SlackRefusal('expired_trigger_id')
  if (trigger.used) throw new SlackRefusal('exchanged_trigger_id')
  trigger.used = true
  return trigger
}

export function openView(state: State, content: JsonObject, owner: { user: string; team: string }, under?: View): View {
  const id = state.id('V')
  const view: View = {
    id,
    hash: `${Date.now()}.${randomHex(4)}`,
    user: owner.user,
    team: owner.team,
    type: 'modal',
    content,
    root: under?.root ?? id,
    ...(under && { previous: under.id }),
  }
  state.views.set(id, view)
  state.changed()
  return view
}

function shown(context: Context, view: View): JsonObject {
  return { view: wireView(context.state, view, context.app.id, context.install.botId) }
}

export const views: Record<string, Method> = {
  'views.open': {
    limit: tier(4),
    args: { trigger_id: 'string!', view: 'json!' },
    run(context) {
      const content = readView(context.args.view, 'modal')
      return shown(context, openView(context.state, content, useTrigger(context)))
    },
  },

  'views.push': {
    limit: tier(4),
    args: { trigger_id: 'string!', view: 'json!' },
    run(context) {
      const content = readView(context.args.view, 'modal')
      const trigger = useTrigger(context)
      const under = trigger.view ? context.state.views.get(trigger.view) : undefined
      if (!under) throw new SlackRefusal('not_found')
      return shown(context, openView(context.state, content, trigger, under))
    },
  },

  'views.update': {
    limit: tier(4),
    args: { view: 'json!', view_id: 'string', external_id: 'string', hash: 'string' },
    run(context) {
      const { args, state } = context
      const content = readView(args.view, 'modal')
      const view = state.views.get(String(args.view_id))
      if (!view) throw new SlackRefusal('not_found')
      if (args.hash !== undefined && args.hash !== view.hash) throw new SlackRefusal('hash_conflict')
      view.content = content
      view.hash = `${Date.now()}.${randomHex(4)}`
      state.changed()
      return shown(context, view)
    },
  },

  'views.publish': {
    limit: tier(4),
    args: { user_id: 'string!', view: 'json!', hash: 'string' },
    run(context) {
      const { args, install, state } = context
      const content = readView(args.view, 'home')
      const person = state.people.get(String(args.user_id))
      if (!person || person.bot || !installedIn(state, install, person.team))
        throw invalidArguments('user not found: user_id')
      const before = state.homes.get(person.id)
      if (args.hash !== undefined && args.hash !== before?.hash) throw new SlackRefusal('hash_conflict')
      const id = before?.id ?? state.id('V')
      const hash = `${Date.now()}.${randomHex(4)}`
      const view: View = { id, hash, user: person.id, team: person.team, type: 'home', content, root: id }
      state.homes.set(person.id, view)
      state.changed()
      return shown(context, view)
    },
  },
}
