import type { Usage } from './types.ts'

/**
 * What is known of the models on Bedrock, as data. Nothing here can be asked of AWS at run time, and an application
 * inference profile or an imported model does not even say its family: whatever is missing or wrong for an id can be
 * given in the configuration (`BEDROCK_MODELS`) under that id.
 */

/** US dollars per million tokens, standard tier, on demand. */
export interface Price {
  input: number
  output: number
  cacheRead?: number
  cacheWrite?: number
}

export interface ModelTraits {
  /** The row of the table; `unknown` where there is none. */
  family: string
  /** Tokens it reads in all, and the most it can be asked to write. */
  context: number
  output: number
  /** What we ask for where nobody said: quota is reserved by this number, so it is far below `output`. */
  maxTokens: number
  /** Takes `temperature` and `topP`. Newer Claude models answer 400 to either. */
  sampling: boolean
  /** Where cache points may stand, and the length of prompt below which they are ignored. */
  cache: { at: readonly ('system' | 'messages')[]; minTokens: number } | null
  guardrail: boolean
  /** Absent where no price is known: nothing is made up. */
  price?: Price
}

/** What an operator may say of a model id; the table fills in the rest. */
export interface ModelFacts {
  /** A row of the table, with or without the provider: `claude-sonnet-4-6`. */
  family?: string | undefined
  context?: number | undefined
  output?: number | undefined
  sampling?: boolean | undefined
  caching?: boolean | undefined
  price?: { input: number; output: number; cacheRead?: number | undefined; cacheWrite?: number | undefined } | undefined
}

interface Row {
  context: number
  output: number
  maxTokens?: number
  sampling?: boolean
  /** Minimum tokens for a cache point; absent: none. */
  cache?: number
  price?: Price
  /** Profiles bound to a geography (`us.`, `eu.`, ...; not `global.`) cost a tenth more. */
  regional?: boolean
}

const k = 1000
const million = 1000 * k

/** Claude: a cache write costs a quarter more than reading the tokens afresh, a cache read a tenth. */
const claude = (input: number, output: number): Price => ({
  input,
  output,
  cacheRead: input / 10,
  cacheWrite: input * 1.25,
})
/** Nova: cache writes cost what input costs, reads a quarter. */
const nova = (input: number, output: number): Price => ({ input, output, cacheRead: input / 4, cacheWrite: input })

/**
 * By the id without its region. Sizes, minimum cache lengths and prices follow the AWS documentation and the tables of
 * public gateways; where two sources differ, the more careful number stands (a smaller window, a longer minimum).
 */
const rows: Record<string, Row> = {
  'anthropic.claude-fable-5': { context: million, output: 128 * k, cache: 1024, price: claude(10, 50), regional: true },
  'anthropic.claude-opus-5-5': { context: million, output: 128 * k, cache: 1024 },
  'anthropic.claude-opus-5': { context: million, output: 128 * k, cache: 512, price: claude(5, 25), regional: true },
  'anthropic.claude-sonnet-5-5': {
    context: million,
    output: 128 * k,
    cache: 2048,
    price: claude(2, 10),
    regional: true,
  },
  'anthropic.claude-sonnet-5': { context: million, output: 128 * k, cache: 2048, price: claude(2, 10), regional: true },
  'anthropic.claude-opus-4-8': { context: million, output: 128 * k, cache: 1024, price: claude(5, 25), regional: true },
  'anthropic.claude-opus-4-7': { context: million, output: 128 * k, cache: 2048, price: claude(5, 25), regional: true },
  'anthropic.claude-opus-4-6': {
    context: million,
    output: 128 * k,
    sampling: true,
    cache: 4096,
    price: claude(5, 25),
    regional: true,
  },
  'anthropic.claude-opus-4-5': {
    context: 200 * k,
    output: 64 * k,
    sampling: true,
    cache: 4096,
    price: claude(5, 25),
    regional: true,
  },
  'anthropic.claude-opus-4-1': {
    context: 200 * k,
    output: 32 * k,
    sampling: true,
    cache: 1024,
    price: claude(15, 75),
  },
  'anthropic.claude-opus-4': { context: 200 * k, output: 32 * k, sampling: true, cache: 1024, price: claude(15, 75) },
  'anthropic.claude-sonnet-4-6': {
    context: million,
    output: 64 * k,
    sampling: true,
    cache: 2048,
    price: claude(3, 15),
    regional: true,
  },
  'anthropic.claude-sonnet-4-5': {
    context: 200 * k,
    output: 64 * k,
    sampling: true,
    cache: 1024,
    price: claude(3, 15),
    regional: true,
  },
  'anthropic.claude-sonnet-4': { context: 200 * k, output: 64 * k, sampling: true, cache: 1024, price: claude(3, 15) },
  'anthropic.claude-haiku-4-5': {
    context: 200 * k,
    output: 64 * k,
    sampling: true,
    cache: 4096,
    price: claude(1, 5),
    regional: true,
  },
  'anthropic.claude-3-7-sonnet': {
    context: 200 * k,
    output: 8192,
    sampling: true,
    cache: 1024,
    price: claude(3, 15),
  },
  'anthropic.claude-3-5-haiku': {
    context: 200 * k,
    output: 8192,
    sampling: true,
    cache: 2048,
    price: claude(0.8, 4),
  },
  'anthropic.claude-3-5-sonnet': { context: 200 * k, output: 8192, sampling: true },
  'anthropic.claude-3': { context: 200 * k, output: 4096, sampling: true },
  'anthropic.claude': { context: 200 * k, output: 32 * k, cache: 4096 },
  'amazon.nova-2-lite': {
    context: million,
    output: 64 * k,
    sampling: true,
    cache: 1536,
    price: nova(0.3, 2.5),
    regional: true,
  },
  'amazon.nova-premier': { context: million, output: 10 * k, sampling: true },
  'amazon.nova-pro': { context: 300 * k, output: 10 * k, sampling: true, cache: 1024, price: nova(0.8, 3.2) },
  'amazon.nova-lite': { context: 300 * k, output: 10 * k, sampling: true, cache: 1536, price: nova(0.06, 0.24) },
  'amazon.nova-micro': { context: 128 * k, output: 10 * k, sampling: true, cache: 1536, price: nova(0.035, 0.14) },
  'amazon.nova': { context: 128 * k, output: 5 * k, sampling: true },
  'openai.gpt-oss': { context: 128 * k, output: 16 * k, sampling: true },
  'openai.gpt': { context: 128 * k, output: 16 * k },
  'qwen.qwen3': { context: 128 * k, output: 16 * k, sampling: true },
  'deepseek.r1': { context: 128 * k, output: 32 * k, sampling: true },
  deepseek: { context: 128 * k, output: 8192, sampling: true },
  'moonshot.kimi': { context: 128 * k, output: 16 * k, sampling: true },
  'minimax.minimax': { context: 128 * k, output: 16 * k, sampling: true },
  'zai.glm': { context: 128 * k, output: 16 * k, sampling: true },
  'meta.llama4': { context: 128 * k, output: 8192, maxTokens: 2048, sampling: true },
  'meta.llama3-3': { context: 128 * k, output: 8192, maxTokens: 2048, sampling: true },
  'meta.llama3-2': { context: 128 * k, output: 8192, maxTokens: 2048, sampling: true },
  'meta.llama3-1': { context: 128 * k, output: 8192, maxTokens: 2048, sampling: true },
  'meta.llama': { context: 8 * k, output: 2048, maxTokens: 2048, sampling: true },
  'mistral.mistral-large': { context: 128 * k, output: 8192, sampling: true },
  'mistral.pixtral-large': { context: 128 * k, output: 8192, sampling: true },
  mistral: { context: 32 * k, output: 4096, sampling: true },
  'cohere.command-r': { context: 128 * k, output: 4000, maxTokens: 4000, sampling: true },
  'writer.palmyra': { context: 128 * k, output: 8192, sampling: true },
}

