import { describe, expect, test } from 'vitest'
import { createApi } from '../../adapters/slack/api.ts'
import { SlackError } from '../../adapters/slack/errors.ts'
import { createGates } from '../../adapters/slack/gates.ts'
import type { Send } from '../../adapters/slack/http.ts'
import { createPace } from '../../adapters/slack/pace.ts'
import { createPreview } from '../../adapters/slack/preview.ts'
import type { Part } from '../../adapters/slack/segments.ts'
import { createStrays } from '../../adapters/slack/strays.ts'
import type { Thread } from '../../adapters/slack/thread.ts'
import { quietLog } from '../support/log.ts'
import { answers, cleanUp, settled, startWorld } from './world.ts'

cleanUp()

/** Time that passes only while everybody sleeps. */
function testClock() {
  let now = 1_000_000
  return {
    now: () => now,
    async sleep(ms: number) {
      now += ms
      await new Promise((resolve) => setImmediate(resolve))
    },
    pass(ms: number) {
      now += ms
    },
  }
}

function apiOver(send: Send, clock = testClock()) {
  const workspaces = { token: async () => 'xoxb', gone: async () => {} }
  return createApi({ send, workspaces, timeoutMs: 1_000, log: quietLog(), clock })
}

describe('a call', () => {
  test('waits as long as Slack says, and those behind it in their order', async () => {
    const clock = testClock()
    const calls: [unknown, number][] = []
    let refusals = 2
    const began = clock.now()
    const api = apiOver(async (method, _token, args) => {
      calls.push([args.n, clock.now() - began])
      if (refusals-- > 0) throw new SlackError(method, 'ratelimited', { retryAfterMs: 3_000 })
      return { ok: true }
    }, clock)
    const post = (n: number) => api.call('T1', 'chat.postMessage', { n }, { about: 'C1' })
    const first = post(1)
    await new Promise((resolve) => setImmediate(resolve))
    await Promise.all([first, post(2), post(3)])
    expect(calls.filter(([, at]) => at >= 6_000).map(([n]) => n)).toEqual([1, 2, 3])
    expect(calls).toHaveLength(5)
  })

  test('that must not be doubled is not repeated when nobody knows what became of it', async () => {
    const outcomes: Record<string, number> = {}
    const api = apiOver(async (method) => {
      outcomes[method] = (outcomes[method] ?? 0) + 1
      throw new SlackError(method, 'unreachable', { outcome: 'unknown' })
    })
    for (const method of ['chat.postMessage', 'chat.startStream', 'chat.appendStream', 'chat.update'] as const)
      await expect(api.call('T1', method, {})).rejects.toThrow('unreachable')
    expect(outcomes).toEqual({
      'chat.postMessage': 1,
      'chat.startStream': 1,
      'chat.appendStream': 1,
      'chat.update': 3,
    })
  })

  test('that never left is repeated, whatever it is', async () => {
    let left = 2
    const api = apiOver(async (method) => {
      if (left-- > 0) throw new SlackError(method, 'unreachable', { outcome: 'not done' })
      return { ok: true }
    })
    await expect(api.call('T1', 'chat.postMessage', {})).resolves.toEqual({ ok: true })
  })

  test('that is impatient is refused at once while others wait', async () => {
    const clock = testClock()
    let refuse = true
    const api = apiOver(async (method) => {
      if (refuse) throw new SlackError(method, 'ratelimited', { retryAfterMs: 5_000 })
      return { ok: true }
    }, clock)
    const start = () => api.call('T1', 'chat.startStream', {}, { about: 'C1', impatient: true })
    await expect(start()).rejects.toThrow('ratelimited')
    refuse = false
    expect(api.limitedUntil('T1', 'chat.startStream', 'C1')).toBeGreaterThan(0)
    expect(api.limitedUntil('T1', 'chat.startStream', 'C2')).toBe(0)
    await expect(api.call('T1', 'chat.startStream', {}, { about: 'C2', impatient: true })).resolves.toEqual({
      ok: true,
    })
  })

  test('with a token that is too old is made once more with a fresher one', async () => {
    const tokens: string[] = []
    const send: Send = async (method, token) => {
      tokens.push(token)
      if (token === 'old') throw new SlackError(method, 'token_expired')
      return { ok: true }
    }
    const workspaces = {
      token: async (_: string, fresher?: boolean) => (fresher ? 'new' : 'old'),
      gone: async () => {},
    }
    const api = createApi({ send, workspaces, timeoutMs: 1_000, log: quietLog(), clock: testClock() })
    await api.call('T1', 'users.info', {})
    expect(tokens).toEqual(['old', 'new'])
  })
})

