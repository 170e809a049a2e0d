import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createPreview } from '../src/pump.ts'
import type { Reply } from '../src/types.ts'

interface Call {
  delta: string
  whole: string
  at: number
}

function recorder(paceMs: number, takesMs = 0): { reply: Reply; calls: Call[]; overlaps: () => number } {
  const calls: Call[] = []
  let open = 0
  let overlaps = 0
  const reply: Reply = {
    paceMs,
    async started() {},
    async text(delta, whole) {
      if (++open > 1) overlaps++
      calls.push({ delta, whole, at: performance.now() })
      if (takesMs) await new Promise((resolve) => setTimeout(resolve, takesMs))
      open--
    },
    async done() {},
    async stopped() {},
    async failed() {},
  }
  return { reply, calls, overlaps: () => overlaps }
}

describe('the preview of an answer', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('shows the first text at once and merges what follows at the pace of the surface', async () => {
    const { reply, calls } = recorder(1000)
    const preview = createPreview(reply, () => {})
    const began = performance.now()
    for (let i = 0; i < 25; i++) {
      preview.push(`${i} `)
      await vi.advanceTimersByTimeAsync(100)
    }
    await preview.finish()
    expect(calls.map(({ at }) => at - began)).toEqual([0, 1000, 2000])
    expect(calls.map(({ delta }) => delta).join('')).toBe(calls.at(-1)?.whole)
    expect(calls[0]?.delta).toBe('0 ')
  })

  it('never overlaps calls, however slow the surface is', async () => {
    const { reply, calls, overlaps } = recorder(100, 350)
    const preview = createPreview(reply, () => {})
    for (let i = 0; i < 40; i++) {
      preview.push('x')
      await vi.advanceTimersByTimeAsync(50)
    }
    const finished = preview.finish()
    await vi.advanceTimersByTimeAsync(1000)
    await finished
    expect(overlaps()).toBe(0)
    expect(calls.length).toBeGreaterThan(3)
    expect(calls.map(({ delta }) => delta).join('')).toBe(calls.at(-1)?.whole)
  })

  it('waits for the call under way before the final text may come, and sends nothing after', async () => {
    const { reply, calls } = recorder(0, 500)
    const preview = createPreview(reply, () => {})
    preview.push('a')
    let finished = false
    const ending = preview.finish().then(() => {
      finished = true
    })
    preview.push('b')
    await vi.advanceTimersByTimeAsync(499)
    expect(finished).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    await ending
    await vi.advanceTimersByTimeAsync(5000)
    expect(calls.map(({ delta }) => delta)).toEqual(['a'])
  })

  it('ends at the first failed call and reports it', async () => {
    const { reply, calls } = recorder(0)
    const failures: unknown[] = []
    const broken = {
      ...reply,
      text: (delta: string, whole: string) => reply.text(delta, whole).then(() => Promise.reject(new Error('no'))),
    }
    const preview = createPreview(broken, (thrown) => failures.push(thrown))
    preview.push('a')
    await vi.advanceTimersByTimeAsync(10)
    preview.push('b')
    await vi.advanceTimersByTimeAsync(10)
    await preview.finish()
    expect(calls).toHaveLength(1)
    expect(failures).toEqual([new Error('no')])
  })

  it('leaves a surface alone whose pace is infinite after its first text', async () => {
    const { reply, calls } = recorder(Number.POSITIVE_INFINITY)
    const preview = createPreview(reply, () => {})
    for (const text of ['a', 'b', 'c']) {
      preview.push(text)
      await vi.advanceTimersByTimeAsync(10_000)
    }
    await preview.finish()
    expect(calls).toHaveLength(1)
  })
})
