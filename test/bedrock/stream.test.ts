import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Bench, fakeCredentials, listen, mainId, openModel, titleId } from '../support/bedrock/model.ts'
import {
  answerTo,
  reason,
  refuse,
  type StandIn,
  say,
  start,
  startBedrock,
  stop,
  usage,
  whole,
} from '../support/bedrock.ts'

let bedrock: StandIn
const opened: Bench[] = []
const open: typeof openModel = (standIn, options) => {
  const bench = openModel(standIn, options)
  opened.push(bench)
  return bench
}

beforeAll(async () => {
  fakeCredentials()
  bedrock = await startBedrock()
})
afterEach(async () => {
  bedrock.reset()
  await Promise.all(opened.splice(0).map(({ model }) => model.close()))
})
afterAll(() => bedrock.close())

describe('an answer', () => {
  test('streams as text and ends with its stop reason, model and tokens', async () => {
    bedrock.script([
      start,
      reason('thinking about it'),
      ...say('', 'Hel', 'lo', ' world'),
      ...stop(),
      usage({
        inputTokens: 3,
        outputTokens: 227,
        totalTokens: 1942,
        cacheReadInputTokens: 0,
        cacheWriteInputTokens: 1712,
      }),
    ])
    const { ask } = open(bedrock)
    const { text, end } = await ask()
    expect(text).toBe('Hello world')
    expect(end).toEqual({
      type: 'end',
      stop: 'end',
      model: mainId,
      usage: { input: 3, output: 227, cacheRead: 0, cacheWrite: 1712 },
    })
  })

  test('arrives piece by piece, not when it is complete', async () => {
    bedrock.script([start, ...say('first'), { gate: 'more' }, ...say(' second'), ...stop(), usage()])
    const { model } = open(bedrock)
    const events = model
      .stream({ purpose: 'answer', system: '', messages: [{ role: 'user', text: 'Hi' }] }, new AbortController().signal)
      [Symbol.asyncIterator]()
    expect((await events.next()).value).toEqual({ type: 'text', text: 'first' })
    bedrock.open('more')
    expect((await events.next()).value).toEqual({ type: 'text', text: ' second' })
    expect((await events.next()).value).toMatchObject({ type: 'end' })
    expect((await events.next()).done).toBe(true)
  })

  test('keeps letters whole however the network cuts the bytes', async () => {
    const text = 'Zażółć gęślą jaźń — 日本語 👩‍👩‍👧 '.repeat(200)
    bedrock.script([start, ...say(text, text), ...stop(), usage()])
    expect((await open(bedrock).ask()).text).toBe(text + text)
  })

  test.each([
    ['end_turn', 'end'],
    ['stop_sequence', 'end'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'context'],
    ['guardrail_intervened', 'guardrail'],
    ['content_filtered', 'filtered'],
    ['something_new', 'end'],
  ])('that stops with %s ends as %s', async (wire, stopped) => {
    bedrock.script([start, ...say('Some text'), ...stop(wire), usage()])
    expect((await open(bedrock).ask()).end).toMatchObject({ stop: stopped })
  })

  test('held back whole by a guardrail or filter ends without text, and is not asked again', async () => {
    bedrock.script([start, ...stop('guardrail_intervened'), usage()], [start, ...stop('content_filtered'), usage()])
    const { ask, counted } = open(bedrock)
    expect((await ask()).end).toMatchObject({ stop: 'guardrail' })
    expect((await ask()).end).toMatchObject({ stop: 'filtered' })
    expect(counted.retried).toEqual([])
  })
})

