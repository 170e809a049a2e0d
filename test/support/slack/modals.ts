import type { JsonObject } from '../../../src/types.ts'
import type { Attempt } from './delivery.ts'
import type { Interaction, Interactions } from './interactions.ts'
import type { AppFacts } from './methods/method.ts'
import { openView, readView, wireView } from './methods/views.ts'
import { isObject } from './request.ts'
import type { Install, State, View } from './state.ts'

/** The views in front of people, and what they do with them. */
export function createModals(options: { state: State; app: AppFacts; interactions: Interactions }) {
  const { state, app } = options
  const { base, interact, trigger } = options.interactions

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

  return { modal, submit, closeModal }
}

export type Modals = ReturnType<typeof createModals>
