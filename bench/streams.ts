import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { startProgram, startRig, turnThroughApp } from './rig.ts'
import type { Row } from './row.ts'

const streams = 500
const seconds = 30
const paceMs = 100
const delay = 'nodejs_eventloop_lag_p99_seconds'

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
    const idle = residentOf(rig.app.process.pid)
    const turns: Promise<unknown>[] = []
    for (let i = 0; i < streams; i++) {
      turns.push(turnThroughApp(rig.app.url, rig.people[i % rig.people.length]!))
      await sleep(10)
    }
    // What is read after this is of the full load alone.
    await rig.metrics(delay)
    let most = 0
    for (let second = 0; second < 12; second++) {
      await sleep(1_000)
      most = Math.max(most, residentOf(rig.app.process.pid))
    }
    const [lag = 0, running = 0] = await rig.metrics(delay, 'chat_turns_running')
    await Promise.all(turns)
    const each = (most - idle) / streams / 1024
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

/** In bytes, as the kernel says; asking the app itself would begin its histogram anew. */
function residentOf(pid: number | undefined): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}
