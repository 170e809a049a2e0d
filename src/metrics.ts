import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Metrics, Usage } from './types.ts'

export interface PrometheusMetrics extends Metrics {
  readonly contentType: string
  /** All of it, in Prometheus' text format. */
  text(): Promise<string>
  /** Ask this for the queue's depth whenever somebody reads the metrics. */
  queueDepth(depth: () => Promise<number>): void
}

// Seconds. Storing a message takes milliseconds; a model takes tenths of a second to its first word and minutes at worst.
const storeBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
const firstTextBuckets = [0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 30, 60, 120]
const answerBuckets = [0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600]

/** Longer than any store that is well takes; a scrape gives up after ten seconds by default. */
const depthTimeoutMs = 2_000

/** How often the event loop is looked at. At the default of 10 ms that alone takes 6 ms of CPU a second (measured), at 50 one. */
const lagResolutionMs = 50

/** What is counted on this instance. Each call has a registry of its own. */
export function createMetrics(): PrometheusMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: lagResolutionMs })
  for (const name of lags) withoutInterval(registry, `nodejs_eventloop_lag_${name}_seconds`)
  const depth = depthGauge(registry)
  return {
    ...turnMetrics(registry),
    ...modelMetrics(registry),
    ...storeMetrics(registry),
    contentType: registry.contentType,
    text: () => registry.metrics(),
    queueDepth: depth,
  }
}

const lags = ['min', 'max', 'mean', 'p50', 'p90', 'p99']

/** Node counts the time between two looks; what is told is how late they were: nothing, where nothing is in the way. */
function withoutInterval(registry: Registry, name: string): void {
  const gauge = registry.getSingleMetric(name)
  if (!(gauge instanceof Gauge)) return
  const set = gauge.set.bind(gauge) as (labels: object, seconds: number) => void
  const late = (labels: object, seconds: number) => set(labels, Math.max(0, seconds - lagResolutionMs / 1000))
  Object.assign(gauge, { set: late })
}

function instruments(registry: Registry) {
  const registers = [registry]
  return {
    counter: <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) =>
      new Counter({ name, help, labelNames, registers }),
    histogram: <L extends string>(name: string, help: string, labelNames: readonly L[], buckets: number[]) =>
      new Histogram({ name, help, labelNames, buckets, registers }),
  }
}

type Part<K extends keyof Metrics> = Pick<Metrics, K>

function turnMetrics(registry: Registry): Part<'accepted' | 'firstText' | 'done' | 'running'> {
  const { counter, histogram } = instruments(registry)
  const messages = counter('chat_messages_total', 'Messages that came in, by what became of them', [
    'surface',
    'status',
  ])
  const accept = histogram(
    'chat_accept_seconds',
    'From a message’s arrival until it is stored',
    ['surface'],
    storeBuckets,
  )
  const first = histogram(
    'chat_first_text_seconds',
    'From a stored message to the first text of its answer',
    ['surface'],
    firstTextBuckets,
  )
  const turns = counter('chat_turns_total', 'Turns that are over, by how they ended', ['surface', 'outcome'])
  const whole = histogram(
    'chat_turn_seconds',
    'From a stored message to the end of its turn',
    ['surface', 'outcome'],
    answerBuckets,
  )
  const running = new Gauge({
    name: 'chat_turns_running',
    help: 'Turns that run on this instance now',
    registers: [registry],
  })
  return {
    accepted(surface, status, ms) {
      messages.inc({ surface, status })
      accept.observe({ surface }, ms / 1000)
    },
    firstText: (surface, ms) => first.observe({ surface }, ms / 1000),
    done(surface, outcome, ms) {
      turns.inc({ surface, outcome })
      whole.observe({ surface, outcome }, ms / 1000)
    },
    running: (count) => running.set(count),
  }
}

const tokenKinds = { input: 'input', output: 'output', cacheRead: 'cache_read', cacheWrite: 'cache_write' } as const

function modelMetrics(registry: Registry): Part<'modelCall' | 'modelRetried' | 'modelFellBack'> {
  const { counter, histogram } = instruments(registry)
  const about = ['model', 'purpose'] as const
  const calls = counter('chat_model_calls_total', 'Model calls, by how they ended', [...about, 'outcome'])
  const whole = histogram('chat_model_call_seconds', 'How long a model call took', about, answerBuckets)
  const first = histogram(
    'chat_model_first_text_seconds',
    'From a model call to its first text',
    about,
    firstTextBuckets,
  )
  const tokens = counter('chat_model_tokens_total', 'Tokens of model calls (input excludes the cache)', [
    ...about,
    'kind',
  ])
  const retries = counter('chat_model_retries_total', 'Model calls tried again', ['model', 'reason'])
  const fallbacks = counter('chat_model_fallbacks_total', 'Model calls that went on to another model', ['from', 'to'])

  const countTokens = (model: string, purpose: string, usage: Usage): void => {
    for (const [field, kind] of Object.entries(tokenKinds))
      tokens.inc({ model, purpose, kind }, usage[field as keyof typeof tokenKinds])
  }
  return {
    modelCall({ model, purpose, outcome, ms, firstMs, usage }) {
      calls.inc({ model, purpose, outcome })
      whole.observe({ model, purpose }, ms / 1000)
      if (firstMs !== undefined) first.observe({ model, purpose }, firstMs / 1000)
      if (usage) countTokens(model, purpose, usage)
    },
    modelRetried: (model, reason) => retries.inc({ model, reason }),
    modelFellBack: (from, to) => fallbacks.inc({ from, to }),
  }
}

function storeMetrics(registry: Registry): Part<'leaseLost' | 'storeError'> {
  const { counter } = instruments(registry)
  const lost = counter('chat_leases_lost_total', 'Turns that another instance took over from this one')
  const errors = counter('chat_store_errors_total', 'Store calls that failed', ['engine'])
  // A rate is only seen of what was there before it rose.
  for (const engine of ['sqlite', 'redis']) errors.inc({ engine }, 0)
  return {
    leaseLost: () => lost.inc(),
    storeError: (engine) => errors.inc({ engine }),
  }
}

function depthGauge(registry: Registry): (depth: () => Promise<number>) => void {
  let ask: (() => Promise<number>) | undefined
  new Gauge({
    name: 'chat_queue_depth',
    help: 'Conversations with a message that waits or is being answered, on all instances; NaN while the store is gone',
    registers: [registry],
    async collect() {
      // A store that is gone must not take the other metrics with it: now is when they are looked at.
      this.set(ask ? await within(depthTimeoutMs, ask()).catch(() => Number.NaN) : 0)
    },
  })
  return (depth) => {
    ask = depth
  }
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error('took too long')), ms)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
