import type { JsonObject } from '../../../src/types.ts'

/** Before the reply is lost; or so many milliseconds after it, or when this resolves. */
export type Done = boolean | number | Promise<unknown>

/**
 * What can go wrong with one call. `done`: Slack did the work all the same and only the reply is lost, the case that
 * doubles messages when a client tries again.
 */
export type Fault =
  /** An ordinary refusal: 200 with `ok: false`, nothing done. */
  | { kind: 'error'; error: string; more?: JsonObject }
  | { kind: 'ratelimited'; retryAfter: number }
  | { kind: 'status'; status: number; done?: Done }
  /** The connection is reset without a reply. */
  | { kind: 'cut'; done?: Done }
  /** A 200 that is no JSON: a proxy's page. */
  | { kind: 'garbage'; done?: Done }
  /** The work is done at once (`work: 'first'`, so a client's time-out loses the reply) or after the wait. */
  | { kind: 'slow'; wait: number | Promise<unknown>; work?: 'first' | 'last' }

export interface FaultRule {
  fault: Fault
  /** How many calls it hits; once by default. */
  times: number
  /** How many matching calls go well before. */
  skip: number
  matches(call: { method: string; args: JsonObject; team?: string }): boolean
  /** Calls it has hit so far. */
  hits: number
}

export interface FaultOptions {
  times?: number
  skip?: number
  channel?: string
  when?: (args: JsonObject) => boolean
}

export function createFaults() {
  let rules: FaultRule[] = []
  return {
    /** Let calls of a method (`*`: any, `chat.*`: a family) go wrong. */
    add(method: string, fault: Fault, options: FaultOptions = {}): FaultRule {
      const rule: FaultRule = {
        fault,
        times: options.times ?? 1,
        skip: options.skip ?? 0,
        hits: 0,
        matches: (call) =>
          matchesName(method, call.method) &&
          (!options.channel || call.args.channel === options.channel || call.args.channel_id === options.channel) &&
          (!options.when || options.when(call.args)),
      }
      rules.push(rule)
      return rule
    },
    /** The fault that hits this call, if any. */
    pick(call: { method: string; args: JsonObject }): Fault | undefined {
      for (const rule of rules) {
        if (rule.hits >= rule.times || !rule.matches(call)) continue
        if (rule.skip > 0) {
          rule.skip--
          continue
        }
        rule.hits++
        return rule.fault
      }
      return undefined
    },
    clear(): void {
      rules = []
    },
  }
}

function matchesName(pattern: string, method: string): boolean {
  return pattern === '*' || pattern === method || (pattern.endsWith('.*') && method.startsWith(pattern.slice(0, -1)))
}

export type Faults = ReturnType<typeof createFaults>
