import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { FaultCode } from '../../src/errors.ts'
import { type Bench, fakeCredentials, hello, mainId, openModel, otherId } from '../support/bedrock/model.ts'
import {
  type Act,
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

const exceptions: [string, FaultCode][] = [
  ['throttlingException', 'model_busy'],
  ['internalServerException', 'model_unavailable'],
  ['serviceUnavailableException', 'model_unavailable'],
  ['modelStreamErrorException', 'model_unavailable'],
  ['modelTimeoutException', 'model_slow'],
  ['validationException', 'model_rejected'],
  ['somethingNewException', 'model_unavailable'],
]

const garbage: Act = { raw: Buffer.from('<html>this is no event stream, sorry</html>').toString('base64') }

/** Everything that can go wrong before any text, and how often one model is asked in all. */
const before: [what: string, acts: Act[], code: FaultCode, asked: number][] = [
  ['429', refuse(429, undefined, 'Too many tokens, please wait before trying again.'), 'model_busy', 3],
  ['429 not ready', refuse(429, 'ModelNotReadyException'), 'model_busy', 3],
  ['429 without a type', [{ refuse: 429, body: 'slow down' }], 'model_busy', 3],
  ['503', refuse(503, undefined, 'Bedrock is unable to process your request.'), 'model_unavailable', 3],
  ['500', refuse(500), 'model_unavailable', 3],
  ['502 with a page of a proxy', [{ refuse: 502, body: '<html>Bad Gateway</html>' }], 'model_unavailable', 3],
  ['504', [{ refuse: 504, body: '' }], 'model_unavailable', 3],
  ['408', refuse(408), 'model_slow', 2],
  ['424', refuse(424), 'model_unavailable', 2],
  ['400', refuse(400, undefined, 'messages.0: something is wrong'), 'model_rejected', 1],
  ['400 too long', refuse(400, undefined, 'Input is too long for requested model.'), 'context_overflow', 1],
  [
    '400 too long with its answer',
    refuse(400, undefined, 'input length and `max_tokens` exceed context limit: 196395 + 64000 > 204698'),
    'context_overflow',
    1,
  ],
  [
    '400 on demand',
    refuse(400, undefined, 'Invocation of model ID x with on-demand throughput isn’t supported.'),
    'model_config',
    1,
  ],
  ['400 wrong id', refuse(400, undefined, 'The provided model identifier is invalid.'), 'model_config', 1],
  ['403', refuse(403), 'model_access', 1],
  [
    '403 expired',
    refuse(403, 'ExpiredTokenException', 'The security token included in the request is expired'),
    'model_access',
    1,
  ],
  ['403 unknown key', refuse(403, 'UnrecognizedClientException', 'The security token is invalid.'), 'model_access', 1],
  ['403 wrong clock', refuse(403, 'InvalidSignatureException', 'Signature expired: …'), 'model_access', 1],
  ['404', refuse(404, undefined, 'This model version has reached the end of its life.'), 'model_config', 1],
  ['418', refuse(418, 'TeapotException'), 'model_rejected', 1],
  ['FIN before the headers', [{ cut: 'fin' }], 'model_unavailable', 3],
  ['RST before the headers', [{ cut: 'rst' }], 'model_unavailable', 3],
  ['FIN after the headers', [{ headers: true }, { cut: 'fin' }], 'model_unavailable', 3],
  ['RST after the first event', [start, { cut: 'rst' }], 'model_unavailable', 3],
  ['cut while it thinks', [start, reason('hm'), { cut: 'fin' }], 'model_unavailable', 3],
  ['an empty 200', [], 'model_unavailable', 3],
  ['an end without messageStop', [start], 'model_unavailable', 3],
  ['counts, but no messageStop', [start, usage()], 'model_unavailable', 3],
  ['garbage', [garbage], 'model_unavailable', 3],
  ['JSON instead of a stream', [{ refuse: 200, message: 'hello' }], 'model_unavailable', 3],
  ['a wrong prelude checksum', [start, { damaged: 'prelude' }], 'model_unavailable', 3],
  ['a wrong message checksum', [start, { damaged: 'message' }], 'model_unavailable', 3],
  ['a truncated frame', [start, { partial: 40 }], 'model_unavailable', 3],
  ['two bytes of a length', [start, { partial: 2 }], 'model_unavailable', 3],
  ['an error frame', [start, { error: 'InternalFailure', message: 'oops' }], 'model_unavailable', 3],
  ['no text at all', [start, ...stop(), usage()], 'empty_answer', 2],
  ['blank text', [start, ...say(' ', '\n'), ...stop(), usage()], 'empty_answer', 2],
  ['all tokens spent on thinking', [start, reason('hm'), ...stop('max_tokens'), usage()], 'empty_answer', 1],
  ['a malformed output', [start, ...stop('malformed_model_output'), usage()], 'empty_answer', 2],
  ['a context that is full already', [start, ...stop('model_context_window_exceeded'), usage()], 'context_overflow', 1],
]

/** How often it is asked when an exception is all that comes. */
const triesOf = (code: FaultCode, exception: string): number =>
  code === 'model_rejected' ? 1 : /modelStream|modelTimeout/.test(exception) ? 2 : 3

for (const [exception, code] of exceptions)
  before.push(
    [`${exception} as first event`, [{ exception }], code, triesOf(code, exception)],
    [`${exception} before any text`, [start, reason('hm'), { exception }], code, triesOf(code, exception)],
  )

describe('before the first text', () => {
  test.each(before)('%s: told in our words after as many tries as it is worth', async (_what, acts, code, asked) => {
    bedrock.script(...Array.from({ length: asked }, () => acts))
    const { ask, counted, waits, lines } = open(bedrock)
    const told = await ask({ turn: 'turn-1' })
    expect(told).toMatchObject({ text: '', code })
    expect(bedrock.requests).toHaveLength(asked)
    expect(counted.retried).toEqual(Array.from({ length: asked - 1 }, () => [mainId, code]))
    expect(waits).toHaveLength(asked - 1)
    expect(counted.calls).toMatchObject([{ model: mainId, outcome: code }])
    // One line a failed try and one for the call, each with its turn.
    expect(lines.map(({ turn }) => turn)).toEqual(Array.from({ length: asked + 1 }, () => 'turn-1'))
  })

  test.each(before.filter(([, , , asked]) => asked > 1))('%s once: the next try answers', async (_what, acts) => {
    bedrock.script(acts, whole('All is well'))
    const { ask, lines } = open(bedrock)
    expect(await ask()).toMatchObject({ text: 'All is well', end: { stop: 'end' } })
    expect(lines.at(-1)).toMatchObject({ text: 'model call', outcome: 'end', retries: 1 })
  })

  test('what the person is told never has the service’s words, which the log has', async () => {
    bedrock.script(refuse(403, undefined, 'User: arn:aws:iam::123456789012:user/x is not authorized'))
    const { ask, lines } = open(bedrock)
    const { thrown } = await ask()
    expect((thrown as { notice: { text: string } }).notice.text).not.toContain('arn:')
    expect(lines[0]).toMatchObject({
      level: 'error',
      status: 403,
      error: 'AccessDeniedException',
      detail: expect.stringContaining('arn:aws:iam'),
      hint: expect.stringContaining('bedrock:InvokeModelWithResponseStream'),
      requestId: 'd3adb33f-0000-4000-8000-000000000001',
    })
  })

  test.each([
    ['Invocation of model ID x with on-demand throughput isn’t supported.', 'inference profile'],
    ['The provided model identifier is invalid.', 'AWS_REGION'],
    ['The maximum tokens you requested exceeds the model limit of 2048.', 'BEDROCK_MAX_TOKENS'],
    ['`temperature` is deprecated for this model.', 'BEDROCK_TEMPERATURE'],
    ['The guardrail identifier or version provided in the request does not exist.', 'BEDROCK_GUARDRAIL_ID'],
  ])('a mistake in the settings (%s) is logged with what to do', async (message, advice) => {
    bedrock.script(refuse(400, undefined, message))
    const { ask, lines } = open(bedrock)
    expect((await ask()).code).toBe('model_config')
    expect(lines[0]).toMatchObject({ level: 'error', hint: expect.stringContaining(advice) })
  })
})

describe('after the first text', () => {
  const broken: [string, Act[]][] = [
    ['FIN', [{ cut: 'fin' }]],
    ['RST', [{ cut: 'rst' }]],
    ['an end without messageStop', []],
    ['garbage', [garbage]],
    ['a wrong prelude checksum', [{ damaged: 'prelude' }]],
    ['a wrong message checksum', [{ damaged: 'message' }]],
    ['a truncated frame', [{ partial: 40 }]],
    ['two bytes of a length', [{ partial: 2 }]],
    ['an error frame', [{ error: 'InternalFailure', message: 'oops' }]],
    ['malformed output', [...stop('malformed_tool_use'), usage()]],
    ...exceptions.map(([exception]): [string, Act[]] => [exception, [{ exception }]]),
  ]

  test.each(broken)(
    '%s: what was shown stays, it is said to be broken, and nobody is asked again',
    async (_what, acts) => {
      bedrock.script([start, ...say('Half of', ' it'), { gate: 'read' }, ...acts])
      const { model, counted } = open(bedrock, { fallbackIds: [otherId] })
      let text = ''
      const reading = (async () => {
        for await (const event of model.stream(hello, new AbortController().signal)) {
          if (event.type === 'text') text += event.text
          if (text === 'Half of it') bedrock.open('read')
        }
      })()
      await expect(reading).rejects.toMatchObject({ code: 'cut_broken' })
      expect(text).toBe('Half of it')
      expect(bedrock.requests).toHaveLength(1)
      expect(counted.retried).toEqual([])
      expect(counted.calls).toMatchObject([{ outcome: 'cut_broken', usage: { output: expect.any(Number) } }])
    },
  )

  test('text that came in one piece with the damage is shown before it is said to be broken', async () => {
    bedrock.script([start, ...say('Half of it'), { exception: 'throttlingException' }])
    expect(await open(bedrock).ask()).toMatchObject({ text: 'Half of it', code: 'cut_broken' })
  })

  test('after messageStop nothing can break an answer any more: only its counts are estimated', async () => {
    bedrock.script([start, ...say('Whole'), ...stop(), { cut: 'fin' }], [start, ...say('Whole'), ...stop(), garbage])
    const { ask } = open(bedrock)
    for (let call = 0; call < 2; call++)
      expect(await ask()).toMatchObject({ text: 'Whole', end: { stop: 'end', usage: { estimated: true } } })
  })
})

describe('silence', () => {
  beforeEach(() => {
    // Immediates stay real, and so does the network.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  async function until(holds: () => boolean, step = 0): Promise<void> {
    while (!holds()) {
      await new Promise((resolve) => setImmediate(resolve))
      vi.advanceTimersByTime(step)
    }
  }

  /** Lets time pass until it is over. */
  async function outlast<T>(promise: Promise<T>): Promise<T> {
    let over = false
    promise.finally(() => {
      over = true
    })
    await until(() => over, 100)
    return promise
  }

  test.each<[string, Act[]]>([
    ['before the headers', [{ hang: true }]],
    ['after the headers', [{ headers: true }, { hang: true }]],
    ['after the first event', [start, { hang: true }]],
    ['in the middle of a frame', [start, { partial: 50 }, { hang: true }]],
  ])('%s ends after the time for a first token, and is not waited for twice', async (_when, acts) => {
    bedrock.script(acts)
    const told = open(bedrock, { firstTokenMs: 1_000 }).ask()
    await until(() => bedrock.requests.length === 1)
    expect(await outlast(told)).toMatchObject({ code: 'model_slow', text: '' })
    expect(bedrock.requests).toHaveLength(1)
    expect(await bedrock.requests[0]!.over).toBe('dropped')
  })

  test('in mid-stream ends the answer as broken', async () => {
    bedrock.script([start, ...say('Half'), { hang: true }])
    const { ask } = open(bedrock, { firstTokenMs: 1e9, idleMs: 1_000 })
    expect(await outlast(ask())).toMatchObject({ code: 'cut_broken', text: 'Half' })
    expect(await bedrock.requests[0]!.over).toBe('dropped')
  })

  test('while it thinks is measured as in mid-stream, and another model may be asked', async () => {
    bedrock.scriptFor(mainId, [start, reason('hm'), { hang: true }])
    bedrock.scriptFor(otherId, whole('Done thinking'))
    const { ask } = open(bedrock, { firstTokenMs: 1e9, idleMs: 1_000, tailMs: 1e9, fallbackIds: [otherId] })
    const told = ask()
    await until(() => bedrock.requests.length === 2, 100)
    expect((await told).end).toMatchObject({ model: otherId })
  })

  test('is counted anew from each piece of text', async () => {
    bedrock.script([start, ...say('a'), { gate: 'b' }, ...say('b'), { gate: 'c' }, ...say('c'), { gate: 'never' }])
    const { model } = open(bedrock, { firstTokenMs: 1_000, idleMs: 1_000 })
    const events = model.stream(hello, new AbortController().signal)[Symbol.asyncIterator]()
    for (const text of ['a', 'b', 'c']) {
      bedrock.open(text)
      expect((await events.next()).value).toEqual({ type: 'text', text })
      vi.advanceTimersByTime(900)
    }
    const last = events.next()
    vi.advanceTimersByTime(100)
    await expect(last).rejects.toMatchObject({ code: 'cut_broken' })
  })
})

describe('waits between tries', () => {
  test('grow, and are longer for a throttled model than for a fault', async () => {
    bedrock.script(refuse(503), refuse(503), refuse(503))
    const faulty = open(bedrock)
    await faulty.ask()
    expect(faulty.waits).toEqual([100, 200])
    bedrock.script(refuse(429), refuse(429), refuse(429))
    const throttled = open(bedrock)
    await throttled.ask()
    expect(throttled.waits).toEqual([500, 1000])
  })

  test('have chance in them down to nothing, so that many callers do not come back together', async () => {
    bedrock.script(refuse(503), refuse(503), refuse(503))
    const { ask, waits } = open(bedrock, { random: () => 0 })
    await ask()
    expect(waits).toEqual([0, 0])
  })

  test('are at least what the service asks for, in seconds or until a date', async () => {
    bedrock.script(refuse(429, undefined, undefined, { 'retry-after': '3' }), whole('ok'))
    const { ask, waits } = open(bedrock)
    expect((await ask()).text).toBe('ok')
    expect(waits).toEqual([3_500])
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-01-01T00:00:00Z') })
    bedrock.script(refuse(503, undefined, undefined, { 'retry-after': 'Thu, 01 Jan 2026 00:00:05 GMT' }), whole('ok'))
    await ask().finally(() => vi.useRealTimers())
    expect(waits[1]).toBe(5_100)
  })

  test('are not waited for when too long: another model is asked, or the person is told', async () => {
    const later = refuse(429, undefined, undefined, { 'retry-after': '3600' })
    bedrock.scriptFor(mainId, later, later)
    const alone = open(bedrock)
    expect(await alone.ask()).toMatchObject({ code: 'model_busy' })
    expect(alone.waits).toEqual([])
    const { ask, waits } = open(bedrock, { fallbackIds: [otherId] })
    expect((await ask()).end).toMatchObject({ model: otherId })
    expect(waits).toEqual([])
  })
})

describe('other models', () => {
  const third = 'us.amazon.nova-pro-v1:0'

  test('are asked in order when one stays unable, and are named in what comes of it', async () => {
    bedrock.scriptFor(mainId, refuse(429), refuse(429), refuse(429))
    bedrock.scriptFor(otherId, refuse(424), refuse(424))
    const { ask, counted, lines } = open(bedrock, { fallbackIds: [otherId, third] })
    expect((await ask()).end).toMatchObject({ model: third })
    expect(bedrock.requests.map(({ modelId }) => modelId)).toEqual([mainId, mainId, mainId, otherId, otherId, third])
    expect(counted.fellBack).toEqual([
      [mainId, otherId],
      [otherId, third],
    ])
    expect(counted.calls).toMatchObject([{ model: third, outcome: 'end' }])
    expect(lines.at(-1)).toMatchObject({ model: third, retries: 3 })
  })

  test.each([
    ['retired', refuse(404)],
    ['not offered on demand', refuse(400, undefined, 'on-demand throughput isn’t supported')],
    ['not allowed', refuse(403)],
  ])('are asked when the first is %s, and the operator is told', async (_what, acts) => {
    bedrock.scriptFor(mainId, acts)
    const { ask, lines } = open(bedrock, { fallbackIds: [otherId] })
    expect((await ask()).end).toMatchObject({ model: otherId })
    expect(lines[0]).toMatchObject({ level: 'error', model: mainId, hint: expect.any(String) })
  })

  test.each([
    ['the request was refused', refuse(400, undefined, 'bad'), 'model_rejected'],
    ['the credentials are no good', refuse(403, 'ExpiredTokenException'), 'model_access'],
    ['the prompt is too long', refuse(400, undefined, 'Input is too long for requested model.'), 'context_overflow'],
  ])('are not asked when %s', async (_what, acts, code) => {
    bedrock.scriptFor(mainId, acts)
    expect(await open(bedrock, { fallbackIds: [otherId] }).ask()).toMatchObject({ code })
    expect(bedrock.requests).toHaveLength(1)
  })

  test('that are too small do not hide that the first was only busy', async () => {
    bedrock.scriptFor(mainId, refuse(429), refuse(429), refuse(429))
    bedrock.scriptFor(otherId, refuse(400, undefined, 'Input is too long for requested model.'))
    expect(await open(bedrock, { fallbackIds: [otherId] }).ask()).toMatchObject({ code: 'model_busy' })
  })

  test('get no cache points, no sampling they refuse and no more tokens than they write', async () => {
    bedrock.scriptFor(third, refuse(424), refuse(424))
    const { ask } = open(bedrock, {
      modelId: third,
      fallbackIds: ['global.anthropic.claude-opus-5', 'meta.llama3-8b-instruct-v1:0'],
      sampling: { temperature: 0.5 },
      maxTokens: 9_000,
    })
    bedrock.scriptFor('global.anthropic.claude-opus-5', refuse(424), refuse(424))
    const long = 'A long question about many things. '.repeat(300)
    expect((await ask({ messages: [{ role: 'user', text: long }] })).end).toMatchObject({ stop: 'end' })
    const [first, , second, , last] = bedrock.requests
    expect(bedrock.requests.map(({ violation }) => violation)).toEqual([null, null, null, null, null])
    expect(JSON.stringify(first!.body)).toContain('cachePoint')
    expect(first!.body.inferenceConfig).toEqual({ maxTokens: 9_000, temperature: 0.5 })
    expect(JSON.stringify(second!.body)).not.toContain('cachePoint')
    expect(second!.body.inferenceConfig).toEqual({ maxTokens: 9_000 })
    expect(last!.body.inferenceConfig).toEqual({ maxTokens: 2_048, temperature: 0.5 })
  })

  test('one throttled model slows nobody who asks another', async () => {
    bedrock.scriptFor(mainId, ...Array.from({ length: 60 }, () => refuse(429)))
    const busy = open(bedrock)
    for (let call = 0; call < 20; call++) expect((await busy.ask()).code).toBe('model_busy')
    expect(bedrock.requests).toHaveLength(60)
    expect((await busy.ask()).end).toMatchObject({ model: mainId })
  })
})

test('an endpoint where nobody listens is told as unavailable', async () => {
  const gone = await startBedrock()
  await gone.close()
  const { ask, waits } = open(gone)
  expect(await ask()).toMatchObject({ code: 'model_unavailable' })
  expect(waits).toHaveLength(2)
})

test('missing credentials are told as missing access, with what to do, and are not tried again', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', undefined)
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined)
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nonexistent/credentials')
  vi.stubEnv('AWS_CONFIG_FILE', '/nonexistent/config')
  const { ask, lines } = open(bedrock)
  const told = await ask().finally(() => vi.unstubAllEnvs())
  expect(told).toMatchObject({ code: 'model_access' })
  expect(lines[0]).toMatchObject({ level: 'error', hint: expect.stringContaining('credentials') })
  expect(bedrock.requests).toHaveLength(0)
})

test('a missing region is told as a mistake in the settings, with what to do', async () => {
  vi.stubEnv('AWS_REGION', undefined)
  vi.stubEnv('AWS_DEFAULT_REGION', undefined)
  vi.stubEnv('AWS_CONFIG_FILE', '/nonexistent/config')
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nonexistent/credentials')
  const { ask, lines } = open(bedrock, { region: '' })
  const told = await ask().finally(() => vi.unstubAllEnvs())
  expect(told).toMatchObject({ code: 'model_config' })
  expect(lines[0]).toMatchObject({ level: 'error', hint: 'set AWS_REGION to the region of Bedrock' })
})

test('an endpoint without an address is told as unavailable, with what to check', async () => {
  const { ask, lines } = open({ url: 'http://bedrock.invalid' })
  expect(await ask()).toMatchObject({ code: 'model_unavailable' })
  expect(lines.at(-2)).toMatchObject({ level: 'error', hint: expect.stringContaining('AWS_REGION') })
})
