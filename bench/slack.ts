import { resolve } from 'node:path'
import type { Row } from './row.ts'
import { openAcks } from './slack/acks.ts'
import { createDriver, evenly } from './slack/drive.ts'
import { oneHeldChannel } from './slack/heldChannel.ts'
import { memory } from './slack/memory.ts'
import { type Part, workspaces } from './slack/part.ts'
import { startSlackRig } from './slack/rig.ts'
import { turns } from './slack/turns.ts'

/** What Slack's people feel of us, and what it costs, beside a hand-written minimum under the same load in the same run. */
export async function run({ scale, profile }: { scale: number; profile?: string }): Promise<Row[]> {
  const some = (count: number): number => Math.max(1, Math.round(count * scale))
  const profiled: Record<string, string> =
    profile === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${resolve(profile)}` }
  const inOneProcess = await withRig(profiled, async (rig) => {
    const part = { ...rig, some }
    await warm(part)
    return [...(await turns(part)), ...(await openAcks(part)), ...(await oneHeldChannel(part))]
  })
  const inAnother = await withRig({ MAX_TURNS: '1000' }, async (rig) => {
    const part = { ...rig, some }
    await warm(part)
    return memory(part)
  })
  return [...inOneProcess, ...inAnother]
}

async function withRig(
  env: Record<string, string>,
  work: (part: Pick<Part, 'rig' | 'driver'>) => Promise<Row[]>,
): Promise<Row[]> {
  const rig = await startSlackRig(workspaces, env)
  const driver = createDriver(rig.slackUrl)
  try {
    return await work({ rig, driver })
  } finally {
    await driver.close()
    await rig.stop()
  }
}

/** Code compiled, connections open, everybody known. */
async function warm({ rig, driver, some }: Part): Promise<void> {
  for (const target of [rig.ours, rig.minimum]) {
    const asked = await evenly(80, Math.max(workspaces, some(400)), (i) =>
      driver.ask({ target, workspace: i % workspaces, deltas: 20, paceMs: 5 }),
    )
    await Promise.all(asked.map(({ answered }) => answered))
  }
}