test('gates that nobody waits at are forgotten', async () => {
  const gates = createGates(testClock())
  const pass = await gates.enter('a')
  await pass.limited(10)
  expect(gates.limitedUntil('a')).toBeGreaterThan(0)
  pass.leave()
  expect(gates.limitedUntil('a')).toBe(0)
})

test('the more answers are written in a workspace, the slower each; others do not matter', () => {
  let now = 0
  const pace = createPace(() => now, 700)
  const alone = pace.ms('T1')
  for (let i = 0; i < 10; i++) pace.beat('T1', `turn ${i}`)
  expect(pace.ms('T1')).toBe(7_000)
  expect(pace.ms('T2')).toBe(alone)
  now += 60_000
  expect(pace.ms('T1')).toBe(alone)
})

describe('a stream', () => {
  function threadOf(calls: [string, string][]): Thread {
    const textOf = (parts: readonly Part[]) => parts.map((part) => ('text' in part ? part.text : '')).join('')
    let next = 1
    const unused = async (): Promise<never> => {
      throw new Error('not used here')
    }
    return {
      channel: 'D1',
      inThread: true,
      async start(parts) {
        calls.push(['start', textOf(parts)])
        return `m${next++}`
      },
      async append(ts, parts) {
        calls.push([`append ${ts}`, textOf(parts)])
      },
      async stop(ts, parts) {
        calls.push([`stop ${ts}`, textOf(parts)])
      },
      close: unused,
      post: unused,
      update: unused,
      remove: unused,
      find: unused,
      status: unused,
      release: unused,
      limitedUntil: () => 0,
      elsewhere: unused,
      at: () => {
        throw new Error('not used here')
      },
    }
  }

  const previewOf = (calls: [string, string][], clock = testClock()) =>
    createPreview({
      thread: threadOf(calls),
      clock,
      strays: createStrays(clock, 1_000),
      patienceMs: 10_000,
      remember: async () => {},
    })

  test('is followed by another before Slack ends it, at a paragraph or in any case before four minutes', async () => {
    const clock = testClock()
    const calls: [string, string][] = []
    const preview = previewOf(calls, clock)
    await preview.push('One.\n\n')
    clock.pass(150_000)
    await preview.push('Two ')
    clock.pass(60_000)
    await preview.push('goes on.\n\nThree ')
    clock.pass(231_000)
    await preview.push('is late.')
    expect(calls).toEqual([
      ['start', 'One.\n\n'],
      ['append m1', 'Two '],
      ['append m1', 'goes on.\n\n'],
      ['stop m1', ''],
      ['start', 'Three '],
      ['stop m2', ''],
      ['start', 'is late.'],
    ])
  })

  test('keeps nothing back that was refused while its end was waited for', async () => {
    const calls: [string, string][] = []
    const refused = Promise.withResolvers<void>()
    const clock = testClock()
    const thread = { ...threadOf(calls), append: () => refused.promise }
    const strays = createStrays(clock, 1_000)
    const preview = createPreview({ thread, clock, strays, patienceMs: 0, remember: async () => {} })
    await preview.push('One.\n\n')
    // More than one message takes: it goes on while nobody waits.
    await preview.push('Two.\n\n'.repeat(2_000))
    const finishing = preview.finish('Three.')
    refused.reject(new SlackError('chat.appendStream', 'msg_too_long'))
    expect(await finishing).toBeNull()
    expect(preview.messages).toMatchObject([{ ts: 'm1', doubtful: false, end: { offset: 'One.\n\n'.length } }])
    expect(calls).toEqual([['start', 'One.\n\n']])
  })

  test('shows the first text at once, however short', async () => {
    const calls: [string, string][] = []
    const preview = previewOf(calls)
    await preview.push('H')
    expect(calls).toEqual([['start', 'H']])
  })
})

test('within Slack’s own limits, many at once are all answered', async () => {
  const world = await startWorld({ limits: true, echo: 'none' })
  const { slack } = world
  const people = Array.from({ length: 30 }, (_, i) => slack.addPerson({ realName: `Person ${i}` }))
  const said = people.map((person) => {
    const dm = slack.state.dm(person.id, slack.install.botUser)
    return slack.say({ user: person.id, channel: dm.id, text: `I am ${person.realName}` })
  })
  await settled(world)
  for (const { channel, ts } of said) expect(answers(slack, channel, ts)).toHaveLength(1)
  expect(slack.callsTo('chat.startStream').some(({ status }) => status === 429)).toBe(true)
})
