import type { Json, JsonObject, Role, User } from '../types.ts'

/** How much may be used. What is absent is without limit. Costs are US dollars. */
export interface Rule {
  messagesPerMinute?: number
  tokensPerDay?: number
  tokensPerMonth?: number
  costPerDay?: number
  costPerMonth?: number
}

export type Measure = keyof Rule
export const measures: readonly Measure[] = [
  'messagesPerMinute',
  'tokensPerDay',
  'tokensPerMonth',
  'costPerDay',
  'costPerMonth',
]

/**
 * The operator's rules. Of those about one person the closest one holds, measure by measure: the user's own, that of their
 * role (the most generous of several), that of everyone. A workspace's rule is about all of its people together, beside that.
 */
export interface Rules {
  everyone: Rule
  roles: Partial<Record<Role, Rule>>
  /** By user id. */
  users: Record<string, Rule>
  /** By `slack:<team>`, `teams:<tenant>` or `web:local`. */
  workspaces: Record<string, Rule>
}

export const noRules: Rules = { everyone: {}, roles: {}, users: {}, workspaces: {} }

/** Rules as they were stored, over those of the configuration. What is not understood counts as not there. */
export function readRules(stored: JsonObject, configured: Rule): Rules {
  return {
    everyone: { ...configured, ...readRule(stored.everyone) },
    roles: readEach(stored.roles),
    users: readEach(stored.users),
    workspaces: readEach(stored.workspaces),
  }
}

function readEach(stored: Json | undefined): Record<string, Rule> {
  return Object.fromEntries(Object.entries(objectOf(stored)).map(([name, rule]) => [name, readRule(rule)]))
}

function readRule(stored: Json | undefined): Rule {
  const rule: Rule = {}
  for (const measure of measures) {
    const limit = objectOf(stored)[measure]
    if (typeof limit === 'number' && limit >= -1) rule[measure] = limit
  }
  return rule
}

function objectOf(stored: Json | undefined): JsonObject {
  return typeof stored === 'object' && stored !== null && !Array.isArray(stored) ? stored : {}
}

/** What holds for one person. A limit of -1 in a closer rule lifts that of a wider one. */
export function ruleFor({ id, formerly = [], roles }: Pick<User, 'id' | 'formerly' | 'roles'>, rules: Rules): Rule {
  const own = [id, ...formerly].map((one) => rules.users[one]).find((rule) => rule !== undefined)
  const byRole = roles.map((role) => rules.roles[role]).filter((rule) => rule !== undefined)
  const found: Rule = {}
  for (const measure of measures) {
    const limit = own?.[measure] ?? mostGenerous(byRole, measure) ?? rules.everyone[measure]
    if (limit !== undefined && limit >= 0) found[measure] = limit
  }
  return found
}

function mostGenerous(rules: Rule[], measure: Measure): number | undefined {
  const limits = rules.map((rule) => rule[measure]).filter((limit) => limit !== undefined)
  if (limits.length === 0) return undefined
  return limits.includes(-1) ? -1 : Math.max(...limits)
}

export function isEmpty(rule: Rule): boolean {
  return measures.every((measure) => rule[measure] === undefined)
}

/** One allowance in its current window. */
export interface Window {
  measure: Exclude<Measure, 'messagesPerMinute'>
  of: 'tokens' | 'cost'
  per: 'day' | 'month'
  /** Tokens, or millionths of a dollar. */
  limit: number
  /** `tokens:2026-11-23`; the owner's name goes in front. */
  key: string
  /** When it begins anew, by the calendar of UTC. */
  endsAt: number
}

/** The allowances of a rule at this time. */
export function windowsOf(rule: Rule, now: number): Window[] {
  const day = dayOf(now)
  const date = new Date(now)
  const nextDay = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() + 1)
  const nextMonth = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)
  const all = [
    { measure: 'tokensPerDay', of: 'tokens', per: 'day' },
    { measure: 'tokensPerMonth', of: 'tokens', per: 'month' },
    { measure: 'costPerDay', of: 'cost', per: 'day' },
    { measure: 'costPerMonth', of: 'cost', per: 'month' },
  ] as const
  return all.flatMap(({ measure, of, per }) => {
    const limit = rule[measure]
    if (limit === undefined || limit < 0) return []
    const [window, endsAt] = per === 'day' ? [day, nextDay] : [day.slice(0, 7), nextMonth]
    return [{ measure, of, per, limit: of === 'cost' ? toMicro(limit) : limit, key: `${of}:${window}`, endsAt }]
  })
}

/** `2026-11-23`, in UTC. */
export function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}

/** US dollars as millionths. */
export function toMicro(dollars: number): number {
  return Math.round(dollars * 1_000_000)
}