/** Nothing known: a window that all but the smallest models have, and no field that a model may refuse. */
const unknown: Row = { context: 32 * k, output: 4096, maxTokens: 2048 }
const defaultMaxTokens = 4096

const families = Object.keys(rows).sort((a, b) => b.length - a.length)
const regionPrefix = /^(global|us-gov|us|eu|apac|au|jp|ca|sa|me|af|il|uk|in|kr|mx)\./

/** A model's id without ARN and region, and the region: `us.amazon.nova-pro-v1:0` is `amazon.nova-pro-v1:0` of `us`. */
function plainId(modelId: string): { id: string; region?: string } {
  const id = modelId.startsWith('arn:') ? modelId.slice(modelId.lastIndexOf('/') + 1) : modelId
  const region = regionPrefix.exec(id)?.[1]
  return region ? { id: id.slice(region.length + 1), region } : { id }
}

/** The longest row that an id begins with. `-5` after a row is another version; `-20250514`, `-70b` and `-v1:0` are not. */
function familyOf(id: string): string | undefined {
  return families.find((family) => {
    if (!id.startsWith(family)) return false
    const general = /[a-z]$/.test(family) && !family.endsWith('-r')
    return general || !/^([-.]\d{1,2}(?![\da-z])|[a-z\d])/.test(id.slice(family.length))
  })
}

function named(family: string): string | undefined {
  return families.find((key) => key === family || key.slice(key.indexOf('.') + 1) === family) ?? familyOf(family)
}

/** All that is known of a model, by its id, inference profile or ARN as configured. */
export function traitsOf(modelId: string, facts: ModelFacts = {}): ModelTraits {
  const { id, region } = plainId(modelId)
  const family = (facts.family === undefined ? undefined : named(facts.family)) ?? familyOf(id)
  const row = (family && rows[family]) || unknown
  const output = facts.output ?? row.output
  const caching = facts.caching ?? row.cache !== undefined
  const price = facts.price ? asPrice(facts.price) : priceOf(row, region)
  return {
    family: family ?? 'unknown',
    context: facts.context ?? row.context,
    output,
    maxTokens: Math.min(row.maxTokens ?? defaultMaxTokens, output),
    sampling: facts.sampling ?? row.sampling ?? false,
    cache: caching ? { at: ['system', 'messages'], minTokens: row.cache ?? 1024 } : null,
    guardrail: true,
    ...(price && { price }),
  }
}

function asPrice({ input, output, cacheRead, cacheWrite }: NonNullable<ModelFacts['price']>): Price {
  return {
    input,
    output,
    ...(cacheRead !== undefined && { cacheRead }),
    ...(cacheWrite !== undefined && { cacheWrite }),
  }
}

function priceOf({ price, regional }: Row, region: string | undefined): Price | undefined {
  if (!price || !regional || !region || region === 'global') return price
  return Object.fromEntries(Object.entries(price).map(([kind, dollars]) => [kind, dollars * 1.1])) as unknown as Price
}

/** What a call cost in US dollars; cached tokens cost as input where the price does not say. */
export function costOf(usage: Usage, price: Price): number {
  const { input, output, cacheRead = input, cacheWrite = input } = price
  return (
    (usage.input * input + usage.output * output + usage.cacheRead * cacheRead + usage.cacheWrite * cacheWrite) /
    million
  )
}
