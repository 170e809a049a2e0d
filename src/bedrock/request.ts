import type {
  ContentBlock,
  ConverseStreamCommandInput,
  Message,
  SystemContentBlock,
} from '@aws-sdk/client-bedrock-runtime'
import { estimateTokens } from '../history.ts'
import type { ModelTraits } from '../models.ts'
import type { Prompt, PromptMessage } from '../types.ts'

export interface RequestOptions {
  modelId: string
  traits: ModelTraits
  maxTokens?: number | undefined
  sampling?: { temperature?: number | undefined; topP?: number | undefined } | undefined
  guardrail?: { id: string; version: string } | undefined
  /** False after a change of model: what another model cached is of no use to this one. */
  caching: boolean
}

const cachePoint = { cachePoint: { type: 'default' } } as const

/** A prompt as Converse wants it, with only those fields that the model takes. */
export function toRequest(prompt: Prompt, options: RequestOptions): ConverseStreamCommandInput {
  const { modelId, traits, guardrail } = options
  const system = systemOf(prompt, options)
  const metadata = metadataOf(prompt.metadata)
  return {
    modelId,
    ...(system.length > 0 && { system }),
    messages: messagesOf(prompt, options),
    inferenceConfig: inferenceOf(prompt, options),
    ...(guardrail &&
      traits.guardrail && {
        guardrailConfig: {
          guardrailIdentifier: guardrail.id,
          guardrailVersion: guardrail.version,
          // Its trace repeats what it held back; `async` would show it first.
          trace: 'disabled',
          streamProcessingMode: 'sync',
        },
      }),
    ...(metadata && { requestMetadata: metadata }),
  }
}

/**
 * The most tokens are always named: quota is reserved by them, and the default is the model's maximum. Sampling only
 * where it was configured and the model takes it.
 */
function inferenceOf(prompt: Prompt, { traits, maxTokens, sampling }: RequestOptions) {
  const asked = prompt.maxTokens ?? maxTokens ?? traits.maxTokens
  const { temperature, topP } = (traits.sampling && sampling) || {}
  return {
    maxTokens: Math.max(1, Math.min(asked, traits.output)),
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { topP }),
  }
}

/** The part that is the same for everyone comes first, up to the cache point; the person and the day after it. */
function systemOf({ system, context }: Prompt, { traits, caching }: RequestOptions): SystemContentBlock[] {
  const blocks: SystemContentBlock[] = []
  if (system.trim() !== '') {
    blocks.push({ text: system })
    const { cache } = traits
    if (caching && cache?.at.includes('system') && mayBe(estimateTokens(system), cache.minTokens))
      blocks.push(cachePoint)
  }
  if (context?.trim()) blocks.push({ text: context })
  return blocks
}

/**
 * Two moving cache points: at the end of the last question, which the next turn reads, and of the one before, which the
 * turn before wrote. The guardrail looks at the newest question only, or one blocked message would block all that follow.
 */
function messagesOf(prompt: Prompt, options: RequestOptions): Message[] {
  const { guardrail, traits, caching } = options
  const last = prompt.messages.length - 1
  const marked = caching && traits.cache?.at.includes('messages') ? markedOf(prompt, traits.cache.minTokens) : []
  return prompt.messages.map(({ role, text }, index) => {
    const guarded = guardrail && traits.guardrail && index === last && role === 'user'
    const block: ContentBlock = guarded ? { guardContent: { text: { text } } } : { text }
    return { role, content: marked.includes(index) ? [block, cachePoint] : [block] }
  })
}

function markedOf({ purpose, system, context = '', messages }: Prompt, minTokens: number): number[] {
  // A title or a summary is asked once: writing it into the cache would only cost.
  if (purpose !== 'answer') return []
  const last = messages.length - 1
  return [last - 2, last].filter(
    (index) => index >= 0 && mayBe(estimateTokens(system + context) + sizeOf(messages, index), minTokens),
  )
}

function sizeOf(messages: PromptMessage[], upTo: number): number {
  let tokens = 0
  for (let index = 0; index <= upTo; index++) tokens += estimateTokens(messages[index]!.text)
  return tokens
}

/** A cache point on a prompt too short for it is ignored, so the estimate may err by a third. */
function mayBe(estimated: number, minTokens: number): boolean {
  return estimated * 1.33 >= minTokens
}

/** Keys and values of at most 256 of these characters, at most 16 pairs; whatever else is left out. */
function metadataOf(metadata: Prompt['metadata']): Record<string, string> | undefined {
  const allowed = /^[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}$/
  const pairs = Object.entries(metadata ?? {}).filter(([key, value]) => allowed.test(key) && allowed.test(value))
  return pairs.length > 0 ? Object.fromEntries(pairs.slice(0, 16)) : undefined
}
