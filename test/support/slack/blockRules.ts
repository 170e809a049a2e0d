import type { Json, JsonObject } from '../../../src/types.ts'
import { isObject } from './request.ts'

/** Block Kit block by block, element by element. Source: docs.slack.dev/reference/block-kit. */

export type Where = 'message' | 'home' | 'modal'
type Check = (value: JsonObject, path: string) => void

const selects = ['static_select', 'external_select', 'users_select', 'conversations_select', 'channels_select']
const pickers = ['datepicker', 'datetimepicker', 'timepicker']
const interactive = ['button', 'checkboxes', 'overflow', 'radio_buttons', ...selects, ...pickers]
const inputs = [
  ...['plain_text_input', 'email_text_input', 'number_input', 'url_text_input', 'rich_text_input'],
  ...['checkboxes', 'radio_buttons', 'multi_static_select', ...selects, ...pickers],
]
const richParts = ['rich_text_section', 'rich_text_list', 'rich_text_preformatted', 'rich_text_quote']

/** Collects what is wrong with a block, with the JSON pointer to it, in Slack's words. */
export function blockChecker(faults: string[], where: Where): (value: Json | undefined, path: string) => void {
  const fault = (path: string, message: string): void => {
    faults.push(`${message} [json-pointer:${path}]`)
  }

  function string(
    value: Json | undefined,
    path: string,
    max: number,
    options: { optional?: true; min?: 0 } = {},
  ): void {
    if (value === undefined && options.optional) return
    if (value === undefined) fault(path, 'missing required field')
    else if (typeof value !== 'string') fault(path, 'must be a string')
    else if (value.length > max) fault(path, `must be less than ${max + 1} characters`)
    else if (value.length < (options.min ?? 1)) fault(path, 'must be more than 0 characters')
  }

  function choice(value: Json | undefined, path: string, choices: string[]): void {
    if (!choices.includes(String(value))) fault(path, `must be one of: ${choices.join(', ')}`)
  }

  function onlyKeys(value: JsonObject, path: string, keys: string[]): void {
    for (const key of Object.keys(value)) if (!keys.includes(key)) fault(`${path}/${key}`, 'unexpected field')
  }

  function text(value: Json | undefined, path: string, max: number, types = ['plain_text', 'mrkdwn']): void {
    if (!isObject(value)) {
      fault(path, 'missing required field')
      return
    }
    choice(value.type, `${path}/type`, types)
    string(value.text, `${path}/text`, max)
    onlyKeys(value, path, ['type', 'text', 'emoji', 'verbatim'])
  }

  const plain = (value: Json | undefined, path: string, max: number): void => text(value, path, max, ['plain_text'])

  function list(value: Json | undefined, path: string, max: number, each: Check): void {
    if (!Array.isArray(value)) {
      fault(path, 'must be an array')
      return
    }
    if (value.length === 0) fault(path, 'no fewer than 1 items allowed')
    if (value.length > max) fault(path, `no more than ${max} items allowed`)
    value.forEach((item, index) => {
      if (isObject(item)) each(item, `${path}/${index}`)
      else fault(`${path}/${index}`, 'must be an object')
    })
  }

  const oneOf =
    (types: string[]): Check =>
    (item, path) => {
      if (!types.includes(String(item.type))) {
        fault(`${path}/type`, `unsupported type: ${String(item.type)}`)
        return
      }
      if (item.action_id !== undefined) string(item.action_id, `${path}/action_id`, 255)
      elements[String(item.type)]?.(item, path)
    }

  const options =
    (max: number): Check =>
    (item, path) =>
      list(item.options, `${path}/options`, max, (option, at) => {
        text(option.text, `${at}/text`, 75)
        string(option.value, `${at}/value`, 150)
      })

  const elements: Record<string, Check> = {
    button(item, path) {
      plain(item.text, `${path}/text`, 75)
      string(item.value, `${path}/value`, 2_000, { optional: true, min: 0 })
      string(item.url, `${path}/url`, 3_000, { optional: true })
      string(item.accessibility_label, `${path}/accessibility_label`, 75, { optional: true })
      if (item.style !== undefined) choice(item.style, `${path}/style`, ['primary', 'danger'])
      onlyKeys(item, path, ['type', 'text', 'action_id', 'url', 'value', 'style', 'confirm', 'accessibility_label'])
    },
    feedback_buttons(item, path) {
      for (const side of ['positive_button', 'negative_button'] as const) {
        const button = item[side]
        if (!isObject(button)) {
          fault(`${path}/${side}`, 'missing required field')
          continue
        }
        plain(button.text, `${path}/${side}/text`, 75)
        string(button.value, `${path}/${side}/value`, 2_000)
        string(button.accessibility_label, `${path}/${side}/accessibility_label`, 75, { optional: true })
      }
      onlyKeys(item, path, ['type', 'action_id', 'positive_button', 'negative_button'])
    },
    icon_button(item, path) {
      choice(item.icon, `${path}/icon`, ['trash'])
      plain(item.text, `${path}/text`, 75)
    },
    plain_text: (item, path) => text(item, path, 2_000),
    mrkdwn: (item, path) => text(item, path, 2_000),
    image(item, path) {
      string(item.alt_text, `${path}/alt_text`, 2_000)
      if (item.image_url === undefined && item.slack_file === undefined)
        fault(path, 'missing required field: image_url')
    },
    plain_text_input(item, path) {
      string(item.initial_value, `${path}/initial_value`, 3_000, { optional: true, min: 0 })
      if (item.placeholder !== undefined) plain(item.placeholder, `${path}/placeholder`, 150)
      if (typeof item.max_length === 'number' && item.max_length > 3_000) fault(`${path}/max_length`, 'at most 3000')
    },
    overflow: options(5),
    static_select: options(100),
    radio_buttons: options(10),
    checkboxes: options(10),
  }

  const blocks: Record<string, Check> = {
    section(value, path) {
      if (value.text === undefined && value.fields === undefined) fault(path, 'missing required field: text')
      if (value.text !== undefined) text(value.text, `${path}/text`, 3_000)
      if (value.fields !== undefined) list(value.fields, `${path}/fields`, 10, (item, at) => text(item, at, 2_000))
      if (isObject(value.accessory)) oneOf([...interactive, 'image'])(value.accessory, `${path}/accessory`)
      onlyKeys(value, path, ['type', 'block_id', 'text', 'fields', 'accessory', 'expand'])
    },
    header: (value, path) => plain(value.text, `${path}/text`, 150),
    divider: () => {},
    markdown(value, path) {
      string(value.text, `${path}/text`, 12_000)
      onlyKeys(value, path, ['type', 'block_id', 'text'])
    },
    actions: (value, path) => list(value.elements, `${path}/elements`, 25, oneOf(interactive)),
    context: (value, path) => list(value.elements, `${path}/elements`, 10, oneOf(['image', 'plain_text', 'mrkdwn'])),
    context_actions(value, path) {
      if (where !== 'message') fault(path, 'only allowed in messages')
      list(value.elements, `${path}/elements`, 5, oneOf(['feedback_buttons', 'icon_button']))
    },
    table(value, path) {
      if (value.column_settings !== undefined) list(value.column_settings, `${path}/column_settings`, 20, () => {})
      if (!Array.isArray(value.rows) || value.rows.length === 0) fault(`${path}/rows`, 'missing required field')
      else if (value.rows.length > 100) fault(`${path}/rows`, 'no more than 100 items allowed')
      else for (const [index, row] of value.rows.entries()) list(row, `${path}/rows/${index}`, 20, cell)
    },
    rich_text(value, path) {
      list(value.elements, `${path}/elements`, 1_000, (item, at) => {
        choice(item.type, `${at}/type`, richParts)
        if (!Array.isArray(item.elements)) fault(`${at}/elements`, 'missing required field')
        else
          item.elements.forEach((leaf, index) => {
            // A text leaf must not be empty; Slack refuses the whole message for one.
            if (isObject(leaf) && leaf.type === 'text') string(leaf.text, `${at}/elements/${index}/text`, 40_000)
          })
      })
    },
    image: elements.image!,
    input(value, path) {
      if (where === 'message') fault(path, 'not allowed in messages')
      plain(value.label, `${path}/label`, 2_000)
      if (value.hint !== undefined) plain(value.hint, `${path}/hint`, 2_000)
      if (isObject(value.element)) oneOf(inputs)(value.element, `${path}/element`)
      else fault(`${path}/element`, 'missing required field')
    },
    alert: (value, path) => text(value.text, `${path}/text`, 3_000),
    task_card(value, path) {
      string(value.task_id, `${path}/task_id`, 255)
      string(value.title, `${path}/title`, 3_000)
      choice(value.status, `${path}/status`, ['pending', 'in_progress', 'complete', 'error'])
    },
    plan: (value, path) => string(value.title, `${path}/title`, 3_000),
  }

  function cell(value: JsonObject, path: string): void {
    choice(value.type, `${path}/type`, ['raw_text', 'raw_number', 'rich_text'])
    if (value.type === 'raw_text') string(value.text, `${path}/text`, 10_000)
    if (value.type === 'rich_text') blocks.rich_text!(value, path)
  }

  return (value, path) => {
    if (!isObject(value)) {
      fault(path, 'must be an object')
      return
    }
    string(value.block_id, `${path}/block_id`, 255, { optional: true, min: 0 })
    const check = blocks[String(value.type)]
    if (check) check(value, path)
    else fault(`${path}/type`, `unsupported type: ${String(value.type)}`)
  }
}
