import { Redis } from 'ioredis'
import { homeOf } from '../../src/ids.ts'
import { spellKeys } from '../../src/stores/redis/keys.ts'
import { percentile } from '../clock.ts'
import type { Row } from '../row.ts'
import { type Asked, evenly } from './drive.ts'
import { type Part, workspaces } from './part.ts'
import { prefix } from './rig.ts'

const keys = spellKeys(prefix)
/** Short ones: this is about events, and the turns they begin must not fill the machine. */
const answer = { deltas: 20, paceMs: 50 }

/** How soon events are acknowledged, and that each of them is in the store by then and answered once. */
export async function openAcks(part: Part): Promise<Row[]> {
  const redis = new Redis(part.rig.redisUrl)
  try {
    await part.driver.connect(part.rig.ours)
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
        name: `not acknowledged, of ${steady.count + burst.count}`,
        ours: steady.refused + burst.refused,
        goal: 'none',
      },
      {
        name: `acknowledged before it was stored, of ${steady.looked + burst.looked}`,
        ours: steady.early + burst.early,
        goal: 'none',
      },
      {
        name: `answers to what was acknowledged that are missing, cut or doubled`,
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
  /** Not answered with 200: Slack would bring them again. */
  refused: number
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
    const one = await driver.ask({ target: rig.ours, workspace: i % workspaces, ...answer })
    if (i % every === 0 && one.status === 200) {
      looked++
      if ((await redis.exists(markOf(one))) === 0) early++
    }
    return one
  })
  const taken = asked.filter(({ status }) => status === 200)
  await Promise.allSettled(taken.map(({ answered }) => answered))
  const wrong = taken.filter(({ thread, deltas }) => {
    const seen = driver.seen(thread)
    return seen?.starts !== 1 || seen.posts !== 0 || seen.pieces !== deltas
  })
  const p99 = percentile(
    taken.map(({ ackMs }) => ackMs),
    0.99,
  )
  return { p99, count, refused: count - taken.length, looked, early, wrong: wrong.length }
}

/** Written in the same step as the message itself: by it a second delivery is known. */
function markOf({ workspace, channel, ts, message }: Asked): string {
  return keys.seen(homeOf({ surface: 'slack', workspace, channel, thread: ts, direct: true }), message)
}
