/** One line of a benchmark's table: ours beside its measure, taken in the same run. */
export interface Row {
  name: string
  ours: number
  /** What it is compared with; absent where the goal is a plain number. */
  base?: number
  ratio?: number
  unit?: string
  /** What we promise, in words. */
  goal?: string
}

export function table(rows: readonly Row[]): string {
  const cells = rows.map(({ name, ours, base, ratio, unit = '', goal = '' }) => [
    name,
    `${round(ours)} ${unit}`.trim(),
    base === undefined ? '' : `${round(base)} ${unit}`.trim(),
    ratio === undefined ? '' : `${ratio.toFixed(2)}x`,
    goal,
  ])
  const head = ['what', 'ours', 'compared with', 'ratio', 'goal']
  return [head, head.map(() => '---'), ...cells].map((line) => `| ${line.join(' | ')} |`).join('\n')
}

const round = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3))
