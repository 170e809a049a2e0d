import { setTimeout as wait } from 'node:timers/promises'
import { type Attempt, type Ending, startAttempt, type WireUsage } from './bedrock/attempt.ts'
import { createClient } from './bedrock/client.ts'
import { detailOf, judge, NoAnswerError, type Verdict } from './bedrock/faults.ts'
import { toRequest } from './bedrock/request.ts'
import { asFault, Fault } from './errors.ts'
import { estimateUsage } from './history.ts'
import { costOf, type ModelFacts, type ModelTraits, traitsOf } from './models.ts'
import type { Log, Metrics, Model, ModelEvent, Prompt, Usage } from './types.ts'

export { type CredentialHints, type CredentialSource, findCredentials } from './bedrock/credentials.ts'

export interface BedrockOptions {
  /** By default what the SDK finds in the environment or the shared configuration file. */
  region?: string
  endpoint?: string
  modelId: string
  /** Tried in this order when a model fails before its first text. */
  fallbackIds: readonly string[]
  /** Answers `title` and `summary`; the main model where it cannot. */
  titleModelId: string
  /** A numbered version, so that a draft being edited never reaches people. */
  guardrail?: { id: string; version: string }
  sampling?: { temperature?: number; topP?: number }
  /** The most tokens of one answer where the prompt does not say; by default the table's. */
  maxTokens?: number
  /** Over the table of models, by id as configured. */
  overrides?: Readonly<Record<string, ModelFacts>>
  firstTokenMs: number
  idleMs: number
  log: Log
  metrics: Metrics
  /** How long to wait for what comes after the end of a turn; 2 seconds by default. */
  tailMs?: number
  /** For tests: how retries wait, and the chance in it. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>
  random?: () => number
}

/** Whatever of one model call its log line and its metrics tell. Never text. */
interface Call {
  model: string
  traits: ModelTraits
  startedAt: number
  firstMs?: number
  retries: number
  text: string
  usage?: Usage
  outcome: string
}

/** A wait between tries is never longer; asked to wait longer than `maxRetryAfterMs`, another model is tried instead. */
const maxBackoffMs = 8_000
const maxRetryAfterMs = 10_000

const stops: Record<string, Extract<ModelEvent, { type: 'end' }>['stop']> = {
  end_turn: 'end',
  stop_sequence: 'end',
  max_tokens: 'length',
  model_context_window_exceeded: 'context',
  guardrail_intervened: 'guardrail',
  content_filtered: 'filtered',
}
/** The model tried to say something that came out broken; what there is of it is not a whole answer. */
const malformed = new Set(['malformed_model_output', 'malformed_tool_use', 'tool_use'])

/**
 * Models on AWS Bedrock. Retries and fallbacks are ours and come before the first text only; a turn is whole only when
 * the model said so (`messageStop`), everything else ends in a `Fault`.
 */
export function createBedrock(options: BedrockOptions): Model {
  const { log, metrics, overrides = {}, random = Math.random } = options
  const sleep = options.sleep ?? ((ms: number, signal: AbortSignal) => wait(ms, undefined, { signal }))
  const client = createClient(options)
  const known = new Map<string, ModelTraits>()
  const traits = (id: string): ModelTraits => {
    const found = known.get(id) ?? traitsOf(id, overrides[id])
    known.set(id, found)
    return found
  }
  const main = traits(options.modelId)

  async function* stream(prompt: Prompt, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    const call: Call = {
      model: options.modelId,
      traits: main,
      startedAt: performance.now(),
      retries: 0,
      text: '',
      outcome: 'stopped',
    }
    let attempt: Attempt | undefined
    try {
      const opened = await open(prompt, signal, call)
      attempt = opened.attempt
      let part = opened.first
      while (typeof part === 'string') {
        call.firstMs ??= performance.now() - call.startedAt
        call.text += part
        yield { type: 'text', text: part }
        part = await attempt.read().catch((thrown) => broken(thrown, prompt, signal, call))
      }
      yield finish(part, prompt, call)
    } catch (thrown) {
      if (!signal.aborted) call.outcome = asFault(thrown).code
      throw thrown
    } finally {
      attempt?.close()
      report(prompt, call)
    }
  }

  /** The first text (or the end) of the first model that comes so far. */
  async function open(
    prompt: Prompt,
    signal: AbortSignal,
    call: Call,
  ): Promise<{ attempt: Attempt; first: string | Ending }> {
    const faults: Fault[] = []
    const ids = chainOf(prompt)
    for (const [index, id] of ids.entries()) {
      if (index > 0) metrics.modelFellBack(call.model, id)
      call.model = id
      call.traits = traits(id)
      for (let tries = 1; ; tries++) {
        signal.throwIfAborted()
        const attempt = begin(prompt, signal, id, index === 0)
        try {
          return { attempt, first: await firstOf(attempt) }
        } catch (thrown) {
          attempt.close()
          signal.throwIfAborted()
          const verdict = judge(thrown)
          const again = tries < verdict.tries && (verdict.retryAfterMs ?? 0) <= maxRetryAfterMs
          note(thrown, verdict, prompt, call, again)
          if (!again) {
            faults.push(new Fault(verdict.code, { cause: thrown }))
            // A smaller model that is too small says nothing of the one that was asked first.
            if (verdict.next || (index > 0 && verdict.code === 'context_overflow')) break
            throw worst(faults)
          }
          call.retries++
          metrics.modelRetried(id, verdict.code)
          await sleep(pauseMs(verdict, tries), signal)
        }
      }
    }
    throw worst(faults)
  }

  function begin(prompt: Prompt, signal: AbortSignal, modelId: string, caching: boolean): Attempt {
    const { guardrail, sampling, maxTokens, firstTokenMs, idleMs, tailMs = 2_000 } = options
    const input = toRequest(prompt, { modelId, traits: traits(modelId), maxTokens, sampling, guardrail, caching })
    return startAttempt({ client, input, firstTokenMs, idleMs, tailMs, signal })
  }

  function chainOf(prompt: Prompt): string[] {
    const answering = [options.modelId, ...options.fallbackIds]
    return [...new Set(prompt.purpose === 'answer' ? answering : [options.titleModelId, ...answering.slice(0, 1)])]
  }

  /** Full jitter: callers that failed together do not come back together. */
  function pauseMs({ baseMs, retryAfterMs = 0 }: Verdict, tries: number): number {
    return retryAfterMs + random() * Math.min(maxBackoffMs, baseMs * 2 ** (tries - 1))
  }

  function note(thrown: unknown, verdict: Verdict, prompt: Prompt, call: Call, again: boolean): void {
    const { code, hint } = verdict
    const fields = { turn: prompt.turn, model: call.model, code, ...detailOf(thrown), ...(hint && { hint }) }
    const ours =
      code !== 'model_busy' && code !== 'model_slow' && code !== 'empty_answer' && code !== 'context_overflow'
    if (again) log.warn(fields, 'a model call failed, trying again')
    else if (ours) log.error(fields, hint ? `a model call failed: ${hint}` : 'a model call failed')
    else log.warn(fields, 'a model call failed')
  }

  /** After the first text there is no second try: the person has read it. */
  function broken(thrown: unknown, { turn }: Prompt, signal: AbortSignal, call: Call): never {
    signal.throwIfAborted()
    log.warn({ turn, model: call.model, ...detailOf(thrown) }, 'a stream broke off after its first text')
    throw new Fault('cut_broken', { cause: thrown })
  }

  function finish({ stop, usage }: Ending, prompt: Prompt, call: Call): ModelEvent {
    call.usage = usage ? usageOf(usage) : estimateUsage(prompt, call.text)
    if (malformed.has(stop)) throw new Fault('cut_broken', { detail: `the model ended with ${stop}` })
    if (!stops[stop]) log.warn({ turn: prompt.turn, model: call.model, stop }, 'a stop reason that is not known')
    call.outcome = stops[stop] ?? 'end'
    return { type: 'end', stop: stops[stop] ?? 'end', model: call.model, usage: call.usage }
  }

  function report(prompt: Prompt, call: Call): void {
    const { model, outcome, retries, firstMs } = call
    const { purpose, turn } = prompt
    const ms = performance.now() - call.startedAt
    // Cut short, the service sends no counts; what was read and written is billed all the same.
    const usage = call.usage ?? (call.text === '' ? undefined : estimateUsage(prompt, call.text))
    const dollars = usage && call.traits.price && costOf(usage, call.traits.price)
    const timing = { ms: Math.round(ms), ...(firstMs !== undefined && { firstMs: Math.round(firstMs) }) }
    log.info(
      { turn, model, purpose, outcome, retries, ...timing, usage, ...(dollars !== undefined && { dollars }) },
      'model call',
    )
    metrics.modelCall({
      model,
      purpose,
      outcome,
      ms,
      ...(firstMs !== undefined && { firstMs }),
      ...(usage && { usage }),
    })
  }

  return {
    name: options.modelId,
    kind: 'bedrock',
    limits: { context: main.context, output: Math.min(options.maxTokens ?? main.maxTokens, main.output) },
    stream,
    async close() {
      client.close()
    },
  }
}

/** The first text that is not blank, or how the turn ended without any. */
async function firstOf(attempt: Attempt): Promise<string | Ending> {
  let held = ''
  for (;;) {
    const part = await attempt.read()
    if (typeof part === 'string') {
      held += part
      if (held.trim() !== '') return held
      continue
    }
    const { stop } = part
    if (stop === 'guardrail_intervened' || stop === 'content_filtered') return part
    if (stop === 'model_context_window_exceeded') throw new Fault('context_overflow', { detail: stop })
    // Out of tokens before a word was said: asked the same, it would think as long again.
    throw new NoAnswerError(stop, stop !== 'max_tokens')
  }
}

/** Of several models' failures the one to tell: that trying again may help, if any says so, else the first. */
function worst(faults: readonly Fault[]): Fault {
  return faults.find(({ notice }) => notice.retry) ?? faults[0] ?? new Fault('model_unavailable')
}

/** Some models count cached tokens into `inputTokens`, most do not; the total tells which. */
function usageOf(wire: WireUsage): Usage {
  const { inputTokens = 0, outputTokens = 0, totalTokens, cacheReadInputTokens = 0, cacheWriteInputTokens = 0 } = wire
  const cached = cacheReadInputTokens + cacheWriteInputTokens
  const counted = cached > 0 && totalTokens === inputTokens + outputTokens && inputTokens >= cached
  return {
    input: counted ? inputTokens - cached : inputTokens,
    output: outputTokens,
    cacheRead: cacheReadInputTokens,
    cacheWrite: cacheWriteInputTokens,
  }
}
