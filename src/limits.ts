import { Fault, messageOf, notice } from './errors.ts'
import { dayOf, isEmpty, type Measure, type Rules, ruleFor, toMicro, type Window, windowsOf } from './limits/rules.ts'
import { leftWords, reachedWords, waitWords, warningWords } from './limits/words.ts'
import { costOf, type Price } from './models.ts'
import type { Budgets, Counters, UsageLog } from './store.ts'
import type { Allowance, Log, Notice, Surface, Usage, User } from './types.ts'

/** On whose account a model is asked, and where. */
export interface Asker {
  user: string
  surface: Surface
  workspace: string
}

/** A turn that is about to ask the model. */
export interface Asking extends Omit<Asker, 'user'> {
  turn: string
  user: User
  /** The first try of this turn: later ones are no further message. */
  first: boolean
  /** Tokens, at most. */
  input: number
  output: number
}

/** What is held for a turn until it is known what it took. */
export interface Held {
  /** What it came to. Resolves with a word to the person when most of an allowance is used up by now. */
  settle(usage: Usage | undefined, model: string): Promise<Notice | undefined>
}

/** How much people and workspaces may use, exact over all instances, and what they did use. */
export interface Limits {
  /** Throws `limit_reached` with what is used up and when it begins anew. Asks the store only where a rule holds. */
  enter(asking: Asking): Promise<Held>
  /** What is left for a user; empty where nothing is limited. */
  left(user: User): Promise<Allowance[]>
  /** What was used beside an answer (a title, a summary) is written down for those who look later; it uses up nothing. */
  note(asker: Asker, usage: Usage, model: string): void
  /** What one user has used in the windows of today, the other has used as well, at least. */
  carry(from: string, to: string): Promise<void>
  /** Until what was used is written down. */
  idle(): Promise<void>
}

/** From here on people are told that little is left. */
const warnAt = 0.8
const minuteMs = 60_000
const everyMeasure = { tokensPerDay: 0, tokensPerMonth: 0, costPerDay: 0, costPerMonth: 0 }

