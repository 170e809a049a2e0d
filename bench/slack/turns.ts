import { setTimeout as sleep } from 'node:timers/promises'
import { median } from '../clock.ts'
import type { Row } from '../row.ts'
import { type Asked, always, evenly } from './drive.ts'
import { type Part, workspaces } from './part.ts'
import type { Target } from './rig.ts'
import type { SeenAnswer } from './seen.ts'

const perSecond = 10
const deltas = 100
const rounds = 2
/** More at once than either can keep up with; within the app's own limit of turns (200). */
const width = 150

/** CPU and delays of whole turns, at an easy pace and at as many as go. */
export async function turns(part: Part): Promise<Row[]> {
  const { ours, minimum } = part.rig
  const full = { ours: [] as Full[], minimum: [] as Full[] }
  const first = { ours: [] as Easy[], minimum: [] as Easy[] }
  const later = { ours: [] as Easy[], minimum: [] as Easy[] }
  // As many as go comes first: it warms up both as hours of a real day would.
  for (let round = 0; round < rounds; round++) {
    full.minimum.push(await fullLoad(part, minimum))
    full.ours.push(await fullLoad(part, ours))
  }
  for (let round = 0; round < rounds; round++) {
    await atOnce(part, first, (target) => easyLoad(part, target))
    await atOnce(part, later, (target) => easyLoad(part, target, first[target === ours ? 'ours' : 'minimum'][round]))
  }
  const delays = (of: Easy[], pick: (answer: SeenAnswer) => number): number =>
    median(of.flatMap(({ answers }) => answers.map(pick)))
  const toModel = (of: Easy[]): number => delays(of, ({ took = Number.NaN }) => took)
  const toSlack = (of: Easy[]): number =>
    delays(of, ({ startedAt = Number.NaN, firstSent = Number.NaN }) => startedAt - firstSent)
  const cpu = (of: { cpuMs: number }[]): number => mean(of.map(({ cpuMs }) => cpuMs))
  const reached = (of: Full[]): string =>
    `${mean(of.map((one) => one.perSecond)).toFixed(0)} turns/s with ${(mean(of.map((one) => one.share)) * 100).toFixed(0)}% of a core`
  const title = 'the same of the first turn of a thread, its title by another call of the model included'
  return [
    compared(`CPU of a turn of ${deltas} pieces at ${perSecond} turns/s`, cpu, later, 'at most 1.5x'),
    compared(title, cpu, first),
    compared(
      `CPU of a first turn at saturation (${reached(full.ours)}; the minimum ${reached(full.minimum)})`,
      cpu,
      full,
      'at most 1.8x',
    ),
    compared(`event to the model’s request at ${perSecond} turns/s, p50`, toModel, later, 'within 3 ms of the minimum'),
    compared(
      `the model’s first words to Slack at ${perSecond} turns/s, p50`,
      toSlack,
      later,
      'within 2 ms of the minimum',
    ),
  ]
}

/** At the same time, so that whatever else the machine does is felt by both. */
async function atOnce<T>(
  { rig }: Part,
  taken: { ours: T[]; minimum: T[] },
  measure: (target: Target) => Promise<T>,
): Promise<void> {
  const side = async (name: 'ours' | 'minimum') => taken[name].push(await measure(rig[name]))
  await Promise.all([side('ours'), side('minimum')])
}

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

function compared<T>(name: string, measure: (of: T[]) => number, of: { ours: T[]; minimum: T[] }, goal = ''): Row {
  const [ours, base] = [measure(of.ours), measure(of.minimum)]
  return { name, ours, base, ratio: ours / base, unit: 'ms', goal }
}

interface Easy {
  cpuMs: number
  answers: SeenAnswer[]
  /** The messages that were asked. */
  messages: Asked[]
}

/** Turns at an even pace, with the model at the speed of a quick one: the first of a thread, or the next of those. */
async function easyLoad({ driver, some }: Part, target: Target, before?: Easy): Promise<Easy> {
  const used = await target.usage()
  const messages = await evenly(perSecond, some(80), (i) => {
    const thread = before?.messages[i]?.ts
    return driver.ask({ target, workspace: i % workspaces, deltas, paceMs: 30, ...(thread && { thread }) })
  })
  const answers = await Promise.all(messages.map(({ answered }) => answered))
  await settled()
  const { cpuSeconds } = await target.usage()
  return { cpuMs: ((cpuSeconds - used.cpuSeconds) * 1000) / answers.length, answers, messages }
}

interface Full {
  cpuMs: number
  perSecond: number
  /** Of one core. */
  share: number
}

/** As many turns as go: what a turn costs, and how many there are. */
async function fullLoad({ driver, some }: Part, target: Target): Promise<Full> {
  let over = false
  let ended = 0
  const load = always(
    some(width),
    () => over,
    async (i) => {
      const { answered } = await driver.ask({ target, workspace: i % workspaces, deltas, paceMs: 3 })
      await answered
      ended++
    },
  )
  await sleep(1_500)
  const [before, endedBefore, began] = [await target.usage(), ended, performance.now()]
  await sleep(Math.max(1_000, some(4_000)))
  const [after, turns, seconds] = [await target.usage(), ended - endedBefore, (performance.now() - began) / 1000]
  over = true
  await load
  await settled()
  const cpuSeconds = after.cpuSeconds - before.cpuSeconds
  return { cpuMs: (cpuSeconds * 1000) / turns, perSecond: turns / seconds, share: cpuSeconds / seconds }
}

/** What comes after an answer (titles, a cleared status) belongs to its turn and not to the next measurement. */
const settled = (): Promise<void> => sleep(500)
