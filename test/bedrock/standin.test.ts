import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { BedrockRuntimeClient, ConverseStreamCommand } from '@aws-sdk/client-bedrock-runtime'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fakeCredentials, openModel } from '../support/bedrock/model.ts'
import { type ConverseBody, violationOf } from '../support/bedrock/rules.ts'
import { type StandIn, startBedrock } from '../support/bedrock.ts'

const model = 'us.anthropic.claude-sonnet-4-6'
const user = (...content: Record<string, unknown>[]) => ({ role: 'user', content })
const assistant = (...content: Record<string, unknown>[]) => ({ role: 'assistant', content })
const hi = user({ text: 'Hi' })
const yes = assistant({ text: 'Yes' })
const use = (id: string, name = 'look_up') => ({ toolUse: { toolUseId: id, name, input: {} } })
const result = (id: string, more: object = { content: [{ text: 'x' }] }) => ({ toolResult: { toolUseId: id, ...more } })
const tools = { toolConfig: { tools: [{ toolSpec: { name: 'look_up' } }] } }
const point = { cachePoint: { type: 'default' } }

const ask = (messages: unknown[], more: object = {}) =>
  ({ messages, inferenceConfig: { maxTokens: 100 }, ...more }) as ConverseBody

describe('the stand-in’s rules', () => {
  test.each<[string, ConverseBody]>([
    ['a question', ask([hi])],
    ['a conversation', ask([hi, yes, hi])],
    ['a tool and its result', ask([hi, assistant(use('t1'), use('t2')), user(result('t1'), result('t2'))], tools)],
    [
      'four cache points',
      ask([user({ text: 'a' }, point), yes, user({ text: 'b' }, point)], { system: [{ text: 's' }, point] }),
    ],
  ])('take %s', (_what, body) => {
    expect(violationOf(model, body)).toBeNull()
  })

  test.each<[string, ConverseBody, string]>([
    ['no message', ask([]), 'must start with a user message'],
    ['an answer first', ask([yes, hi]), 'must start with a user message'],
    ['an answer last', ask([hi, yes]), 'must end with a user message'],
    ['two questions in a row', ask([hi, hi]), 'must alternate between user and assistant'],
    ['another role', ask([{ role: 'system', content: [{ text: 'x' }] }]), 'messages.0.role'],
    ['no content', ask([user()]), 'content field in the Message object at messages.0 is empty'],
    ['blank text', ask([hi, assistant({ text: ' \n' }), hi]), 'messages.1.content.0 is blank'],
    ['blank guarded text', ask([user({ guardContent: { text: { text: '' } } })]), 'messages.0.content.0 is blank'],
    ['a blank system prompt', ask([hi], { system: [{ text: ' ' }] }), 'system.0 is blank'],
    ['half a character', ask([user({ text: 'a\ud800' })]), 'not valid text'],
    ['a field that is not known', ask([hi], { temperature: 1 }), 'extraneous key [temperature]'],
    ['no most tokens', { messages: [hi] }, 'always send maxTokens'],
    ['too many tokens', ask([hi], { inferenceConfig: { maxTokens: 99_999_999 } }), 'exceeds the model limit'],
    ['no tokens', ask([hi], { inferenceConfig: { maxTokens: 0 } }), 'greater than or equal to 1'],
    [
      'a result that is missing',
      ask([hi, assistant(use('t1')), hi], tools),
      'Expected toolResult blocks at messages.2.content for the following Ids: t1',
    ],
    ['a result without its use', ask([hi, yes, user(result('t1'))], tools), 'exceeds the number of toolUse blocks'],
    [
      'tools without their configuration',
      ask([hi, assistant(use('t1')), user(result('t1'))]),
      'toolConfig field must be defined',
    ],
    [
      'an empty error',
      ask([hi, assistant(use('t1')), user(result('t1', { status: 'error' }))], tools),
      'cannot be empty when status value is error',
    ],
    ['a bad tool name', ask([hi, assistant(use('t1', 'a.b')), user(result('t1'))], tools), 'toolUse.name'],
    [
      'a bad document name',
      ask([user({ text: 'x' }, { document: { name: 'a.pdf' } })]),
      'document file name can only contain',
    ],
    [
      'two documents of one name',
      ask([user({ text: 'x' }, { document: { name: 'a' } }, { document: { name: 'a' } })]),
      'duplicate document names',
    ],
    ['a document alone', ask([user({ document: { name: 'a' } })]), 'text block is required'],
    ['a cache point first', ask([user(point, { text: 'x' })]), 'nothing available to cache'],
    [
      'a cache point after reasoning',
      ask([hi, assistant({ text: 'x' }, { reasoningContent: {} }, point), hi]),
      'after reasoning block',
    ],
    ['five cache points', ask([user(...Array.from({ length: 5 }, () => [{ text: 'x' }, point]).flat())]), 'Found 5'],
    [
      'a guardrail without version',
      ask([hi], { guardrailConfig: { guardrailIdentifier: 'x' } }),
      'guardrail identifier or version',
    ],
    ['bad metadata', ask([hi], { requestMetadata: { a: 'ü' } }), 'requestMetadata'],
    ['too much', ask([user({ text: 'x'.repeat(700_000) })]), 'Input is too long for requested model.'],
  ])('refuse %s', (_what, body, words) => {
    expect(violationOf(model, body)).toContain(words)
  })

  test('know models apart', () => {
    const warm = ask([hi], { inferenceConfig: { maxTokens: 9, temperature: 1 } })
    expect(violationOf('global.anthropic.claude-sonnet-5-5', warm)).toContain('`temperature` is deprecated')
    expect(violationOf(model, warm)).toBeNull()
    expect(violationOf('anthropic.claude-opus-5', ask([hi]))).toContain('on-demand throughput')
    expect(violationOf('acme.thinker', ask([hi]))).toBe('The provided model identifier is invalid.')
    expect(violationOf('mistral.mistral-large-2407-v1:0', ask([user({ text: 'x' }, point)]))).toContain(
      'prompt caching',
    )
  })
})

