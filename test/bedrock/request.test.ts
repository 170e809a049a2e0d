import { describe, expect, test } from 'vitest'
import { type RequestOptions, toRequest } from '../../src/bedrock/request.ts'
import { traitsOf } from '../../src/models.ts'
import type { Prompt } from '../../src/types.ts'

const sonnet = 'global.anthropic.claude-sonnet-4-6'
const newest = 'global.anthropic.claude-opus-5'
const long = 'A long text about many things. '.repeat(400)
const point = { cachePoint: { type: 'default' } }

function request(prompt: Partial<Prompt>, options: Partial<RequestOptions> = {}) {
  const modelId = options.modelId ?? sonnet
  return toRequest(
    { purpose: 'answer', system: '', messages: [{ role: 'user', text: 'Hi' }], ...prompt },
    { modelId, traits: traitsOf(modelId), caching: true, ...options },
  )
}

const talk: Prompt['messages'] = [
  { role: 'user', text: long },
  { role: 'assistant', text: 'Yes.' },
  { role: 'user', text: 'Two?' },
  { role: 'assistant', text: 'Yes.' },
  { role: 'user', text: 'Three?' },
]

describe('the least request', () => {
  test('has the model, the message and the most tokens, and nothing a model could refuse', () => {
    expect(request({})).toEqual({
      modelId: sonnet,
      messages: [{ role: 'user', content: [{ text: 'Hi' }] }],
      inferenceConfig: { maxTokens: 4096 },
    })
  })
})

describe('the most tokens', () => {
  test('are the prompt’s, else the configured, else the table’s, and never more than the model writes', () => {
    expect(request({}, { maxTokens: 1000 }).inferenceConfig).toEqual({ maxTokens: 1000 })
    expect(request({ maxTokens: 60 }, { maxTokens: 1000 }).inferenceConfig).toEqual({ maxTokens: 60 })
    expect(request({}, { maxTokens: 1_000_000 }).inferenceConfig).toEqual({ maxTokens: 64_000 })
  })
})

describe('sampling', () => {
  const sampling = { temperature: 0, topP: 0.9 }
  test('is sent where it was configured and the model takes it', () => {
    expect(request({}, { sampling }).inferenceConfig).toEqual({ maxTokens: 4096, temperature: 0, topP: 0.9 })
    expect(request({}, { sampling, modelId: newest }).inferenceConfig).toEqual({ maxTokens: 4096 })
    expect(request({}, { sampling: {} }).inferenceConfig).toEqual({ maxTokens: 4096 })
  })
})

describe('cache points', () => {
  test('stand after the part of the system prompt that is the same for all, and before the person’s', () => {
    expect(request({ system: long, context: 'You talk with Ada.' }).system).toEqual([
      { text: long },
      point,
      { text: 'You talk with Ada.' },
    ])
    expect(request({ context: 'You talk with Ada.' }).system).toEqual([{ text: 'You talk with Ada.' }])
  })

  test('stand after the last question and the one before it, never first, and never more than four', () => {
    const { system, messages } = request({ system: long, messages: talk })
    expect(messages!.map(({ content }) => content!.length)).toEqual([1, 1, 2, 1, 2])
    expect(messages![2]!.content).toEqual([{ text: 'Two?' }, point])
    expect(messages![4]!.content).toEqual([{ text: 'Three?' }, point])
    expect(JSON.stringify([system, messages]).split('cachePoint')).toHaveLength(4)
  })

  test('are left out where the prompt is too short for them, or the model has none, or they would be paid in vain', () => {
    for (const made of [
      request({ system: 'Be brief.', context: 'Today', messages: [{ role: 'user', text: 'Hi' }] }),
      request({ system: long, messages: talk }, { modelId: 'openai.gpt-oss-120b-1:0' }),
      request({ system: long, messages: talk }, { caching: false }),
      request({ purpose: 'summary', messages: talk }),
    ])
      expect(JSON.stringify(made)).not.toContain('cachePoint')
  })

  test('count the minimum of the model', () => {
    const text = 'x'.repeat(7_000)
    expect(JSON.stringify(request({ system: text }, { modelId: newest }))).toContain('cachePoint')
    expect(
      JSON.stringify(request({ system: text }, { modelId: 'us.anthropic.claude-haiku-4-5-20251001-v1:0' })),
    ).not.toContain('cachePoint')
  })
})

describe('a guardrail', () => {
  const guardrail = { id: 'gr-1', version: '7' }

  test('is pinned, silent and ahead of the text, and looks at the newest question only', () => {
    const { guardrailConfig, messages } = request({ messages: talk }, { guardrail })
    expect(guardrailConfig).toEqual({
      guardrailIdentifier: 'gr-1',
      guardrailVersion: '7',
      trace: 'disabled',
      streamProcessingMode: 'sync',
    })
    expect(messages!.at(-1)!.content).toEqual([{ guardContent: { text: { text: 'Three?' } } }, point])
    expect(JSON.stringify(messages!.slice(0, -1))).not.toContain('guardContent')
  })

  test('is on every call, titles and summaries too', () => {
    for (const purpose of ['title', 'summary'] as const)
      expect(request({ purpose }, { guardrail }).guardrailConfig).toBeDefined()
    expect(request({}).guardrailConfig).toBeUndefined()
  })
})

test('metadata is sent where the service takes it, the rest is left out', () => {
  const metadata = { user: 'a1_-=', conversation: 'ümlaut', empty: '', long: 'x'.repeat(257) }
  expect(request({ metadata }).requestMetadata).toEqual({ user: 'a1_-=' })
  expect(request({ metadata: { ...metadata, user: '…' } }).requestMetadata).toBeUndefined()
  const many = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`k${index}`, 'v']))
  expect(Object.keys(request({ metadata: many }).requestMetadata!)).toHaveLength(16)
})
