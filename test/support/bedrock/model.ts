import { type BedrockOptions, createBedrock } from '../../../src/bedrock.ts'
import { Fault } from '../../../src/errors.ts'
import type { Log, Metrics, Model, ModelEvent, Prompt } from '../../../src/types.ts'
import type { StandIn } from '../bedrock.ts'

export const mainId = 'global.anthropic.claude-sonnet-4-6'
export const otherId = 'us.anthropic.claude-haiku-4-5-20251001-v1:0'
export const titleId = 'us.amazon.nova-lite-v1:0'

export interface LogLine {
  level: 'debug' | 'info' | 'warn' | 'error'
  text: string
  [field: string]: unknown
}

/** A model under test against the stand-in, with everything it logged, counted and waited for. */
export interface Bench {
  model: Model
  lines: LogLine[]
  counted: { retried: [string, string][]; fellBack: [string, string][]; calls: Parameters<Metrics['modelCall']>[0][] }
  /** The waits between tries; none takes any time. */
  waits: number[]
  ask(prompt?: Partial<Prompt>, signal?: AbortSignal): Promise<Told>
}

export interface Told {
  texts: string[]
  text: string
  end?: Extract<ModelEvent, { type: 'end' }>
  thrown?: unknown
  /** Of the fault that was thrown. */
  code?: string
}

export const hello: Prompt = { purpose: 'answer', system: '', messages: [{ role: 'user', text: 'Hello' }] }

/** Credentials as the SDK's own chain finds them. */
export function fakeCredentials(): void {
  process.env.AWS_ACCESS_KEY_ID = 'AKIDEXAMPLE'
  process.env.AWS_SECRET_ACCESS_KEY = 'secret'
  process.env.AWS_REGION = 'us-east-1'
  delete process.env.AWS_BEARER_TOKEN_BEDROCK
}

export function openModel(standIn: Pick<StandIn, 'url'>, options: Partial<BedrockOptions> = {}): Bench {
  const lines: LogLine[] = []
  const counted: Bench['counted'] = { retried: [], fellBack: [], calls: [] }
  const waits: number[] = []
  const model = createBedrock({
    region: 'us-east-1',
    endpoint: standIn.url,
    modelId: mainId,
    fallbackIds: [],
    titleModelId: titleId,
    firstTokenMs: 10_000,
    idleMs: 10_000,
    log: recordingLog(lines),
    metrics: {
      modelRetried: (model: string, why: string) => counted.retried.push([model, why]),
      modelFellBack: (from: string, to: string) => counted.fellBack.push([from, to]),
      modelCall: (call: Bench['counted']['calls'][number]) => counted.calls.push(call),
    } as unknown as Metrics,
    sleep: async (ms) => void waits.push(ms),
    random: () => 0.5,
    ...options,
  })
  return {
    model,
    lines,
    counted,
    waits,
    ask: (prompt, signal = new AbortController().signal) => listen(model.stream({ ...hello, ...prompt }, signal)),
  }
}

export async function listen(events: AsyncIterable<ModelEvent>): Promise<Told> {
  const told: Told = { texts: [], text: '' }
  try {
    for await (const event of events)
      if (event.type === 'text') {
        told.texts.push(event.text)
        told.text += event.text
      } else told.end = event
  } catch (thrown) {
    told.thrown = thrown
    if (thrown instanceof Fault) told.code = thrown.code
  }
  return told
}

export function recordingLog(lines: LogLine[]): Log {
  const at = (level: LogLine['level']) => (fields: object, text: string) => void lines.push({ ...fields, level, text })
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => log }
  return log
}
