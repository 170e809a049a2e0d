import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from './clock.ts'
import { startProgram, startRig, type Timing, turnThroughApp, turnThroughBare } from './rig.ts'
import type { Row } from './row.ts'

const perSecond = 50
const seconds = 20

/** What we add to a turn at 50 turns a second, beside a bare relay under the same load in the same run. */
export async function run(): Promise<Row[]> {
  const model = await startProgram('./standin.ts', ['--pace', '50', '--deltas', '40'])
  const bare = await startProgram('./bare.ts', [model.url])
  const rig = await startRig(model.url, 20)
  try {
    const rounds: { ours: Timing[]; base: Timing[] } = { ours: [], base: [] }
    await load((i) => turnThroughApp(rig.app.url, rig.people[i % rig.people.length]!), 3)
    await load(() => turnThroughBare(bare.url), 1)
    for (let round = 0; round < 2; round++) {
      rounds.base.push(...(await load(() => turnThroughBare(bare.url), seconds / 2)))
      rounds.ours.push(
        ...(await load((i) => turnThroughApp(rig.app.url, rig.people[i % rig.people.length]!), seconds / 2)),
      )
    }
    const toModel = (timings: Timing[]) => timings.map((timing) => timing.toModel)
    const pieces = (timings: Timing[]) => timings.flatMap((timing) => timing.pieces)
    return [
      row('question to the model’s request, p50', toModel, 0.5),
      row('question to the model’s request, p99', toModel, 0.99),
      row('the model’s words to the browser, p50', pieces, 0.5),
      row('the model’s words to the browser, p99', pieces, 0.99),
    ]
    function row(name: string, pick: (timings: Timing[]) => number[], share: number): Row {
      const [ours, base] = [percentile(pick(rounds.ours), share), percentile(pick(rounds.base), share)]
      return { name: `${name} at ${perSecond} turns/s`, ours, base, ratio: ours / base, unit: 'ms' }
    }
  } finally {
    await rig.stop()
    bare.stop()
    model.stop()
  }
}

/** Turns begun at an even pace for some seconds; resolves when all are over. */
async function load(turn: (i: number) => Promise<Timing>, seconds: number): Promise<Timing[]> {
  const turns: Promise<Timing>[] = []
  const began = performance.now()
  for (let i = 0; i < perSecond * seconds; i++) {
    const wait = began + (i * 1000) / perSecond - performance.now()
    if (wait > 0) await sleep(wait)
    turns.push(turn(i))
  }
  return Promise.all(turns)
}
