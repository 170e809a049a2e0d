import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createBeginning } from '../src/beginning.ts'
import type { Reply } from '../src/types.ts'
import { quietLog } from './support/log.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function replyWith(startedMs: number | undefined, started = vi.fn(async () => {})) {
  const none = async (): Promise<void> => {}
  const reply: Reply = { paceMs: 1, started, text: none, done: none, stopped: none, failed: none }
  return { started, reply: startedMs === undefined ? reply : { ...reply, startedMs } }
}

test('what fades is shown again until there is text', () => {
  const { reply, started } = replyWith(4_000)
  const beginning = createBeginning(reply, quietLog())
  beginning.start()
  beginning.start()
  expect(started).toHaveBeenCalledTimes(1)
  vi.advanceTimersByTime(8_500)
  expect(started).toHaveBeenCalledTimes(3)
  beginning.over()
  vi.advanceTimersByTime(60_000)
  expect(started).toHaveBeenCalledTimes(3)
})

test('what stays is shown once, and so is what begins when it is over already', () => {
  const stays = replyWith(undefined)
  createBeginning(stays.reply, quietLog()).start()
  const late = replyWith(4_000)
  const beginning = createBeginning(late.reply, quietLog())
  beginning.over()
  beginning.start()
  vi.advanceTimersByTime(60_000)
  expect(stays.started).toHaveBeenCalledTimes(1)
  expect(late.started).toHaveBeenCalledTimes(1)
})

test('a surface that cannot show it is a line in the log, and no more', async () => {
  const log = quietLog()
  const { reply } = replyWith(
    undefined,
    vi.fn(() => Promise.reject(new Error('no'))),
  )
  createBeginning(reply, log).start()
  await vi.advanceTimersByTimeAsync(0)
  expect(log.lines.map(({ level }) => level)).toEqual(['warn'])
})
