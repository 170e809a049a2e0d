import { setTimeout as sleep } from 'node:timers/promises'
import type { Row } from '../row.ts'
import { evenly } from './drive.ts'
import { type Part, workspaces } from './part.ts'
import type { Target } from './rig.ts'

const streams = 500
const seconds = 30
const paceMs = 200

/** Resident memory for each of 500 answers of 30 seconds at once; ours and the minimum's at the same time. */
export async function memory(part: Part): Promise<Row[]> {
  const count = part.some(streams)
  await sleep(3_000)
  const [ours, base] = await Promise.all([
    memoryOfEach(part, part.rig.ours, count),
    memoryOfEach(part, part.rig.minimum, count),
  ])
  return [
    {
      name: `resident memory for each of ${count} streams in Slack, over idle`,
      ours,
      base,
      ratio: ours / base,
      unit: 'kB',
      goal: 'at most 1.2x',
    },
  ]
}

async function memoryOfEach({ driver }: Part, target: Target, count: number): Promise<number> {
  const idle = (await target.usage()).memory
  const asked = await evenly(100, count, (i) =>
    driver.ask({ target, workspace: i % workspaces, deltas: (seconds * 1000) / paceMs, paceMs }),
  )
  let most = 0
  for (let second = 0; second < 18; second++) {
    await sleep(1_000)
    most = Math.max(most, (await target.usage()).memory)
  }
  await Promise.all(asked.map(({ answered }) => answered))
  return (most - idle) / count / 1024
}
