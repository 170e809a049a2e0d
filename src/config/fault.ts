/** One thing that is wrong with the configuration. Never has a secret in it. */
export interface ConfigFault {
  variable: string
  /** Follows the variable's name in a sentence. */
  problem: string
  expected: string
}

/** The exit code for a faulty configuration: EX_CONFIG of sysexits.h. */
export const configExitCode = 78

/** Everything that is wrong with the configuration. Print `message`, exit with `configExitCode`, show no stack. */
export class ConfigError extends Error {
  readonly faults: readonly ConfigFault[]

  constructor(faults: readonly ConfigFault[]) {
    const lines = faults.map((fault) => `  ${fault.variable} ${fault.problem}. Expected: ${fault.expected}.`)
    super(`The configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${lines.join('\n')}`)
    this.name = 'ConfigError'
    this.faults = faults
  }
}
