import type { Log, Metrics } from '../../src/types.ts'

/** A log that keeps quiet but remembers, so that a test can hold what was said (and what must never be). */
export function quietLog(lines: { level: string; fields: object; text: string }[] = []): Log & { lines: typeof lines } {
  const at = (level: string, base: object) => (fields: object, text: string) => {
    lines.push({ level, fields: { ...base, ...fields }, text })
  }
  const make = (base: object): Log & { lines: typeof lines } => ({
    lines,
    debug: at('debug', base),
    info: at('info', base),
    warn: at('warn', base),
    error: at('error', base),
    child: (fields) => make({ ...base, ...fields }),
  })
  return make({})
}

export const noMetrics: Metrics = {
  accepted() {},
  firstText() {},
  done() {},
  modelCall() {},
  modelRetried() {},
  modelFellBack() {},
  running() {},
  leaseLost() {},
  storeError() {},
}
