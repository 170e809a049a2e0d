import { setTimeout as wait } from 'node:timers/promises'
import { Fault } from './errors.ts'
import { estimateUsage, firstWords } from './history.ts'
import type { Log, Model, ModelEvent, Prompt } from './types.ts'

/**
 * Answers without any language model, so that a fresh clone can be tried: it says so in every answer, shows what the
 * surfaces can render, and really uses the conversation, so that memory can be seen to work.
 */

export interface DemoOptions {
  log: Log
  /** Milliseconds from word to word. */
  pace?: number
}

export function createDemo({ log, pace = 25 }: DemoOptions): Model {
  async function* stream(prompt: Prompt, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    const startedAt = performance.now()
    const { purpose, turn } = prompt
    let told = ''
    let outcome = 'stopped'
    try {
      const words = textFor(prompt).match(/\s*\S+\s*/g) ?? []
      const most = prompt.maxTokens ?? limits.output
      for (const word of words.slice(0, most)) {
        if (pace > 0) await wait(pace, undefined, { signal }).catch(() => {})
        signal.throwIfAborted()
        told += word
        yield { type: 'text', text: word }
      }
      outcome = words.length > most ? 'length' : 'end'
      yield {
        type: 'end',
        stop: words.length > most ? 'length' : 'end',
        model: 'demo',
        usage: estimateUsage(prompt, told),
      }
    } finally {
      const ms = Math.round(performance.now() - startedAt)
      log.info({ turn, model: 'demo', purpose, outcome, retries: 0, ms }, 'model call')
    }
  }

  return { name: 'demo', kind: 'demo', limits, stream, async close() {} }
}

/** In place of a model that is not set up. `reason` is for the log, people are told to ask an administrator. */
export function createMissing(reason: string): Model {
  const next = () => Promise.reject(new Fault('model_missing', { detail: reason }))
  return {
    name: 'none',
    kind: 'none',
    limits,
    stream: () => ({ [Symbol.asyncIterator]: () => ({ next }) }),
    async close() {},
  }
}

const limits = { context: 32_000, output: 2_000 }

// --- what it says --------------------------------------------------------------------------------------------------

function textFor({ purpose, messages }: Prompt): string {
  const asked = messages.filter(({ role }) => role === 'user').map(({ text }) => text)
  const last = asked.at(-1) ?? ''
  // Both prompts frame the conversation with tags, see `titlePrompt` and `summaryPrompt`.
  if (purpose === 'title') return firstWords(/<question>\n([\s\S]*?)\n<\/question>/.exec(last)?.[1] ?? last)
  if (purpose === 'summary') return summaryOf(last)
  return `${label}\n\n${answerTo(last, asked.slice(0, -1))}`
}

const label = '**This is the built-in demo model.** No language model is connected, so these words are prepared.'

function answerTo(question: string, earlier: readonly string[]): string {
  const memory = memoryOf([...earlier, question], earlier)
  if (/\b(bedrock|aws|credentials?|connect|set ?up|configure)\b/i.test(question)) return `${connecting}\n\n${memory}`
  if (/\b(remember|my name|who am i|did i (say|ask|write|tell)|know about me|earlier)\b/i.test(question)) return memory
  if (/\b(show|demo|render|format|markdown|table|list|code|headings?|links?|what can you|help)\b/i.test(question))
    return `${showcase}\n\n${memory}`
  if (earlier.length === 0) return `You wrote: “${quoted(question)}”.\n\n${showcase}\n\n${connecting}`
  return `You wrote: “${quoted(question)}”. A connected model would answer that.\n\n${memory}\n\nAsk me to *show what you can render*, or *how to connect Bedrock*.`
}

function memoryOf(all: readonly string[], earlier: readonly string[]): string {
  const name = nameIn(all)
  const greeting = name ? `I remember that your name is **${name}**. ` : ''
  if (earlier.length === 0) return `${greeting}This is your first message here; I will remember it while we talk.`
  const shown = earlier.slice(-5)
  const count = earlier.length === 1 ? 'one message' : `${earlier.length} messages`
  const which = shown.length < earlier.length ? `the last ${shown.length} of them` : 'here'
  const list = shown.map((text, index) => `${index + 1}. “${quoted(text)}”`).join('\n')
  return `${greeting}Before this one you wrote ${count}, ${which}:\n\n${list}`
}

/** A name someone gave, the newest counts. Without "name is" it must begin with a capital: "I am tired" names nobody. */
function nameIn(texts: readonly string[]): string | undefined {
  const said =
    /\b(?:[Mm]y name is|[Mm]ein Name ist|[Cc]all me|[Ii]ch hei(?:ß|ss)e)\s+([\p{L}][\p{L}'’-]*(?: \p{Lu}[\p{L}'’-]*)?)|\b(?:I am|I['’]m|[Ii]ch bin)\s+(\p{Lu}[\p{L}'’-]*)/gu
  const names = texts.flatMap((text) => [...text.matchAll(said)].map(([, named, capital]) => named ?? capital))
  return names.at(-1)?.slice(0, 60)
}

/** Someone's words in one line, without mark-up of their own. */
function quoted(text: string): string {
  return firstWords(text.replace(/[*_`#<>[\]|~\\]/g, ' ')) || '…'
}

function summaryOf(transcript: string): string {
  const before = /<summary_so_far>\n([\s\S]*?)\n<\/summary_so_far>/.exec(transcript)?.[1]
  const conversation = /<conversation>\n([\s\S]*?)\n<\/conversation>/.exec(transcript)?.[1] ?? transcript
  const points = conversation
    .split('\n\n')
    .filter((line) => !line.startsWith('Assistant: '))
    .map((line) => `- ${quoted(line)}`)
  const lines = [...(before ? before.split('\n') : []), ...points]
  return lines.slice(-30).join('\n') || '- nothing was said'
}

const connecting = `### Connect AWS Bedrock

1. Set \`AWS_REGION\` and credentials in \`.env\` or the environment: \`AWS_BEARER_TOKEN_BEDROCK\` (a Bedrock API key), \`AWS_PROFILE\`, or \`AWS_ACCESS_KEY_ID\` and \`AWS_SECRET_ACCESS_KEY\`. A role of the machine or container works without any.
2. Allow \`bedrock:InvokeModelWithResponseStream\` on the model and its inference profile.
3. Choose a model with \`BEDROCK_MODEL_ID\`, if you want another than the default.
4. Start the service again: the start-up lines say which model answers.`

const showcase = `### What I can show

- Lists, **bold**, *italic* and \`code\` in a line
- [Links](https://docs.aws.amazon.com/bedrock/), and quotes:

> Tell me your name, then ask me what I remember.

| You write | You get |
| --- | --- |
| "show me a table" | this page |
| "my name is …" | an answer that knows it |
| "how do I connect Bedrock?" | the steps |

\`\`\`ts
for await (const event of model.stream(prompt, signal)) {
  if (event.type === 'text') process.stdout.write(event.text)
}
\`\`\``