describe('tokens', () => {
  test('are estimated and marked where the counts never come, without waiting for them for ever', async () => {
    const { ask } = open(bedrock, { tailMs: 20 })
    bedrock.script([start, ...say('No counts'), ...stop()], [start, ...say('Held open'), ...stop(), { hang: true }])
    expect((await ask()).end?.usage).toMatchObject({ estimated: true, output: 3 })
    expect(await ask()).toMatchObject({ text: 'Held open', end: { stop: 'end', usage: { estimated: true } } })
    expect(await bedrock.requests[1]!.over).toBe('dropped')
  })

  test('are known at once, and a response that does not end after them is hung up', async () => {
    bedrock.script([...whole('Told'), { hang: true }])
    expect((await open(bedrock, { tailMs: 500 }).ask()).end?.usage).toEqual({
      input: 10,
      output: 5,
      cacheRead: 0,
      cacheWrite: 0,
    })
    expect(await bedrock.requests[0]!.over).toBe('dropped')
  })

  test('of models that count what came from the cache twice are counted once', async () => {
    bedrock.script([
      start,
      ...say('x'),
      ...stop(),
      usage({ inputTokens: 1000, outputTokens: 10, totalTokens: 1010, cacheReadInputTokens: 900 }),
    ])
    expect((await open(bedrock).ask()).end?.usage).toEqual({ input: 100, output: 10, cacheRead: 900, cacheWrite: 0 })
  })

  test('are read from the cache when a conversation goes on', async () => {
    const { ask } = open(bedrock)
    const long = 'A long question about many things. '.repeat(400)
    const first = await ask({ system: 'Be brief.', messages: [{ role: 'user', text: long }] })
    expect(first.end?.usage).toMatchObject({ cacheRead: 0 })
    expect(first.end!.usage.cacheWrite).toBeGreaterThan(3000)
    const second = await ask({
      system: 'Be brief.',
      messages: [
        { role: 'user', text: long },
        { role: 'assistant', text: first.text },
        { role: 'user', text: 'And now?' },
      ],
    })
    expect(second.end!.usage.cacheRead).toBe(first.end!.usage.cacheWrite)
  })
})

describe('stopping', () => {
  test('ends the iteration with an error at once and hangs up', async () => {
    bedrock.script([start, ...say('Some', ' text'), { hang: true }])
    const { model, lines, counted } = open(bedrock)
    const stopper = new AbortController()
    const told = listen(
      (async function* () {
        for await (const event of model.stream(
          { purpose: 'answer', system: '', messages: [{ role: 'user', text: 'Hi' }] },
          stopper.signal,
        )) {
          yield event
          stopper.abort()
        }
      })(),
    )
    expect((await told).text).toMatch(/^Some/)
    expect((await told).thrown).toMatchObject({ name: 'AbortError' })
    expect(await bedrock.requests[0]!.over).toBe('dropped')
    expect(lines.at(-1)).toMatchObject({ level: 'info', text: 'model call', outcome: 'stopped' })
    expect(counted.calls).toMatchObject([{ outcome: 'stopped', usage: { estimated: true } }])
  })

  test('works while the model has said nothing yet, and before the question is sent', async () => {
    bedrock.script([{ hang: true }])
    const { ask } = open(bedrock)
    const stopper = new AbortController()
    const told = ask({}, stopper.signal)
    await vi.waitFor(() => expect(bedrock.requests).toHaveLength(1))
    stopper.abort()
    expect((await told).thrown).toMatchObject({ name: 'AbortError' })
    expect(await bedrock.requests[0]!.over).toBe('dropped')
    expect((await ask({}, AbortSignal.abort())).thrown).toMatchObject({ name: 'AbortError' })
    expect(bedrock.requests).toHaveLength(1)
  })

  test('works while it waits for the next try', async () => {
    bedrock.script(refuse(503))
    const stopper = new AbortController()
    const { ask } = open(bedrock, {
      sleep: async (_ms, signal) => {
        stopper.abort()
        signal.throwIfAborted()
      },
    })
    expect((await ask({}, stopper.signal)).thrown).toMatchObject({ name: 'AbortError' })
    expect(bedrock.requests).toHaveLength(1)
  })
})

