import { Redis } from 'ioredis'
import { homeOf } from '../../src/ids.ts'
import { spellKeys } from '../../src/stores/redis/keys.ts'
import { percentile } from '../clock.ts'
import type { Row } from '../row.ts'
import { type Asked, evenly } from './drive.ts'
import { type Part, workspaces } from './part.ts'
import { prefix } from './rig.ts'

const keys = spellKeys(prefix)

/** How soon events are acknowledged, and that each of them is in the store by then and answered once. */
export async function openAcks(part: Part): Promise<Row[]> {
  const redis = new Redis(part.rig.redisUrl)
  try {
    const steady = await acknowledge(part, redis, { perSecond: 100, count: part.some(300), every: 1 })
    const burst = await acknowledge(part, redis, { perSecond: 1_000, count: part.some(1_000), every: 5 })
    return [
      { name: 'acknowledgement at 100 events/s, p99', ours: steady.p99, unit: 'ms', goal: 'under 50 ms' },
      {
        name: `acknowledgement in a burst of ${burst.count} in a second, p99`,
        ours: burst.p99,
        unit: 'ms',
        goal: 'under 500 ms',
      },
      {
        name: `acknowledged before it was stored, of ${steady.looked + burst.looked}`,
        ours: steady.early + burst.early,
        goal: 'none',
      },
      {
        name: `answers missing, cut or doubled, of ${steady.count + burst.count}`,
        ours: steady.wrong + burst.wrong,
        goal: 'none',
      },
    ]
  } finally {
    redis.disconnect()
  }
}

interface Acknowledged {
  p99: number
  count: number
  /** Of how many it was looked whether they are stored, and of how many they were not. */
  looked: number
  early: number
  wrong: number
}

async function acknowledge(
  { rig, driver }: Part,
  redis: Redis,
  { perSecond, count, every }: { perSecond: number; count: number; every: number },
): Promise<Acknowledged> {
  let [looked, early] = [0, 0]
  const asked = await evenly(perSecond, count, async (i) => {
    const one = await driver.ask({ target: rig.ours, workspace: i % workspaces, deltas: 100, paceMs: 20 })
    if (i % every === 0) {
      looked++
      if ((await redis.exists(markOf(one))) === 0) early++
    }
    return one
  })
  const answers = await Promise.allSettled(asked.map(({ answered }) => answered))
  const wrong = asked.filter(({ thread, deltas }, i) => {
    const seen = driver.seen(thread)
    return answers[i]?.status !== 'fulfilled' || seen?.starts !== 1 || seen.posts !== 0 || seen.pieces !== deltas
  })
  const ackTimes = asked.map(({ ackMs }) => ackMs)
  return { p99: percentile(ackTimes, 0.99), count, looked, early, wrong: wrong.length }
}

/** Written in the same step as the message itself: by it a second delivery is known. */
function markOf({ workspace, channel, ts, message }: Asked): string {
  return keys.seen(homeOf({ surface: 'slack', workspace, channel, thread: ts, direct: true }), message)
}
