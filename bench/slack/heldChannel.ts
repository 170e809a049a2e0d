import { setTimeout as sleep } from 'node:timers/promises'
import { median } from '../clock.ts'
import type { Row } from '../row.ts'
import { evenly } from './drive.ts'
import type { Part } from './part.ts'
import type { SeenAnswer } from './seen.ts'

const perSecond = 20
const heldSeconds = 6

/** Slack refuses one channel of a workspace: what the answers in its other channels feel of it. */
export async function oneHeldChannel(part: Part): Promise<Row[]> {
  const free = await others(part)
  await fetch(`${part.rig.slackUrl}/hold?channel=Dheld&seconds=${heldSeconds}`, { method: 'POST' })
  const held = await others(part)
  return [
    row('first words', ({ startedAt = Number.NaN, firstSent = Number.NaN }) => startedAt - firstSent),
    row('last words', ({ endedAt = Number.NaN, lastSent = Number.NaN }) => endedAt - lastSent),
  ]

  function row(name: string, pick: (answer: SeenAnswer) => number): Row {
    const [ours, base] = [median(held.map(pick)), median(free.map(pick))]
    return {
      name: `${name} to a channel while Slack refuses another (429), p50, against none refused`,
      ours,
      base,
      ratio: ours / base,
      unit: 'ms',
      goal: 'no delay',
    }
  }
}

/** Half of the questions come in the channel that may be held up; the answers of the other half. */
async function others({ rig, driver, some }: Part): Promise<SeenAnswer[]> {
  const asked = await evenly(perSecond, some(80), (i) => {
    const channel = i % 2 ? 'Dheld' : `Dfree${i % 20}`
    return driver.ask({ target: rig.ours, workspace: 0, channel, deltas: 20, paceMs: 30 })
  })
  const all = Promise.all(asked.map(({ answered }) => answered))
  const answers = await Promise.all(asked.filter(({ channel }) => channel !== 'Dheld').map(({ answered }) => answered))
  // Nothing of this runs into what is measured next.
  await all
  await sleep(500)
  return answers
}