describe('connections', () => {
  test('are used again by the next call', async () => {
    const { ask } = open(bedrock)
    for (let call = 0; call < 5; call++) await ask()
    expect(new Set(bedrock.requests.map(({ connection }) => connection)).size).toBe(1)
  })

  test('are all given back by 200 readers who leave early', { timeout: 30_000 }, async () => {
    const { model } = open(bedrock)
    bedrock.script(...Array.from({ length: 200 }, () => [start, ...say('a', 'b'), { hang: true as const }]))
    const leave = async () => {
      for await (const event of model.stream(
        { purpose: 'answer', system: '', messages: [{ role: 'user', text: 'Hi' }] },
        new AbortController().signal,
      )) {
        expect(event.type).toBe('text')
        break
      }
    }
    for (let round = 0; round < 4; round++) await Promise.all(Array.from({ length: 50 }, leave))
    expect(bedrock.requests).toHaveLength(200)
    expect(new Set(await Promise.all(bedrock.requests.map(({ over }) => over)))).toEqual(new Set(['dropped']))
    await vi.waitFor(() => expect(bedrock.connections().open).toBe(0))
  })

  test('are not a limit for many answers at once', { timeout: 30_000 }, async () => {
    const { ask } = open(bedrock)
    bedrock.script(...Array.from({ length: 300 }, () => [start, ...say('a'), { gate: 'all' }, ...stop(), usage()]))
    const asked = Array.from({ length: 300 }, () => ask())
    await vi.waitFor(() => expect(bedrock.requests).toHaveLength(300), { timeout: 20_000 })
    bedrock.open('all')
    for (const { text } of await Promise.all(asked)) expect(text).toBe('a')
  })

  test('hold what a slow reader has not read yet only up to a bound', async () => {
    const block = 'x'.repeat(64 * 1024)
    bedrock.script([start, ...say(...Array.from({ length: 200 }, () => block)), ...stop(), usage()])
    const { model } = open(bedrock)
    const events = model
      .stream({ purpose: 'answer', system: '', messages: [{ role: 'user', text: 'Hi' }] }, new AbortController().signal)
      [Symbol.asyncIterator]()
    let longest = 0
    let length = 0
    for (;;) {
      const { value, done } = await events.next()
      if (done) break
      if (value.type !== 'text') continue
      longest = Math.max(longest, value.text.length)
      length += value.text.length
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(length).toBe(200 * block.length)
    expect(longest).toBeLessThan(1024 * 1024)
  })
})

describe('who asks', () => {
  test('is signed with the credentials of the environment', async () => {
    await open(bedrock).ask()
    expect(bedrock.requests[0]!.headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/.*\/us-east-1\/bedrock\//,
    )
  })

  test('is named by an API key where there is one', async () => {
    vi.stubEnv('AWS_BEARER_TOKEN_BEDROCK', 'key-123')
    const { ask } = open(bedrock)
    const { text } = await ask()
    vi.unstubAllEnvs()
    expect(text).not.toBe('')
    expect(bedrock.requests[0]!.headers.authorization).toBe('Bearer key-123')
  })

  test('reaches models by ARN too', async () => {
    const arn = 'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3'
    const { ask, model } = open(bedrock, { modelId: arn, overrides: { [arn]: { family: 'claude-haiku-4-5' } } })
    expect((await ask()).end).toMatchObject({ model: arn, stop: 'end' })
    expect(bedrock.requests[0]!.modelId).toBe(arn)
    expect(model.limits).toEqual({ context: 200_000, output: 4096 })
  })
})

describe('titles and summaries', () => {
  test('are made by the cheap model', async () => {
    const { ask, counted } = open(bedrock)
    expect((await ask({ purpose: 'title', maxTokens: 60 })).end).toMatchObject({ model: titleId })
    expect((await ask({ purpose: 'summary', maxTokens: 800 })).end).toMatchObject({ model: titleId })
    expect(counted.calls.map(({ purpose }) => purpose)).toEqual(['title', 'summary'])
  })

  test('are made by the main model where the cheap one cannot be had', async () => {
    bedrock.scriptFor(
      titleId,
      refuse(403, undefined, 'You don’t have access to the model with the specified model ID.'),
    )
    const { ask, counted } = open(bedrock)
    expect((await ask({ purpose: 'title', maxTokens: 60 })).end).toMatchObject({ model: mainId })
    expect(counted.fellBack).toEqual([[titleId, mainId]])
  })
})

test('every call is one line in the log, with its numbers and never a word of text', async () => {
  bedrock.script(refuse(503), whole('The secret answer'))
  const { ask, lines, counted } = open(bedrock)
  await ask({
    system: 'The secret instructions',
    messages: [{ role: 'user', text: 'The secret question' }],
    turn: 't1',
  })
  expect(lines.filter(({ text }) => text === 'model call')).toEqual([
    {
      level: 'info',
      text: 'model call',
      turn: 't1',
      model: mainId,
      purpose: 'answer',
      outcome: 'end',
      retries: 1,
      ms: expect.any(Number),
      firstMs: expect.any(Number),
      usage: { input: 10, output: 5, cacheRead: 0, cacheWrite: 0 },
      dollars: expect.closeTo((10 * 3 + 5 * 15) / 1e6, 10),
    },
  ])
  expect(counted.calls).toMatchObject([{ model: mainId, outcome: 'end', usage: { input: 10 } }])
  expect(JSON.stringify(lines)).not.toContain('secret')
})

test('the stand-in answers with what it was asked, for tests of memory and order', () => {
  const body = {
    messages: [
      { role: 'user', content: [{ text: 'I am Ada' }] },
      { role: 'assistant', content: [{ text: 'Hi' }] },
      { role: 'user', content: [{ text: 'Who am I?' }, { cachePoint: { type: 'default' } }] },
    ],
    inferenceConfig: { maxTokens: 1000 },
  }
  expect(answerTo(body)).toBe('You said: “Who am I?”. Earlier messages: 2. The first message was: “I am Ada”.')
})
