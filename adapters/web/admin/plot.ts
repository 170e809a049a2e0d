/** One day of a plot: what it is made of, from the bottom up. */
export interface Bar {
  label: string
  parts: { kind: string; value: number }[]
}

export interface Piece {
  kind: string
  x: number
  y: number
  width: number
  height: number
}

/** The plot's own units; it is stretched to whatever room there is. */
export const plotWidth = 1_000
export const plotHeight = 100

/** Bars as rectangles over a scale that ends at a round number. Its labels are text beside it: they must not be stretched. */
export function barsOf(bars: readonly Bar[], format: (value: number) => string) {
  const totals = bars.map(({ parts }) => parts.reduce((sum, { value }) => sum + value, 0))
  const top = roundUp(Math.max(0, ...totals))
  const slot = plotWidth / Math.max(1, bars.length)
  const width = slot * (bars.length > 120 ? 1 : 0.75)
  const columns = bars.map(({ label, parts }, at) => {
    let below = 0
    const pieces: Piece[] = []
    for (const { kind, value } of parts) {
      if (value <= 0) continue
      const height = (value / top) * plotHeight
      below += height
      pieces.push({
        kind,
        x: rounded(at * slot + (slot - width) / 2),
        y: rounded(plotHeight - below),
        width: rounded(width),
        height: rounded(height),
      })
    }
    return { title: `${label}: ${format(totals[at]!)}`, pieces }
  })
  return {
    width: plotWidth,
    height: plotHeight,
    columns: columns.filter(({ pieces }) => pieces.length > 0),
    top: format(top),
    first: bars[0]?.label ?? '',
    last: bars.at(-1)?.label ?? '',
    highest: describedHighest(bars, totals, format),
  }
}

function describedHighest(bars: readonly Bar[], totals: readonly number[], format: (value: number) => string): string {
  const most = Math.max(0, ...totals)
  const day = bars[totals.indexOf(most)]
  return most > 0 && day ? `The most was ${format(most)}, on ${day.label}.` : 'Nothing was used.'
}

/** 1, 2 or 5 times a power of ten. */
function roundUp(value: number): number {
  if (value <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value) ?? 10 * power
}

const rounded = (value: number): number => Math.round(value * 100) / 100
