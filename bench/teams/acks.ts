import { percentile } from '../clock.ts'
import type { Row } from '../row.ts'
import { evenly } from '../slack/drive.ts'
import type { Target } from '../slack/rig.ts'
import { type Part, people } from './part.ts'
import { isWhole } from './seen.ts'

const perSecond = 100
/** Short ones: this is about activities. They run for two seconds all the same, at the pace of Teams. */
const answer = { deltas: 20, paceMs: 30 }

/** How soon activities are acknowledged while the turns they begin run beside. */
export async function acks(part: Part): Promise<Row[]> {
  const base = await acknowledge(part, part.rig.minimum)
  const ours = await acknowledge(part, part.rig.ours)
  return [
    {
      name: `activity to acknowledgement at ${perSecond}/s, p99 (with ${(ours.share * 100).toFixed(0)}% of a core; the minimum ${(base.share * 100).toFixed(0)}%)`,
      ours: ours.p99,
      base: base.p99,
      ratio: ours.p99 / base.p99,
      unit: 'ms',
      goal: 'under 50 ms',
    },
    {
      name: `of ${ours.count} activities, not acknowledged or not answered by one whole message`,
      ours: ours.wrong,
      goal: 'none',
    },
  ]
}

async function acknowledge({ driver, some }: Part, target: Target) {
  const before = await target.usage()
  const began = performance.now()
  const asked = await evenly(perSecond, some(people), (person) => driver.ask({ target, person, ...answer }))
  const answers = await Promise.allSettled(asked.map(({ answered }) => answered))
  const seconds = (performance.now() - began) / 1000
  const wrong = answers.filter(
    (one) => one.status === 'rejected' || !isWhole(driver.latest(one.value), answer.deltas),
  ).length
  const times = asked.map(({ ackMs }) => ackMs)
  return {
    count: asked.length,
    p99: percentile(times, 0.99),
    wrong,
    share: ((await target.usage()).cpuSeconds - before.cpuSeconds) / seconds,
  }
}
