import { afterEach, expect, test, vi } from 'vitest'
import { createMetrics } from '../src/metrics.ts'

afterEach(() => vi.useRealTimers())

/** The value of one sample, as a scraper reads it. */
function sample(text: string, name: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`${name} `))
  return line === undefined ? undefined : Number(line.slice(name.length + 1))
}

test('counts turns by surface and outcome, with the times to accept, to first text and to done', async () => {
  const metrics = createMetrics()
  metrics.accepted('web', 'accepted', 4)
  metrics.accepted('web', 'duplicate', 2)
  metrics.firstText('web', 800)
  metrics.done('web', 'end', 4_000)
  metrics.done('slack', 'refused', 10)
  metrics.running(3)
  const text = await metrics.text()
  expect(sample(text, 'chat_messages_total{surface="web",status="accepted"}')).toBe(1)
  expect(sample(text, 'chat_accept_seconds_bucket{le="0.0025",surface="web"}')).toBe(1)
  expect(sample(text, 'chat_accept_seconds_sum{surface="web"}')).toBeCloseTo(0.006)
  expect(sample(text, 'chat_first_text_seconds_bucket{le="0.75",surface="web"}')).toBe(0)
  expect(sample(text, 'chat_first_text_seconds_bucket{le="1",surface="web"}')).toBe(1)
  expect(sample(text, 'chat_turns_total{surface="web",outcome="end"}')).toBe(1)
  expect(sample(text, 'chat_turns_total{surface="slack",outcome="refused"}')).toBe(1)
  expect(sample(text, 'chat_turn_seconds_sum{surface="web",outcome="end"}')).toBe(4)
  expect(sample(text, 'chat_turns_running')).toBe(3)
})

test('counts model calls with latency, tokens, retries and fallbacks', async () => {
  const metrics = createMetrics()
  const usage = { input: 10, output: 20, cacheRead: 300, cacheWrite: 0 }
  metrics.modelCall({ model: 'm', purpose: 'answer', outcome: 'end', ms: 2_000, firstMs: 300, usage })
  metrics.modelCall({ model: 'm', purpose: 'answer', outcome: 'model_busy', ms: 100 })
  metrics.modelRetried('m', 'model_busy')
  metrics.modelFellBack('m', 'n')
  const text = await metrics.text()
  expect(sample(text, 'chat_model_calls_total{model="m",purpose="answer",outcome="end"}')).toBe(1)
  expect(sample(text, 'chat_model_calls_total{model="m",purpose="answer",outcome="model_busy"}')).toBe(1)
  expect(sample(text, 'chat_model_call_seconds_count{model="m",purpose="answer"}')).toBe(2)
  expect(sample(text, 'chat_model_first_text_seconds_count{model="m",purpose="answer"}')).toBe(1)
  expect(sample(text, 'chat_model_tokens_total{model="m",purpose="answer",kind="input"}')).toBe(10)
  expect(sample(text, 'chat_model_tokens_total{model="m",purpose="answer",kind="output"}')).toBe(20)
  expect(sample(text, 'chat_model_tokens_total{model="m",purpose="answer",kind="cache_read"}')).toBe(300)
  expect(sample(text, 'chat_model_retries_total{model="m",reason="model_busy"}')).toBe(1)
  expect(sample(text, 'chat_model_fallbacks_total{from="m",to="n"}')).toBe(1)
})

test('counts leases lost and store errors, and measures the queue when asked', async () => {
  const metrics = createMetrics()
  const before = await metrics.text()
  expect(sample(before, 'chat_leases_lost_total')).toBe(0)
  expect(sample(before, 'chat_queue_depth')).toBe(0)
  let depth = 7
  metrics.queueDepth(async () => depth)
  metrics.leaseLost()
  metrics.storeError('redis')
  const text = await metrics.text()
  expect(sample(text, 'chat_leases_lost_total')).toBe(1)
  expect(sample(text, 'chat_store_errors_total{engine="redis"}')).toBe(1)
  expect(sample(text, 'chat_queue_depth')).toBe(7)
  depth = 8
  expect(sample(await metrics.text(), 'chat_queue_depth')).toBe(8)
})

test('a store that fails or hangs does not take the other metrics with it', async () => {
  const metrics = createMetrics()
  metrics.queueDepth(() => Promise.reject(new Error('gone')))
  expect(sample(await metrics.text(), 'chat_queue_depth')).toBeNaN()
  vi.useFakeTimers()
  metrics.queueDepth(() => new Promise(() => {}))
  const text = metrics.text()
  await vi.advanceTimersByTimeAsync(2_000)
  expect(sample(await text, 'chat_queue_depth')).toBeNaN()
  expect(sample(await text, 'chat_leases_lost_total')).toBe(0)
})

test('the lag of the event loop is how late it is, without the time between two looks', async () => {
  const metrics = createMetrics()
  const least = async () => sample(await metrics.text(), 'nodejs_eventloop_lag_min_seconds') ?? Number.NaN
  // With that time it could never be below it.
  await vi.waitUntil(async () => (await least()) < 0.045, { timeout: 10_000, interval: 200 })
  expect(await metrics.text()).toContain('nodejs_eventloop_lag_p99_seconds')
})

test('every instance counts for itself, and its process is measured too', async () => {
  const [one, other] = [createMetrics(), createMetrics()]
  one.leaseLost()
  expect(sample(await other.text(), 'chat_leases_lost_total')).toBe(0)
  expect(sample(await other.text(), 'process_resident_memory_bytes')).toBeGreaterThan(0)
  expect(one.contentType).toMatch(/^text\/plain; version=0\.0\.4/)
})
