import { setTimeout as sleep } from 'node:timers/promises'
import { temporaryFolder } from '../../test/support/app.ts'
import { startRedis } from '../../test/support/redis.ts'
import { median } from '../clock.ts'
import type { Row } from '../row.ts'
import { startBenchApp, usageOfApp } from './rig.ts'

const rounds = 3

/** Resident memory of the process with Teams switched on, against the same without. Fresh processes take turns. */
export async function memory(): Promise<Row> {
  const redis = await startRedis()
  try {
    const taken = { on: [] as number[], off: [] as number[] }
    for (let round = 0; round < rounds; round++) {
      taken.off.push(await megabytes(redis.url, 'false'))
      taken.on.push(await megabytes(redis.url, 'true'))
    }
    const [ours, base] = [median(taken.on), median(taken.off)]
    return {
      name: `memory of the process with Teams on, against off (${(ours - base).toFixed(0)} MB more)`,
      ours,
      base,
      ratio: ours / base,
      unit: 'MB',
      goal: 'at most 40 MB more',
    }
  } finally {
    await redis.stop()
  }
}

async function megabytes(redisUrl: string, on: 'true' | 'false'): Promise<number> {
  const folder = await temporaryFolder()
  const app = await startBenchApp(folder.path, redisUrl, { TEAMS_ANONYMOUS: on })
  try {
    // Once more: the first page of metrics has a cost of its own.
    await usageOfApp(app.url)
    await sleep(1_000)
    return (await usageOfApp(app.url)).memory / 2 ** 20
  } finally {
    await app.stop()
    await folder.remove()
  }
}
