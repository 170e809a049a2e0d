import type { User } from '../types.ts'
import type { Measure } from './rules.ts'

/** What people are told of their limits: how much it is, and when it begins anew, in their own time zone. */
interface About {
  measure: Measure
  /** Messages, tokens, or millionths of a dollar. */
  limit: number
  endsAt: number
  now: number
  user: Pick<User, 'timeZone'>
}

export function reachedWords(about: About & { owner: string }): string {
  const whose = about.owner.startsWith('user:') ? 'You have reached your' : 'This workspace has reached its'
  return `${whose} limit of ${amount(about.measure, about.limit)} a ${per(about.measure)}. It resets ${when(about)}.`
}

export function warningWords(about: About & { owner: string; used: number }): string {
  const whose = about.owner.startsWith('user:') ? 'your' : 'this workspace’s'
  const share = Math.min(100, Math.floor((about.used / about.limit) * 100))
  return `${share} % of ${whose} limit of ${amount(about.measure, about.limit)} a ${per(about.measure)} is used. It resets ${when(about)}.`
}

/** “12,000 of 50,000 tokens left today (resets at 00:00 UTC)” */
export function leftWords(about: About & { used: number }): string {
  const left = Math.max(0, about.limit - about.used)
  const span = per(about.measure) === 'day' ? 'today' : 'this month'
  return `${bare(about.measure, left)} of ${amount(about.measure, about.limit)} left ${span} (resets ${when(about)})`
}

export function waitWords(): string {
  return 'Your other questions are still being answered and may use up what is left of your limit. Please try again when they are done.'
}

function per(measure: Measure): 'minute' | 'day' | 'month' {
  if (measure.endsWith('Minute')) return 'minute'
  return measure.endsWith('Day') ? 'day' : 'month'
}

function amount(measure: Measure, limit: number): string {
  if (measure.startsWith('cost')) return bare(measure, limit)
  const what = measure.startsWith('messages') ? 'message' : 'token'
  return `${bare(measure, limit)} ${what}${limit === 1 ? '' : 's'}`
}

const numbers = new Intl.NumberFormat('en')

function bare(measure: Measure, value: number): string {
  return measure.startsWith('cost') ? `$${(value / 1_000_000).toFixed(2)}` : numbers.format(value)
}

/** Within a minute or hours ahead: a duration; else the day and the time. */
function when({ endsAt, now, user }: Pick<About, 'endsAt' | 'now' | 'user'>): string {
  const seconds = Math.max(1, Math.ceil((endsAt - now) / 1000))
  if (seconds < 90) return `in ${seconds} second${seconds === 1 ? '' : 's'}`
  const timeZone = user.timeZone ?? 'UTC'
  const zone = zones.has(timeZone) ? timeZone : 'UTC'
  const part = (options: Intl.DateTimeFormatOptions): string =>
    new Intl.DateTimeFormat('en-GB', { ...options, timeZone: zone }).format(endsAt)
  const time = part({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZoneName: 'short' })
  return seconds > 24 * 3600 ? `on ${part({ day: 'numeric', month: 'long' })} at ${time}` : `at ${time}`
}

const zones = new Set(Intl.supportedValuesOf('timeZone'))
