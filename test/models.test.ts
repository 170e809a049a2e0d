import { expect, test } from 'vitest'
import { costOf, traitsOf } from '../src/models.ts'

test('a model is known by its id, with any region, version and ARN around it', () => {
  const ids = [
    'anthropic.claude-haiku-4-5-20251001-v1:0',
    'us.anthropic.claude-haiku-4-5-20251001-v1:0',
    'global.anthropic.claude-haiku-4-5-20251001-v1:0',
    'arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0',
    'arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0',
  ]
  for (const id of ids) expect(traitsOf(id), id).toMatchObject({ family: 'anthropic.claude-haiku-4-5', output: 64_000 })
  expect(traitsOf('openai.gpt-oss-120b-1:0').family).toBe('openai.gpt-oss')
  expect(traitsOf('us.amazon.nova-2-lite-v1:0').family).toBe('amazon.nova-2-lite')
  expect(traitsOf('us.deepseek.r1-v1:0').family).toBe('deepseek.r1')
  expect(traitsOf('us.meta.llama3-3-70b-instruct-v1:0').family).toBe('meta.llama3-3')
  expect(traitsOf('cohere.command-r-plus-v1:0').family).toBe('cohere.command-r')
  expect(traitsOf('anthropic.claude-opus-4-20250514-v1:0').family).toBe('anthropic.claude-opus-4')
  expect(traitsOf('global.anthropic.claude-opus-4-6-v1').family).toBe('anthropic.claude-opus-4-6')
  expect(traitsOf('anthropic.claude-3-5-sonnet-20241022-v2:0').family).toBe('anthropic.claude-3-5-sonnet')
})

test('a version that is not in the table gets no neighbour’s price or sampling', () => {
  const next = traitsOf('global.anthropic.claude-opus-4-9')
  expect(next).toMatchObject({ family: 'anthropic.claude', sampling: false })
  expect(next.price).toBeUndefined()
  expect(traitsOf('global.anthropic.claude-sonnet-5-7-v1:0').family).toBe('anthropic.claude')
})

test('newer Claude models take no sampling, others do', () => {
  for (const id of ['claude-opus-4-7', 'claude-opus-4-8', 'claude-sonnet-5', 'claude-sonnet-5-5', 'claude-opus-5'])
    expect(traitsOf(`global.anthropic.${id}`).sampling, id).toBe(false)
  for (const id of ['claude-sonnet-4-6', 'claude-haiku-4-5-20251001-v1:0'])
    expect(traitsOf(`us.anthropic.${id}`).sampling, id).toBe(true)
})

test('an unknown model gets defaults that no model refuses', () => {
  expect(traitsOf('acme.thinker-v9')).toEqual({
    family: 'unknown',
    context: 32_000,
    output: 4096,
    maxTokens: 2048,
    sampling: false,
    cache: null,
    guardrail: true,
  })
})

test('the configuration names the family of an ARN that hides it, and single facts go over the table', () => {
  const arn = 'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4e5f6'
  expect(traitsOf(arn).family).toBe('unknown')
  expect(traitsOf(arn, { family: 'claude-sonnet-4-6' })).toMatchObject({ context: 1_000_000, output: 64_000 })
  expect(traitsOf(arn, { family: 'anthropic.claude-sonnet-4-6' }).family).toBe('anthropic.claude-sonnet-4-6')
  expect(
    traitsOf(arn, { family: 'claude-sonnet-4-6', context: 200_000, caching: false, sampling: false }),
  ).toMatchObject({ context: 200_000, cache: null, sampling: false })
  expect(traitsOf(arn, { caching: true, price: { input: 1, output: 2 } })).toMatchObject({
    cache: { minTokens: 1024 },
    price: { input: 1, output: 2 },
  })
})

test('what we ask for by default is never more than the model can write', () => {
  expect(traitsOf('meta.llama3-8b-instruct-v1:0').maxTokens).toBe(2048)
  expect(traitsOf('anthropic.claude-opus-5').maxTokens).toBe(4096)
  expect(traitsOf('anthropic.claude-opus-5', { output: 1000 }).maxTokens).toBe(1000)
})

test('the cost of a call counts cached tokens at their own price, and a geography’s profile a tenth more', () => {
  const usage = { input: 1_000_000, output: 100_000, cacheRead: 2_000_000, cacheWrite: 400_000 }
  const global = traitsOf('global.anthropic.claude-sonnet-4-6').price!
  expect(costOf(usage, global)).toBeCloseTo(3 + 1.5 + 0.6 + 1.5, 9)
  expect(costOf(usage, traitsOf('us.anthropic.claude-sonnet-4-6').price!)).toBeCloseTo(6.6 * 1.1, 9)
  expect(costOf(usage, { input: 1, output: 1 })).toBeCloseTo(3.5, 9)
})
