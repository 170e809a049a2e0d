import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { defaults } from '../../adapters/teams/config.ts'
import { TeamsError } from '../../adapters/teams/errors.ts'
import { createStream } from '../../adapters/teams/streaming.ts'
import type { Outgoing } from '../../adapters/teams/transport.ts'
import { quietLog } from '../support/log.ts'

const refusal = (status: number, words = ''): TeamsError =>
  new TeamsError('send', {
    status,
    code: status === 403 ? 'ContentStreamNotAllowed' : 'Error',
    words,
    outcome: status >= 500 && status !== 503 ? 'unknown' : 'refused',
  })

/** What can happen to one call beside what Teams' rules say. */
type Mishap = 'fine' | 'throttled' | 'lost before' | 'lost after' | 'cancelled'

interface Info {
  streamType: string
  streamId?: string
  streamSequence?: number
}

/** Teams' rules for one stream, and time that passes only in sleep. */
function createTeams(mishaps: Mishap[]) {
  let now = 1_000_000
  let lastAt = Number.NEGATIVE_INFINITY
  let begunAt = 0
  let sequence = 0
  const broken: string[] = []
  const shown: string[] = []
  let state: 'none' | 'open' | 'final' | 'cancelled' = 'none'
  let calls = 0
  const clock = {
    now: () => now,
    sleep: async (ms: number) => {
      now += ms
    },
  }

  function take(activity: Outgoing): { id?: string } {
    const info = (activity.entities as unknown as Info[])[0]!
    const text = String(activity.text)
    if (state !== 'none' && now - lastAt < 1_000) broken.push('too fast')
    lastAt = now
    if (state === 'cancelled') throw refusal(403, 'Content stream was canceled by user.')
    if (state === 'final') throw refusal(403, 'Content stream is not allowed on an already completed streamed message')
    if (state === 'open' && now - begunAt > 120_000)
      throw refusal(403, 'Content stream finished due to exceeded streaming time.')
    if (text === '') broken.push('empty')
    if (info.streamType === 'final') {
      if (info.streamSequence !== undefined || info.streamId !== 's1') broken.push('a bad end')
      state = 'final'
      shown.push(text)
      return {}
    }
    if (!info.streamId) {
      if (state === 'open') throw refusal(403, 'Content stream is not allowed')
      if (info.streamSequence !== 1) broken.push('a bad beginning')
      state = 'open'
      begunAt = now
    } else if ((info.streamSequence ?? 0) <= sequence) broken.push('late')
    sequence = info.streamSequence ?? 0
    if (info.streamType === 'streaming') {
      if (!text.startsWith(shown.at(-1) ?? '')) broken.push('not a longer text')
      shown.push(text)
    }
    return info.streamId ? {} : { id: 's1' }
  }

  let thrownAway = 0
  let left = 0

  return {
    clock,
    broken,
    shown,
    /** So many of the next calls are taken and thrown away; tells how many were so far. */
    throwAway(calls: number) {
      left = calls
      return () => thrownAway
    },
    get state() {
      return state
    },
    pass: (ms: number) => {
      now += ms
    },
    async send(activity: Outgoing): Promise<{ id?: string; dropped?: true }> {
      if (left-- > 0) {
        thrownAway++
        return { dropped: true }
      }
      const mishap = mishaps[calls++] ?? 'fine'
      if (mishap === 'throttled') throw refusal(429, 'API calls quota exceeded')
      if (mishap === 'lost before') throw refusal(502)
      if (mishap === 'cancelled' && state === 'open') state = 'cancelled'
      const result = take(activity)
      if (mishap === 'lost after') throw refusal(504)
      return result
    },
  }
}

function start(mishaps: Mishap[] = []) {
  const teams = createTeams(mishaps)
  const opened: string[] = []
  const stream = createStream({
    send: teams.send,
    opened: async (id) => void opened.push(id),
    clock: teams.clock,
    limits: defaults,
    log: quietLog(),
  })
  return { teams, stream, opened }
}

const end: Outgoing = { type: 'message', text: 'Hello world' }

