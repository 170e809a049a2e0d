import { setTimeout as sleep } from 'node:timers/promises'
import { median } from '../clock.ts'
import type { Row } from '../row.ts'
import { evenly } from '../slack/drive.ts'
import type { Target } from '../slack/rig.ts'
import { type Part, people } from './part.ts'
import { callsOf, isWhole, type SeenAnswer } from './seen.ts'

/** Of each. */
const perSecond = 20
const deltas = 100
const rounds = 2

/** CPU of whole turns in personal chats, streamed; and that both sides streamed them by as many calls. */
export async function turns(part: Part): Promise<Row[]> {
  const taken = { ours: [] as Load[], minimum: [] as Load[] }
  for (let round = 0; round < rounds; round++) {
    // At the same time, so that whatever else the machine does is felt by both.
    const side = async (name: 'ours' | 'minimum') => taken[name].push(await load(part, part.rig[name], round))
    await Promise.all([side('ours'), side('minimum')])
  }
  const answers = (of: Load[]): SeenAnswer[] => of.flatMap((one) => one.answers)
  const compared = (name: string, measure: (of: Load[]) => number, more: Partial<Row> = {}): Row => {
    const [ours, base] = [measure(taken.ours), measure(taken.minimum)]
    return { name, ours, base, ratio: ours / base, ...more }
  }
  return [
    compared(
      `CPU of a streamed personal turn of ${deltas} pieces at ${perSecond} turns/s`,
      (of) => mean(of.map(({ cpuMs }) => cpuMs)),
      { unit: 'ms', goal: 'at most 1.5x' },
    ),
    compared('calls of the connector for each of them', (of) => mean(answers(of).map(callsOf)), { goal: 'the same' }),
    compared(
      `activity to the model’s request at ${perSecond} turns/s, p50`,
      (of) => median(answers(of).map(({ took = Number.NaN }) => took)),
      { unit: 'ms' },
    ),
    {
      name: `of ${answers(taken.ours).length} answers, missing, cut, or not streamed as one message`,
      ours: answers(taken.ours).filter((answer) => !isWhole(part.driver.latest(answer), deltas)).length,
      goal: 'none',
    },
  ]
}

interface Load {
  cpuMs: number
  answers: SeenAnswer[]
}

/** Turns at an even pace, with the model at the speed of a quick one. */
async function load({ driver, some }: Part, target: Target, round: number): Promise<Load> {
  const count = some(200)
  const before = await target.usage()
  const asked = await evenly(perSecond, count, (i) =>
    driver.ask({ target, person: (round * count + i) % people, deltas, paceMs: 30 }),
  )
  const answers = await Promise.all(asked.map(({ answered }) => answered))
  // What comes after an answer belongs to its turn and not to the next measurement.
  await sleep(500)
  const after = await target.usage()
  return { cpuMs: ((after.cpuSeconds - before.cpuSeconds) * 1000) / answers.length, answers }
}

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
