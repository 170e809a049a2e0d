import { Fault } from '../errors.ts'
import { isEmpty, measures, type Rule, type Rules } from '../limits/rules.ts'
import type { Setting } from '../settings.ts'
import type { JsonObject, Role, User } from '../types.ts'

/** Whom a rule is for. */
export type RuleOwner =
  | { of: 'everyone' }
  | { of: 'role'; role: Role }
  | { of: 'workspace'; workspace: string }
  | { of: 'user'; user: Pick<User, 'id' | 'formerly'> }

/** Far more than anybody means, and still exact in millionths. */
const mostOf = { messagesPerMinute: 1e6, tokensPerDay: 1e12, tokensPerMonth: 1e12, costPerDay: 1e6, costPerMonth: 1e6 }

/** Throws `bad_request` with words for what makes no sense as a limit. */
export function checkRule(rule: Rule): void {
  for (const measure of measures) {
    const limit = rule[measure]
    if (limit === undefined || limit === -1) continue
    const whole = measure.startsWith('cost') || Number.isInteger(limit)
    if (!whole || !(limit >= 0 && limit <= mostOf[measure])) throw new Fault('bad_limit')
  }
}

export function ruleOf(owner: RuleOwner, rules: Rules): Rule {
  if (owner.of === 'everyone') return rules.everyone
  if (owner.of === 'role') return rules.roles[owner.role] ?? {}
  if (owner.of === 'workspace') return rules.workspaces[owner.workspace] ?? {}
  return (
    idsOf(owner.user)
      .map((id) => rules.users[id])
      .find((rule) => rule !== undefined) ?? {}
  )
}

/** Store one rule; an empty one is taken away. The others stay as they are stored, whatever the configuration says by now. */
export async function changeRule(setting: Pick<Setting<Rules>, 'current' | 'change'>, owner: RuleOwner, rule: Rule) {
  const before = ruleOf(owner, setting.current())
  await setting.change((stored) => {
    if (owner.of === 'everyone') return { ...stored, everyone: changed(objectOf(stored.everyone), before, rule) }
    const [group, names] = keysOf(owner)
    const others = Object.entries(objectOf(stored[group])).filter(([name]) => !names.includes(name))
    const own: [string, JsonObject][] = isEmpty(rule) ? [] : [[names[0]!, toJson(rule)]]
    return { ...stored, [group]: Object.fromEntries([...others, ...own]) }
  })
  return { before, after: ruleOf(owner, setting.current()) }
}

/** What was left as it was keeps following the configuration, unless it was stored before. */
function changed(stored: JsonObject, before: Rule, rule: Rule): JsonObject {
  const kept = measures.filter((measure) => rule[measure] !== before[measure] || stored[measure] !== undefined)
  return toJson(Object.fromEntries(kept.map((measure) => [measure, rule[measure]])))
}

function keysOf(owner: Exclude<RuleOwner, { of: 'everyone' }>): ['roles' | 'workspaces' | 'users', string[]] {
  if (owner.of === 'role') return ['roles', [owner.role]]
  if (owner.of === 'workspace') return ['workspaces', [owner.workspace]]
  return ['users', idsOf(owner.user)]
}

/** The one they have first; a rule of a user who was merged into them would hold again without their own. */
const idsOf = ({ id, formerly = [] }: Pick<User, 'id' | 'formerly'>): string[] => [id, ...formerly]

export const toJson = (rule: Rule): JsonObject => JSON.parse(JSON.stringify(rule)) as JsonObject

function objectOf(stored: JsonObject[string] | undefined): JsonObject {
  return typeof stored === 'object' && stored !== null && !Array.isArray(stored) ? stored : {}
}