describe('the stand-in', () => {
  let bedrock: StandIn
  beforeAll(async () => {
    fakeCredentials()
    bedrock = await startBedrock()
  })
  afterAll(() => bedrock.close())

  test('speaks what the SDK itself understands', async () => {
    const client = new BedrockRuntimeClient({ endpoint: bedrock.url, requestHandler: new NodeHttpHandler() })
    const command = { modelId: model, messages: [{ role: 'user' as const, content: [{ text: 'Hi' }] }] }
    const { stream } = await client.send(new ConverseStreamCommand({ ...command, inferenceConfig: { maxTokens: 500 } }))
    let text = ''
    const names: string[] = []
    for await (const event of stream!) {
      names.push(...Object.keys(event))
      text += event.contentBlockDelta?.delta?.text ?? ''
    }
    expect(text).toBe('You said: “Hi”. Earlier messages: 0.')
    expect(new Set(names)).toEqual(
      new Set(['messageStart', 'contentBlockDelta', 'contentBlockStop', 'messageStop', 'metadata']),
    )
    await expect(client.send(new ConverseStreamCommand(command))).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringContaining('maxTokens'),
    })
    client.destroy()
  })

  test('answers nobody without a signature', async () => {
    const url = `${bedrock.url}/model/${model}/converse-stream`
    expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(403)
  })

  test('is a program too, scripted from outside', async () => {
    const program = fileURLToPath(new URL('../support/bedrock.ts', import.meta.url))
    const child = spawn(process.execPath, [program, '--deltas', '30'], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
      const { url } = JSON.parse(line) as { url: string }
      const { ask: talk, model: opened } = openModel({ url })
      expect((await talk()).text).toMatch(/^You said: “Hello”\. Earlier messages: 0\..* word29$/)
      const script = { calls: [[{ refuse: 400, message: 'no' }]] }
      await fetch(`${url}/_script`, { method: 'POST', body: JSON.stringify(script) })
      expect((await talk()).code).toBe('model_rejected')
      const recorded = (await (await fetch(`${url}/_requests`)).json()) as { violation: unknown }[]
      expect(recorded.map(({ violation }) => violation)).toEqual([null, null])
      await opened.close()
    } finally {
      child.kill()
    }
  })
})
