import { readFileSync } from 'node:fs'

const names = [
  'accept',
  'amend',
  'budget',
  'claim',
  'commit',
  'copy_keep',
  'copy_put',
  'describe',
  'due',
  'enlist',
  'forget',
  'hit',
  'identity',
  'join',
  'leave',
  'lock',
  'mark',
  'move',
  'mute',
  'page',
  'pending',
  'place',
  'point',
  'rate',
  'read',
  'record_drop',
  'record_put',
  'release',
  'remove',
  'renew',
  'save',
  'schema',
  'session_end',
  'session_index',
  'settle',
  'stale',
  'stop',
  'swap',
  'unmark',
  'updated',
  'usage_add',
  'usage_forget',
  'user_alias',
  'user_begin',
  'user_drop',
  'user_keep',
  'user_remove',
  'user_swap',
  'user_update',
] as const

export type ScriptName = (typeof names)[number]

/** Not the names of Redis' own commands, which a script must not hide. */
export const commandOf = (name: ScriptName) => `chat_${name}`

/**
 * The scripts by command, each with the common part in front, as ioredis' `scripts` option takes them. It sends the whole
 * text once a connection and its hash from then on, and again when Redis forgot it (`NOSCRIPT`).
 */
export function loadScripts(): Record<string, { lua: string }> {
  const text = (name: string) => readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8')
  const common = text('common')
  return Object.fromEntries(names.map((name) => [commandOf(name), { lua: `${common}\n${text(name)}` }]))
}
