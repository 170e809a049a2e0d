/**
 * What Bedrock refuses, with the words it uses: the rules for Converse requests as they are known from real refusals.
 * Strict on purpose: where models differ, the strictest counts. Knows nothing of the code under test.
 */

type Block = Record<string, unknown>

export interface ConverseBody {
  messages?: { role?: string; content?: Block[] }[]
  system?: Block[]
  inferenceConfig?: { maxTokens?: number; temperature?: number; topP?: number; stopSequences?: string[] }
  toolConfig?: { tools?: Block[] }
  guardrailConfig?: Record<string, unknown>
  requestMetadata?: Record<string, unknown>
  [field: string]: unknown
}

const fields = new Set([
  'messages',
  'system',
  'inferenceConfig',
  'toolConfig',
  'guardrailConfig',
  'additionalModelRequestFields',
  'additionalModelResponseFieldPaths',
  'promptVariables',
  'requestMetadata',
  'performanceConfig',
  'serviceTier',
  'outputConfig',
])

interface Known {
  id: RegExp
  /** Only offered through an inference profile. */
  profileOnly?: boolean
  sampling: boolean
  caching: boolean
  output: number
  context: number
}

const known: Known[] = [
  {
    id: /claude-(opus-4-[78]|opus-5|sonnet-5|fable)/,
    profileOnly: true,
    sampling: false,
    caching: true,
    output: 128_000,
    context: 1_000_000,
  },
  {
    id: /claude-(sonnet-4|opus-4|haiku-4)/,
    profileOnly: true,
    sampling: true,
    caching: true,
    output: 32_000,
    context: 200_000,
  },
  { id: /claude-3/, sampling: true, caching: false, output: 4_096, context: 200_000 },
  { id: /nova-(2-lite|pro|lite|micro)/, sampling: true, caching: true, output: 10_000, context: 128_000 },
  { id: /llama3-8b/, sampling: true, caching: false, output: 2_048, context: 8_000 },
  {
    id: /gpt-oss|qwen|deepseek|kimi|mistral|llama|glm/,
    sampling: true,
    caching: false,
    output: 8_192,
    context: 128_000,
  },
  { id: /application-inference-profile/, sampling: true, caching: true, output: 32_000, context: 200_000 },
]

/** The message of the 400 that Bedrock would answer, or `null` for a request it takes. */
export function violationOf(modelId: string, body: ConverseBody): string | null {
  const model = known.find(({ id }) => id.test(modelId))
  if (!model) return 'The provided model identifier is invalid.'
  if (model.profileOnly && /^anthropic\./.test(modelId))
    return `Invocation of model ID ${modelId} with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains this model.`
  return (
    unknownField(body) ??
    illFormed(body) ??
    badInference(model, body) ??
    badRoles(body) ??
    badBlocks(body) ??
    badTools(body) ??
    badDocuments(body) ??
    badCachePoints(model, body) ??
    badExtras(body) ??
    (sizeOf(body) / 3 > model.context ? 'Input is too long for requested model.' : null)
  )
}

function unknownField(body: ConverseBody): string | null {
  const strange = Object.keys(body).find((field) => !fields.has(field))
  return strange
    ? `Malformed input request: #: extraneous key [${strange}] is not permitted, please reformat your input and try again.`
    : null
}

/** No half characters and no control characters anywhere in the text. */
function illFormed(body: ConverseBody): string | null {
  const strings: string[] = []
  JSON.stringify(body, (_key, value) => {
    if (typeof value === 'string') strings.push(value)
    return value
  })
  const bad = strings.some((text) => !text.isWellFormed() || /[^\P{Cc}\t\n\r]/u.test(text))
  return bad ? 'Malformed input request: the request body is not valid text' : null
}

function badInference(model: Known, { inferenceConfig: config }: ConverseBody): string | null {
  if (config?.maxTokens === undefined) return 'test rule: always send maxTokens, quota is reserved by it'
  if (!Number.isInteger(config.maxTokens) || config.maxTokens < 1)
    return "Value at 'inferenceConfig.maxTokens' failed to satisfy constraint: Member must have value greater than or equal to 1"
  if (config.maxTokens > model.output)
    return `The maximum tokens you requested exceeds the model limit of ${model.output}. Try again with a maximum tokens value that is lower than ${model.output}.`
  if (!model.sampling && config.temperature !== undefined) return '`temperature` is deprecated for this model.'
  if (!model.sampling && config.topP !== undefined) return '`top_p` is deprecated for this model.'
  return null
}

function badRoles({ messages }: ConverseBody): string | null {
  if (!messages?.length)
    return 'A conversation must start with a user message. Try again with a conversation that starts with a user message.'
  for (const [index, { role, content }] of messages.entries()) {
    if (role !== 'user' && role !== 'assistant') return `Value at 'messages.${index}.role' failed to satisfy constraint`
    if (index > 0 && messages[index - 1]!.role === role)
      return 'A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again.'
    if (!content?.length)
      return `The content field in the Message object at messages.${index} is empty. Add a ContentBlock object to the content field and try again.`
  }
  if (messages[0]!.role !== 'user')
    return 'A conversation must start with a user message. Try again with a conversation that starts with a user message.'
  if (messages.at(-1)!.role !== 'user')
    return 'This model does not support assistant message prefill. The conversation must end with a user message.'
  return null
}

