import { type FaultCode, notice } from '../../../src/errors.ts'
import type { Surface } from '../../../src/types.ts'

/** What the audit log calls what was done, for people. */
export const actionNames: Readonly<Record<string, string>> = {
  sign_in: 'Signed in',
  sign_in_refused: 'Refused at sign-in',
  access_refused: 'Refused access',
  join: 'Joined',
  unlink: 'Unlinked',
  role: 'Role changed',
  disable: 'Disabled',
  enable: 'Enabled',
  hold: 'Legal hold',
  limit: 'Limit changed',
  export: 'Exported',
  delete: 'Deleted',
  sessions_ended: 'Sessions ended',
  password: 'Password changed',
  installed: 'Installed',
  uninstalled: 'Uninstalled',
}

export const surfaceNames: Readonly<Record<Surface, string>> = { web: 'Web', slack: 'Slack', teams: 'Teams' }

/** Who has no user of their own and yet did something. */
export const actorNames: Readonly<Record<string, string>> = {
  operator: 'Command line',
  retention: 'Retention',
}

/** What a form did, told on the page it leads back to. */
const deeds: Readonly<Record<string, string>> = {
  role: 'The role was changed. It holds from their next request on.',
  disabled: 'Switched off. All of their sessions have ended, and no surface answers them any more.',
  enabled: 'Switched on again.',
  held: 'Under legal hold: nothing of theirs is deleted until it is lifted.',
  released: 'The legal hold was lifted.',
  sessions: 'All of their sessions have ended.',
  unlinked: 'Unlinked. It is a user of its own now, without history.',
  limits: 'The limits were changed. They hold everywhere at once.',
  deleted: 'Everything that was kept about them is deleted.',
}

const failures: ReadonlySet<string> = new Set<FaultCode>([
  'last_admin',
  'not_oneself',
  'on_hold',
  'last_identity',
  'bad_limit',
])
export const canTell = (code: string): boolean => failures.has(code)

const wrongWord = 'Nothing was deleted: the words were not typed as they are written there.'

/** What a page says on the way back from a form; anything else in the address says nothing. */
export function told({ done, failed }: { done?: string | undefined; failed?: string | undefined }): {
  good?: string
  bad?: string
} {
  if (done !== undefined && Object.hasOwn(deeds, done)) return { good: deeds[done]! }
  if (failed === 'word') return { bad: wrongWord }
  if (failed === 'on_hold') return { bad: 'They are under a legal hold, so nothing of theirs can be deleted now.' }
  return failed !== undefined && failures.has(failed) ? { bad: notice(failed as FaultCode).text } : {}
}

const numbers = new Intl.NumberFormat('en')
export const count = (value: number): string => numbers.format(value)
/** Of millionths of a US dollar. */
export const dollars = (micro: number): string =>
  `$${(micro / 1_000_000).toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`
