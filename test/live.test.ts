import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createLive, type Live } from '../src/live.ts'
import type { Bus } from '../src/store.ts'
import type { JsonObject, LiveEvent } from '../src/types.ts'
import { quietLog } from './support/log.ts'

/** Several instances on one bus, whose messages can be lost. */
function memoryBus(): Bus & { losing: boolean; sent: number } {
  const listeners = new Map<string, Set<(message: JsonObject) => void>>()
  return {
    losing: false,
    sent: 0,
    async publish(channel, message) {
      this.sent++
      if (this.losing) return
      for (const listener of listeners.get(channel) ?? []) queueMicrotask(() => listener(message))
    },
    async subscribe(channel, listener) {
      const here = listeners.get(channel) ?? new Set()
      listeners.set(channel, here.add(listener))
      return () => here.delete(listener)
    },
  }
}

describe('live text', () => {
  const lives: Live[] = []
  let bus = memoryBus()
  beforeEach(() => {
    vi.useFakeTimers()
    bus = memoryBus()
  })
  afterEach(() => {
    for (const live of lives.splice(0)) live.close()
    vi.useRealTimers()
  })
  async function instance(): Promise<Live> {
    const live = await createLive(bus, quietLog())
    lives.push(live)
    return live
  }
  /** What a page would show after these events. */
  function viewer(live: Live, turn: string, from?: string) {
    const view = { text: '', id: '', ended: 0, resets: 0, started: 0, stop: () => {} }
    const watching = live.watch(turn, from, (event: LiveEvent) => {
      if (event.type === 'started') view.started++
      if (event.type === 'end') view.ended++
      if (event.type === 'reset') view.resets++
      if (event.type === 'reset') view.text = event.text
      if (event.type === 'text') view.text = view.text.slice(0, event.offset) + event.text
      if (event.type === 'text' || event.type === 'reset') view.id = event.id
    })
    view.stop = watching.stop
    return view
  }
  const settle = (ms = 100) => vi.advanceTimersByTimeAsync(ms)

  it('costs no message between instances while nobody elsewhere watches', async () => {
    const one = await instance()
    const view = viewer(one, 't')
    await settle()
    const before = bus.sent
    const feed = one.open('t')
    for (let i = 0; i < 200; i++) feed.append('word ')
    feed.close(true)
    await settle()
    expect(view).toMatchObject({ text: 'word '.repeat(200), ended: 1, started: 1 })
    expect(bus.sent).toBe(before)
  })

  it('reaches a watcher on another instance who came before, during and after the first text', async () => {
    const [one, two] = [await instance(), await instance()]
    const early = viewer(two, 't')
    await settle()
    const feed = one.open('t')
    feed.append('Hello')
    await settle()
    const late = viewer(two, 't')
    feed.append(' world')
    await settle()
    const three = await instance()
    const later = viewer(three, 't')
    await settle()
    feed.append('!')
    feed.close(true)
    await settle()
    for (const view of [early, late, later]) expect(view).toMatchObject({ text: 'Hello world!', ended: 1, resets: 0 })
  })

  it('resumes from an event id without repeating text, here and elsewhere', async () => {
    const [one, two] = [await instance(), await instance()]
    const feed = one.open('t')
    feed.append('one ')
    const first = viewer(one, 't')
    await settle()
    first.stop()
    feed.append('two')
    for (const live of [one, two]) {
      const events: LiveEvent[] = []
      live.watch('t', first.id, (event) => events.push(event))
      await settle()
      expect(events).toEqual([expect.objectContaining({ type: 'text', offset: 4, text: 'two' })])
    }
  })

  it('begins anew when a successor writes the answer, rather than appending to what its predecessor wrote', async () => {
    const [one, two] = [await instance(), await instance()]
    const view = viewer(two, 't')
    await settle()
    const dying = one.open('t')
    dying.append('A first try that')
    await settle()
    dying.close(false)
    const feed = two.open('t')
    feed.append('Second')
    await settle()
    expect(view).toMatchObject({ text: 'Second', resets: 1, ended: 0 })
    feed.close(true)
    await settle()
    expect(view.ended).toBe(1)
  })

  it('catches up by itself when messages between instances were lost', async () => {
    const [one, two] = [await instance(), await instance()]
    const view = viewer(two, 't')
    await settle()
    const feed = one.open('t')
    feed.append('a')
    await settle()
    bus.losing = true
    feed.append('b')
    await settle()
    bus.losing = false
    feed.append('c')
    await settle()
    await settle(10_000)
    expect(view.text).toBe('abc')
    feed.close(true)
  })

  it.each(['', 'nonsense', 'x.-1', 'x.1e9', '..', `${'9'.repeat(400)}.3`])(
    'survives the resume point %j',
    async (from) => {
      const one = await instance()
      const feed = one.open('t')
      feed.append('text')
      const view = viewer(one, 't', from)
      await settle()
      expect(view.text).toBe('text')
      feed.close(true)
    },
  )
})
