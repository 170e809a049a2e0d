import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { followTurn } from '../../views/assets/stream.js'

/** The browser's EventSource, moved by hand. */
class Source extends EventTarget {
  static readonly CONNECTING = 0
  static readonly OPEN = 1
  static readonly CLOSED = 2
  static made: Source[] = []
  readonly url: string
  readyState = Source.CONNECTING
  onopen: (() => void) | null = null
  onerror: (() => void) | null = null

  constructor(url: string) {
    super()
    this.url = url
    Source.made.push(this)
  }
  close(): void {
    this.readyState = Source.CLOSED
  }
  opened(): void {
    this.readyState = Source.OPEN
    this.onopen?.()
  }
  /** Broken off; `given up`: the browser does not try again by itself. */
  broken(givenUp: boolean): void {
    this.readyState = givenUp ? Source.CLOSED : Source.CONNECTING
    this.onerror?.()
  }
  say(type: string, data: object, lastEventId = ''): void {
    this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data), lastEventId }))
  }
}

function follow() {
  const seen: unknown[] = []
  const check = vi.fn<() => Promise<unknown>>(async () => ({}))
  const following = followTurn({
    path: (from) => `/stream${from ? `?from=${from}` : ''}`,
    text: (text, offset) => seen.push([offset, text]),
    reset: (text) => seen.push(['reset', text]),
    end: (messages) => seen.push(['end', messages]),
    connected: (open) => seen.push(open),
    check,
    Source: Source as unknown as typeof EventSource,
  })
  return { following, seen, check, last: () => Source.made.at(-1) as Source }
}

beforeEach(() => {
  vi.useFakeTimers()
  Source.made = []
})
afterEach(() => {
  vi.useRealTimers()
})

describe('following a turn', () => {
  it('hands on what comes, and closes at the end', () => {
    const { seen, last } = follow()
    last().opened()
    last().say('text', { offset: 0, text: 'One' }, 'a1')
    last().say('reset', { text: 'Two' }, 'b1')
    last().say('end', { messages: [] })
    expect(seen).toEqual([true, [0, 'One'], ['reset', 'Two'], ['end', []]])
    expect(last().readyState).toBe(Source.CLOSED)
    last().broken(true)
    vi.runAllTimers()
    expect(Source.made).toHaveLength(1)
  })

  it('leaves a short loss to the browser', () => {
    const { seen, last } = follow()
    last().opened()
    last().broken(false)
    vi.runAllTimers()
    expect(Source.made).toHaveLength(1)
    last().opened()
    expect(seen).toEqual([true, false, true])
  })

  it('goes on from its place when the browser gave up', async () => {
    const { seen, last, check } = follow()
    last().opened()
    last().say('text', { offset: 0, text: 'One' }, 'place-1')
    last().broken(true)
    await vi.advanceTimersByTimeAsync(500)
    expect(check).toHaveBeenCalledTimes(1)
    expect(last().url).toBe('/stream?from=place-1')
    last().say('text', { offset: 3, text: 'Two' }, 'place-2')
    expect(seen).toContainEqual([3, 'Two'])
  })

  it('asks less and less often while the server is away', async () => {
    const { last, check } = follow()
    check.mockRejectedValue(new Error('away'))
    last().broken(true)
    const times: number[] = []
    const began = Date.now()
    for (let count = 1; count <= 8; count++) {
      await vi.advanceTimersToNextTimerAsync()
      times.push(Date.now() - began)
    }
    expect(times.map((time, at) => time - (times[at - 1] ?? 0))).toEqual([
      500, 1000, 2000, 4000, 8000, 15000, 15000, 15000,
    ])
    expect(Source.made).toHaveLength(1)
    check.mockResolvedValue({})
    await vi.advanceTimersToNextTimerAsync()
    expect(Source.made).toHaveLength(2)
  })

  it('does not wait when the page is looked at again', () => {
    const { following, last } = follow()
    last().say('text', { offset: 0, text: 'One' }, 'place-1')
    following.pause()
    expect(last().readyState).toBe(Source.CLOSED)
    following.reopen()
    expect(last().url).toBe('/stream?from=place-1')
    last().opened()
    following.reopen()
    expect(Source.made).toHaveLength(2)
  })

  it('reads from the beginning when a piece is missing', () => {
    const { following, last } = follow()
    last().say('text', { offset: 0, text: 'One' }, 'place-1')
    following.restart()
    expect(last().url).toBe('/stream')
  })

  it('hears nothing more of a stream that was replaced or closed', () => {
    const { following, seen, last } = follow()
    const old = last()
    following.restart()
    old.say('text', { offset: 0, text: 'old' })
    following.close()
    last().say('text', { offset: 0, text: 'late' })
    expect(seen).toEqual([])
  })
})