export function createLimits(options: {
  budgets: Budgets
  counters: Counters
  usage: UsageLog
  /** As they are now. */
  rules(): Rules
  priceOf(model: string): Price | undefined
  /** The model that is asked first: what a turn may cost is reckoned by its price. */
  model: string
  log: Log
  now?: () => number
}): Limits {
  const { budgets, counters, usage, log, now = Date.now } = options
  const writing = new Set<Promise<void>>()

  /** The allowances that a turn uses: the person's and their workspace's. */
  function allowances(user: User, workspace: string): (Window & { owner: string })[] {
    const rules = options.rules()
    const shared = rules.workspaces[workspace]
    const at = now()
    return [
      ...windowsOf(ruleFor(user, rules), at).map((window) => ({ ...window, owner: `user:${user.id}` })),
      ...(shared && !isEmpty(shared) ? windowsOf(shared, at) : []).map((window) => ({
        ...window,
        owner: `workspace:${workspace}`,
      })),
    ]
  }

  async function countMessage({ user, surface, workspace, first }: Asking): Promise<void> {
    if (!first) return
    const rules = options.rules()
    const most: [string, number | undefined][] = [
      [`user:${user.id}`, ruleFor(user, rules).messagesPerMinute],
      [`workspace:${surface}:${workspace}`, rules.workspaces[`${surface}:${workspace}`]?.messagesPerMinute],
    ]
    for (const [owner, limit] of most) {
      if (limit === undefined || limit < 0) continue
      const { count, resetsAt } = await counters.hit(`messages:${owner}`, minuteMs)
      if (count > limit) throw reached(owner, 'messagesPerMinute', limit, resetsAt, user)
    }
  }

  function reached(owner: string, measure: Measure, limit: number, endsAt: number, user: User): Fault {
    log.info({ owner: owner.split(':')[0], measure, user: user.id }, 'a limit was reached')
    return new Fault('limit_reached', { text: reachedWords({ owner, measure, limit, endsAt, now: now(), user }) })
  }

  function priced(tokens: Usage, model: string): number {
    const price = options.priceOf(model) ?? options.priceOf(options.model)
    return price ? toMicro(costOf(tokens, price)) : 0
  }

  async function enter(asking: Asking): Promise<Held> {
    await countMessage(asking)
    const { turn, user } = asking
    const workspace = `${asking.surface}:${asking.workspace}`
    const windows = allowances(user, workspace)
    const estimate: Usage = { input: asking.input, output: asking.output, cacheRead: 0, cacheWrite: 0 }
    const held: typeof windows = []
    for (const window of windows) {
      const { key, limit, endsAt, owner, measure } = window
      const amount = window.of === 'cost' ? priced(estimate, options.model) : tokensOf(estimate)
      const { ok, used } = await budgets.hold(`${owner}:${key}`, { turn, amount, limit, endsAt })
      if (ok) {
        held.push(window)
        continue
      }
      await Promise.all(held.map((one) => budgets.settle(`${one.owner}:${one.key}`, turn, 0)))
      if (used < limit) throw new Fault('limit_held', { text: waitWords() })
      throw reached(owner, measure, limit, endsAt, user)
    }
    return { settle: (tokens, model) => settle(asking, held, tokens, model) }
  }

  async function settle(
    asking: Asking,
    held: (Window & { owner: string })[],
    tokens: Usage = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    model: string,
  ): Promise<Notice | undefined> {
    const cost = priced(tokens, model)
    note({ ...asking, user: asking.user.id }, tokens, model, 1)
    const warnings: string[] = []
    for (const { owner, key, of, limit, endsAt, measure } of held) {
      const amount = of === 'cost' ? cost : tokensOf(tokens)
      const { used } = await budgets.settle(`${owner}:${key}`, asking.turn, amount)
      // Whoever crosses the line is told, and nobody after them.
      if (used >= limit * warnAt && used - amount < limit * warnAt)
        warnings.push(warningWords({ owner, measure, limit, used, endsAt, now: now(), user: asking.user }))
    }
    return warnings[0] === undefined ? undefined : notice('limit_near', warnings[0])
  }

  /** Nobody waits for it. */
  function note({ user, surface, workspace }: Asker, tokens: Usage, model: string, turns: number): void {
    const { input, output, cacheRead, cacheWrite } = tokens
    const row = { day: dayOf(now()), user, surface, workspace, model, turns, cost: priced(tokens, model) }
    const task = usage
      .add({ ...row, input, output, cacheRead, cacheWrite })
      .catch((thrown: unknown) => log.warn({ reason: messageOf(thrown) }, 'what was used could not be written down'))
      .finally(() => writing.delete(task))
    writing.add(task)
  }

  async function carry(from: string, to: string): Promise<void> {
    const windows = windowsOf(everyMeasure, now())
    const read = (user: string) => budgets.read(windows.map(({ key }) => `user:${user}:${key}`))
    const [theirs, own] = await Promise.all([read(from), read(to)])
    for (const [i, { key, endsAt }] of windows.entries()) {
      const { used = 0, held = 0 } = theirs[i] ?? {}
      // The greater of both, not the sum: who parts and joins again has not used it twice.
      const amount = used + held - (own[i]?.used ?? 0)
      if (amount <= 0) continue
      const claim = { turn: `carried from ${from}`, amount, limit: Number.MAX_SAFE_INTEGER, endsAt }
      await budgets.hold(`user:${to}:${key}`, claim)
      await budgets.settle(`user:${to}:${key}`, claim.turn, amount)
    }
  }

  return {
    enter,
    carry,
    note: (asker, tokens, model) => note(asker, tokens, model, 0),
    async left(user) {
      const windows = allowances(user, '')
      const balances = await budgets.read(windows.map(({ owner, key }) => `${owner}:${key}`))
      return windows.map(({ measure, of, per, limit, endsAt }, i) => {
        const used = Math.min(balances[i]?.used ?? 0, limit)
        return { of, per, limit, used, endsAt, text: leftWords({ measure, limit, used, endsAt, now: now(), user }) }
      })
    },
    async idle() {
      await Promise.all(writing)
    },
  }
}

/** What counts as used, cached or not. */
function tokensOf({ input, output, cacheRead, cacheWrite }: Usage): number {
  return input + output + cacheRead + cacheWrite
}