describe('a stream', () => {
  test('is a line about what goes on, the growing text, and its end', async () => {
    const { teams, stream, opened } = start()
    await stream.inform('Thinking…')
    expect(opened).toEqual(['s1'])
    expect(await stream.show('Hello')).toBe('shown')
    expect(await stream.show('Hello')).toBe('skipped')
    expect(await stream.show('Hello world')).toBe('shown')
    expect(await stream.finish(end)).toEqual({ type: 'finished', id: 's1' })
    expect(stream.open).toBe(false)
    expect(teams.broken).toEqual([])
    expect(teams.shown).toEqual(['Hello', 'Hello world', 'Hello world'])
  })

  test('never shows what is not a longer text, and begins with text where there was no line', async () => {
    const { teams, stream } = start()
    expect(await stream.show('  ')).toBe('skipped')
    expect(await stream.show('Hello')).toBe('shown')
    expect(await stream.show('Hallo')).toBe('skipped')
    expect(teams.shown).toEqual(['Hello'])
  })

  test('that a person stopped sends nothing more', async () => {
    const { teams, stream } = start(['fine', 'cancelled'])
    await stream.inform('Thinking…')
    expect(await stream.show('Hello')).toBe('cancelled')
    expect(await stream.show('Hello world')).toBe('over')
    expect(teams.shown).toEqual([])
    const other = start(['fine', 'fine', 'cancelled'])
    await other.stream.inform('Thinking…')
    await other.stream.show('Hello')
    expect(await other.stream.finish(end)).toEqual({ type: 'cancelled' })
  })

  test('whose two minutes are over is to be updated', async () => {
    const { teams, stream } = start()
    await stream.inform('Thinking…')
    teams.pass(121_000)
    expect(await stream.show('Hello')).toBe('over')
    expect(await stream.finish(end)).toEqual({ type: 'update', id: 's1' })
  })

  test('whose end is thrown away is ended again, and is to be updated in the end', async () => {
    const { teams, stream } = start()
    await stream.inform('Thinking…')
    const ends = teams.throwAway(1)
    expect(await stream.finish(end)).toEqual({ type: 'finished', id: 's1' })
    expect(ends()).toBe(1)
    const other = start()
    await other.stream.inform('Thinking…')
    other.teams.throwAway(10)
    expect(await other.stream.finish(end)).toEqual({ type: 'update', id: 's1' })
  })

  test('of an earlier try is ended with its id', async () => {
    const { teams } = start()
    await teams.send({ type: 'typing', text: 'x', entities: [{ streamType: 'informative', streamSequence: 1 }] })
    const stream = createStream({
      known: 's1',
      send: teams.send,
      opened: async () => {},
      clock: teams.clock,
      limits: { ...defaults, streamGapMs: 1_000 },
      log: quietLog(),
    })
    teams.pass(1_000)
    expect(await stream.finish(end)).toEqual({ type: 'finished', id: 's1' })
    expect(teams.broken).toEqual([])
  })
})

test('whatever happens to its calls, it breaks no rule and ends whole, stopped, or to be updated', async () => {
  const mishap = fc.constantFrom<Mishap>('fine', 'fine', 'fine', 'throttled', 'lost before', 'lost after', 'cancelled')
  const pieces = fc.array(fc.tuple(fc.constantFrom('word ', 'a', '\n', '👍'), fc.nat({ max: 40_000 })), {
    maxLength: 12,
  })
  await fc.assert(
    fc.asyncProperty(fc.array(mishap, { maxLength: 25 }), pieces, fc.boolean(), async (mishaps, said, informs) => {
      const { teams, stream, opened } = start(mishaps)
      if (informs) await stream.inform('Thinking…').catch(() => {})
      let text = ''
      let cancelled = false
      for (const [piece, pause] of said) {
        teams.pass(pause)
        text += piece
        const shown = await stream.show(text).catch(() => 'skipped')
        cancelled ||= shown === 'cancelled'
      }
      if (stream.open) {
        const whole: Outgoing = { type: 'message', text: `${text}.` }
        const finish = await stream.finish(whole).catch(() => stream.finish(whole).catch(() => stream.finish(whole)))
        if (finish.type === 'finished') expect(teams.shown.at(-1)).toBe(whole.text)
        if (finish.type === 'cancelled') expect(teams.state).toBe('cancelled')
        else expect(finish.id).toBe('s1')
      } else if (cancelled) expect(teams.state).toBe('cancelled')
      expect(teams.broken).toEqual([])
      expect(opened.length).toBeLessThanOrEqual(1)
    }),
    { numRuns: 500 },
  )
})
