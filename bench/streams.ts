import { setTimeout as sleep } from 'node:timers/promises'
import { startProgram, startRig, turnThroughApp } from './rig.ts'
import type { Row } from './row.ts'

const streams = 500
const seconds = 30
const paceMs = 100

/** 500 answers of 30 seconds at once in one process: what each costs in memory, and whether the process stays awake. */
export async function run(): Promise<Row[]> {
  const model = await startProgram('./standin.ts', [
    '--pace',
    String(paceMs),
    '--deltas',
    String((seconds * 1000) / paceMs),
  ])
  const rig = await startRig(model.url, 20)
  try {
    // Warm: code compiled, connections open, caches filled.
    for (let i = 0; i < 100; i++) await turnThroughApp(rig.app.url, rig.people[i % rig.people.length]!, 'deltas=1')
    await sleep(3_000)
    const idle = await rig.metric('process_resident_memory_bytes')
    const turns: Promise<unknown>[] = []
    for (let i = 0; i < streams; i++) {
      turns.push(turnThroughApp(rig.app.url, rig.people[i % rig.people.length]!))
      await sleep(10)
    }
    // Reading the metrics once resets the event loop's histogram: what follows is of the full load alone.
    await rig.metric('nodejs_eventloop_lag_p99_seconds')
    const memory: number[] = []
    for (let second = 0; second < 18; second++) {
      await sleep(1_000)
      memory.push(await rig.metric('process_resident_memory_bytes'))
    }
    const running = await rig.metric('chat_turns_running')
    const lag = await rig.metric('nodejs_eventloop_lag_p99_seconds')
    await Promise.all(turns)
    const each = (Math.max(...memory) - idle) / streams / 1024
    return [
      {
        name: `resident memory for each of ${running} streams, over idle`,
        ours: each,
        unit: 'kB',
        goal: 'at most 150 kB',
      },
      { name: `event-loop delay p99 with ${running} streams`, ours: lag * 1000, unit: 'ms', goal: 'under 50 ms' },
    ]
  } finally {
    await rig.stop()
    model.stop()
  }
}