const isBlank = (text: unknown) => typeof text !== 'string' || text.trim() === ''

function badBlocks({ messages, system }: ConverseBody): string | null {
  for (const [index, block] of (system ?? []).entries())
    if ('text' in block && isBlank(block.text))
      return `The text field in the SystemContentBlock object at system.${index} is blank. Add text to the text field, and try again.`
  for (const [index, { role, content }] of messages!.entries())
    for (const [place, block] of content!.entries()) {
      const at = `messages.${index}.content.${place}`
      if (Object.keys(block).length !== 1) return `The ContentBlock object at ${at} must set one of its keys.`
      const guarded = (block.guardContent as { text?: { text?: unknown } } | undefined)?.text?.text
      if (('text' in block && isBlank(block.text)) || ('guardContent' in block && isBlank(guarded)))
        return `The text field in the ContentBlock object at ${at} is blank. Add text to the text field, and try again.`
      if ('reasoningContent' in block && role === 'user')
        return `The reasoningContent block at ${at} is only allowed in assistant messages.`
    }
  return null
}

interface ToolUse {
  toolUseId: string
  name: string
}
interface ToolResult {
  toolUseId: string
  status?: string
  content?: unknown[]
}

function badTools({ messages, toolConfig }: ConverseBody): string | null {
  const usesOf = (index: number) =>
    (messages![index]?.content ?? []).flatMap((block) => (block.toolUse as ToolUse) ?? [])
  for (const [index, { content }] of messages!.entries()) {
    const uses = usesOf(index)
    const results = content!.flatMap((block) => (block.toolResult as ToolResult) ?? [])
    if ((uses.length > 0 || results.length > 0) && !toolConfig)
      return 'The toolConfig field must be defined when using toolUse and toolResult content blocks.'
    const badName = uses.find(({ name, toolUseId }) => !/^[\w-]{1,64}$/.test(name) || !/^[\w-]{1,64}$/.test(toolUseId))
    if (badName)
      return `Value at 'messages.${index}.member.content.toolUse.name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+`
    const before = index > 0 ? usesOf(index - 1) : []
    if (results.length > before.length)
      return `The number of toolResult blocks at messages.${index}.content exceeds the number of toolUse blocks of previous turn.`
    const unanswered = before.filter(({ toolUseId }) => !results.some((result) => result.toolUseId === toolUseId))
    if (unanswered.length > 0)
      return `Expected toolResult blocks at messages.${index}.content for the following Ids: ${unanswered.map(({ toolUseId }) => toolUseId).join(', ')}`
    const empty = results.findIndex(({ status, content: parts }) => status === 'error' && !parts?.length)
    if (empty >= 0)
      return `The content field at messages.${index}.content.${empty}.toolResult cannot be empty when status value is error.`
  }
  return null
}

function badDocuments({ messages }: ConverseBody): string | null {
  const names = new Set<string>()
  for (const { content } of messages!) {
    const documents = content!.flatMap((block) => (block.document as { name: string }) ?? [])
    if (documents.length > 0 && !content!.some((block) => 'text' in block || 'guardContent' in block))
      return 'A text block is required in a message that has a document.'
    for (const { name } of documents) {
      if (!/^(?! )(?!.* {2})[A-Za-z0-9 \-()[\]_]{1,200}$/.test(name))
        return 'The document file name can only contain alphanumeric characters, whitespace characters, hyphens, parentheses, and square brackets. The name can’t contain more than one consecutive whitespace character.'
      if (names.has(name))
        return 'Messages can’t contain duplicate document names. Rename the document and retry your request.'
      names.add(name)
    }
  }
  return names.size > 5 ? 'too many documents' : null
}

function badCachePoints(model: Known, { system = [], messages = [], toolConfig }: ConverseBody): string | null {
  const lists = [toolConfig?.tools ?? [], system, ...messages.map(({ content }) => content ?? [])]
  const points = lists.flat().filter((block) => 'cachePoint' in block).length
  if (points > 0 && !model.caching)
    return 'You invoked an unsupported model or your request did not allow prompt caching.'
  if (points > 4) return `A maximum of 4 blocks with cache_control may be provided. Found ${points}.`
  for (const list of lists)
    for (const [index, block] of list.entries()) {
      if (!('cachePoint' in block)) continue
      if (index === 0) return 'There is nothing available to cache.'
      if ('reasoningContent' in list[index - 1]!) return 'Cache point cannot be inserted after reasoning block.'
    }
  return null
}

function badExtras({ guardrailConfig, requestMetadata }: ConverseBody): string | null {
  if (guardrailConfig && !/^(\d{1,8}|DRAFT)$/.test(String(guardrailConfig.guardrailVersion)))
    return 'The guardrail identifier or version provided in the request does not exist.'
  const pairs = Object.entries(requestMetadata ?? {}).flat()
  if (pairs.length > 32 || pairs.some((text) => !/^[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}$/.test(String(text))))
    return "Value at 'requestMetadata' failed to satisfy constraint"
  return null
}

function sizeOf({ system = [], messages = [] }: ConverseBody): number {
  return JSON.stringify([system, messages]).length
}
