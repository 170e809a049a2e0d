import { resolve } from 'node:path'
import type { Row } from './row.ts'
import { evenly } from './slack/drive.ts'
import { acks } from './teams/acks.ts'
import { createDriver } from './teams/drive.ts'
import { memory } from './teams/memory.ts'
import { type Part, people } from './teams/part.ts'
import { startTeamsRig } from './teams/rig.ts'
import { tokenCheck } from './teams/tokens.ts'
import { turns } from './teams/turns.ts'

/** What Teams costs, beside a hand-written minimum under the same load in the same run. */
export async function run({ scale, profile }: { scale: number; profile?: string }): Promise<Row[]> {
  const some = (count: number): number => Math.max(1, Math.round(count * scale))
  const profiled: Record<string, string> =
    profile === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${resolve(profile)}` }
  const rig = await startTeamsRig(profiled)
  const driver = createDriver(rig.serviceUrl)
  const rows: Row[] = []
  try {
    const part = { rig, driver, some }
    await warm(part)
    rows.push(...(await turns(part)), ...(await acks(part)))
  } finally {
    await driver.close()
    await rig.stop()
  }
  return [...rows, await memory(), await tokenCheck()]
}

/**
 * Code compiled as it is after some minutes of service, connections open, everybody known and their conversations titled.
 * Ours is more code: some hundred turns pass until no more of it is compiled.
 */
async function warm({ rig, driver, some }: Part): Promise<void> {
  for (const answer of [
    { deltas: 20, paceMs: 5 },
    { deltas: 100, paceMs: 10 },
  ]) {
    const sides = [rig.ours, rig.minimum].map(async (target) => {
      const asked = await evenly(40, some(people), (person) => driver.ask({ target, person, ...answer }))
      await Promise.all(asked.map(({ answered }) => answered))
    })
    await Promise.all(sides)
  }
}
