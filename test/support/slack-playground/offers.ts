import { readFileSync } from 'node:fs'
import type { Json, JsonObject } from '../../../src/types.ts'
import { isObject } from '../slack/request.ts'

/** What the app's manifest offers to people, and asks of Slack. */
export interface Offers {
  name?: string
  commands: { command: string; hint: string; description: string }[]
  /** In the menu of a message. */
  shortcuts: { name: string; callback: string }[]
  scopes?: string[]
  events?: string[]
}

const none: Offers = { commands: [{ command: '/ask', hint: '', description: '' }], shortcuts: [] }

/** So that what is tried here is what an administrator installs. */
export function readOffers(path: string): Offers {
  let manifest: JsonObject
  try {
    manifest = JSON.parse(readFileSync(path, 'utf8')) as JsonObject
  } catch {
    return none
  }
  const features = object(manifest.features)
  const events = strings(object(object(manifest.settings).event_subscriptions).bot_events)
  const scopes = strings(object(object(manifest.oauth_config).scopes).bot)
  const name = object(manifest.display_information).name
  return {
    ...(typeof name === 'string' && { name }),
    commands: list(features.slash_commands).map((each) => ({
      command: String(each.command),
      hint: String(each.usage_hint ?? ''),
      description: String(each.description ?? ''),
    })),
    shortcuts: list(features.shortcuts)
      .filter((each) => each.type === 'message')
      .map((each) => ({ name: String(each.name), callback: String(each.callback_id) })),
    ...(scopes.length > 0 && { scopes }),
    ...(events.length > 0 && { events }),
  }
}

const object = (value: Json | undefined): JsonObject => (isObject(value) ? value : {})
const list = (value: Json | undefined): JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : [])
const strings = (value: Json | undefined): string[] => (Array.isArray(value) ? value.map(String) : [])
