import { describe, expect, test } from 'vitest'
import { createDemo, createMissing } from '../src/demo.ts'
import { buildPrompt, summaryPrompt, titlePrompt } from '../src/history.ts'
import type { Message, Prompt } from '../src/types.ts'
import { type LogLine, listen, recordingLog, type Told } from './support/bedrock/model.ts'

const lines: LogLine[] = []
const demo = createDemo({ log: recordingLog(lines), pace: 0 })

function talk(...said: string[]): Promise<Told> {
  const messages = said.flatMap((text, index): Prompt['messages'] =>
    index === said.length - 1
      ? [{ role: 'user', text }]
      : [
          { role: 'user', text },
          { role: 'assistant', text: 'Yes.' },
        ],
  )
  return listen(demo.stream({ purpose: 'answer', system: '', messages }, new AbortController().signal))
}

describe('the demo model', () => {
  test('says in every answer what it is, and how to connect a real one', async () => {
    for (const said of [['Hi'], ['Hi', 'What is 2 + 2?'], ['Hi', 'show me a table'], ['Hi', 'what do you remember?']])
      expect((await talk(...said)).text).toMatch(/^\*\*This is the built-in demo model/)
    expect((await talk('How do I connect AWS Bedrock?')).text).toContain('BEDROCK_MODEL_ID')
    expect(demo).toMatchObject({ kind: 'demo', name: 'demo' })
  })

  test('streams word by word and ends with estimated tokens', async () => {
    const { texts, end } = await talk('Hello there')
    expect(texts.length).toBeGreaterThan(50)
    expect(end).toMatchObject({ stop: 'end', model: 'demo', usage: { estimated: true } })
  })

  test('shows what can be rendered at the first message and when asked', async () => {
    for (const { text } of [await talk('Hi'), await talk('Hi', 'Show me what you can render')]) {
      expect(text).toMatch(/^### /m)
      expect(text).toMatch(/^\| --- \| --- \|$/m)
      expect(text).toMatch(/^```ts$/m)
      expect(text).toMatch(/^- /m)
      expect(text).toMatch(/\]\(https:/)
    }
  })

  test('remembers what the person wrote and the name they gave', async () => {
    const { text } = await talk('My name is Ada Lovelace and I like engines', 'I am tired', 'What do you remember?')
    expect(text).toContain('your name is **Ada Lovelace**')
    expect(text).toContain('1. “My name is Ada Lovelace and I like engines”')
    expect(text).toContain('2. “I am tired”')
    expect((await talk('I’m Grace', 'Who am I?')).text).toContain('**Grace**')
    expect((await talk('I am tired', 'Who am I?')).text).not.toContain('your name is')
  })

  test('repeats words without the mark-up in them', async () => {
    expect((await talk('**bold** <script>x</script> [a](b)\n# head', 'and now?')).text).toContain(
      '“bold script x /script a (b) head”',
    )
  })

  test('ends with an error at once when stopped', async () => {
    const slow = createDemo({ log: recordingLog([]), pace: 60_000 })
    const stopper = new AbortController()
    const told = listen(
      slow.stream({ purpose: 'answer', system: '', messages: [{ role: 'user', text: 'Hi' }] }, stopper.signal),
    )
    stopper.abort()
    expect((await told).thrown).toMatchObject({ name: 'AbortError' })
  })

  test('keeps to the length it is given', async () => {
    const prompt: Prompt = { purpose: 'answer', system: '', messages: [{ role: 'user', text: 'Hi' }], maxTokens: 5 }
    const { texts, end } = await listen(demo.stream(prompt, new AbortController().signal))
    expect(texts).toHaveLength(5)
    expect(end).toMatchObject({ stop: 'length' })
  })

  test('makes titles and summaries out of what was said', async () => {
    const never = new AbortController().signal
    const title = await listen(demo.stream(titlePrompt('How do  I bake\nbread?', 'Slowly.'), never))
    expect(title.text).toBe('How do I bake bread?')
    const said: Message[] = ['I like tea', 'Noted.'].map((text, seq) => ({
      seq,
      turn: 't',
      role: seq === 0 ? 'user' : 'assistant',
      text,
      at: 0,
      surface: 'web',
    }))
    const summary = await listen(demo.stream(summaryPrompt(said, '- is called Ada'), never))
    expect(summary.text).toBe('- is called Ada\n- Person: I like tea')
  })

  test('takes whatever window the history makes', async () => {
    const { messages } = buildPrompt({ messages: [], question: { text: '\u200b' }, shared: true, limits: demo.limits })
    expect(
      (await listen(demo.stream({ purpose: 'answer', system: '', messages }, new AbortController().signal))).end,
    ).toBeDefined()
  })
})

test('a model that is not set up fails every call with plain words', async () => {
  const missing = createMissing('no credentials in production')
  const { thrown, code } = await listen(
    missing.stream(
      { purpose: 'answer', system: '', messages: [{ role: 'user', text: 'Hi' }] },
      new AbortController().signal,
    ),
  )
  expect(code).toBe('model_missing')
  expect(thrown).toMatchObject({ message: 'no credentials in production', notice: { retry: false } })
  expect(missing.kind).toBe('none')
})
