import { asFault, Fault, messageOf, notice } from './errors.ts'
import { buildPrompt, createEstimator, safeName, withQuotes } from './history.ts'
import { hashOf } from './ids.ts'
import type { Held, Limits } from './limits.ts'
import type { Cache, Claim } from './store.ts'
import type { Run } from './turns.ts'
import type {
  Answer,
  Conversation,
  Log,
  Message,
  Model,
  Prompt,
  Quote,
  StopReason,
  Surface,
  Usage,
  User,
} from './types.ts'

/** The newest part of a conversation that can matter for a prompt: older turns are in its summary. */
export const promptWindow = { messages: 40, bytes: 600_000 }

export interface Composed {
  answer: Answer
  /** Messages before this `seq` did not fit the model's window; 0 when all did. */
  dropped: number
}

export interface Question {
  claim: Claim
  user: User
  run: Run
  log: Log
  /** The question as the model shall read it. */
  text: string
  quotes?: Quote[]
  conversation: Conversation | undefined
  /** What was said before, oldest first. */
  history: Message[]
}

/** From a question to its answer: the window, the prompt, the response cache, the model and what can go wrong with it. */
export interface Composer {
  /** Text goes to `onText` as it comes. Every failure of the model ends in an answer with plain words, never in an error. */
  compose(question: Question, onText: (delta: string) => void): Promise<Composed>
}

export interface ComposerOptions {
  model: Model
  cache: Cache
  limits: Pick<Limits, 'enter'>
  /** The same for everybody; goes before the cache point. */
  systemPrompt: string
  maxTokens?: number
  /** How long an identical question of the same person is answered from the store; 0 is off. */
  cacheMs: number
}

export function createComposer(options: ComposerOptions): Composer {
  const { model, cache, cacheMs } = options
  const estimator = createEstimator()

  async function compose(question: Question, onText: (delta: string) => void): Promise<Composed> {
    const { claim, user, run, log } = question
    if (run.state !== 'running') return { answer: ended('', run), dropped: 0 }
    const { surface, workspace } = claim.incoming.place
    const asking = { turn: claim.turn, user, surface, workspace, first: claim.attempt === 1 }
    const output = options.maxTokens ?? model.limits.output
    let held: Held | undefined
    try {
      const composed = await asked(question, onText, async (input) => {
        held ??= await options.limits.enter({ ...asking, input, output })
      })
      return { ...composed, answer: await settled(composed.answer, held, log) }
    } catch (thrown) {
      // A limit, or the store that knows of it: said like every other reason for which there is no answer.
      if (thrown instanceof Fault) return { answer: failure(thrown), dropped: 0 }
      throw thrown
    }
  }

  /** What was used is written down; a word about what is left stands where no other does. */
  async function settled(answer: Answer, held: Held | undefined, log: Log): Promise<Answer> {
    try {
      const warning = await held?.settle(answer.usage, answer.model)
      return warning && !answer.notice ? { ...answer, notice: warning } : answer
    } catch (thrown) {
      log.warn({ reason: messageOf(thrown) }, 'what was used of a limit could not be stored; it is held for an hour')
      return answer
    }
  }

  /** `hold` is told the size of the prompt before the model is asked, and throws where that may not be. */
  async function asked(
    question: Question,
    onText: (delta: string) => void,
    hold: (tokens: number) => Promise<void>,
  ): Promise<Composed> {
    const { claim, user, run, log, conversation, history } = question
    const context = contextOf(user, claim.incoming.place.surface)
    let limits = model.limits
    for (let attempt = 0; ; attempt++) {
      const built = buildPrompt({
        system: options.systemPrompt,
        context,
        conversation,
        messages: history,
        question: { text: withQuotes(question.text, question.quotes), author: user.name },
        shared: isShared(claim, conversation, history, user),
        limits,
        ...(options.maxTokens && { maxTokens: options.maxTokens }),
        estimator,
      })
      const prompt = promptOf(built.messages, context, claim, user)
      await hold(built.estimatedTokens)
      const answer = await cachedOr(prompt, user, onText, () => ask(prompt, run, log, onText))
      if (answer.notice?.code === 'context_overflow' && attempt === 0) {
        // The estimate was too kind. Half the window is sure to be smaller, and a second refusal is final.
        log.warn({ estimated: built.estimatedTokens }, 'the prompt was too long for the model, trimmed and tried again')
        limits = { ...limits, context: Math.floor(limits.context / 2) }
        continue
      }
      if (answer.usage && !answer.usage.estimated && !answer.cached)
        estimator.correct(built.estimatedTokens, answer.usage)
      return { answer, dropped: built.dropped }
    }
  }

  function promptOf(messages: Prompt['messages'], context: string, claim: Claim, user: User): Prompt {
    return {
      purpose: 'answer',
      system: options.systemPrompt,
      context,
      messages,
      ...(options.maxTokens && { maxTokens: options.maxTokens }),
      metadata: { user: hashOf([user.id]).slice(0, 32), conversation: hashOf([claim.conversation]).slice(0, 32) },
      turn: claim.turn,
    }
  }

  /** One call of the model (with its own retries), and whatever it came to as an answer. */
  async function ask(prompt: Prompt, run: Run, log: Log, onText: (delta: string) => void): Promise<Answer> {
    let text = ''
    try {
      for await (const event of model.stream(prompt, run.signal)) {
        if (event.type === 'text') {
          text += event.text
          onText(event.text)
        } else {
          if (text.trim() === '' && event.stop === 'end')
            return { ...failure(new Fault('empty_answer')), usage: event.usage }
          return finished(text, event.stop, event.model, event.usage)
        }
      }
      throw new Fault(text === '' ? 'empty_answer' : 'cut_broken')
    } catch (thrown) {
      if (run.state !== 'running')
        return { ...ended(text, run), model: model.name, usage: estimator.usage(prompt, text) }
      const fault = asFault(thrown)
      if (fault.code === 'internal') log.error({ err: thrown }, 'the model failed in an unexpected way')
      if (text === '') return failure(fault)
      return {
        text,
        stop: 'broken',
        model: model.name,
        usage: estimator.usage(prompt, text),
        notice: notice('cut_broken'),
      }
    }
  }

  async function cachedOr(
    prompt: Prompt,
    user: User,
    onText: (delta: string) => void,
    make: () => Promise<Answer>,
  ): Promise<Answer> {
    if (cacheMs <= 0) return make()
    const key = hashOf([user.id, model.name, prompt.system, JSON.stringify(prompt.messages)])
    const hit = await cache.get(key).catch(() => null)
    if (hit) {
      const answer = JSON.parse(hit) as Answer
      onText(answer.text)
      return { ...answer, usage: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }, cached: true }
    }
    const answer = await make()
    if (answer.stop === 'end') await cache.set(key, JSON.stringify(answer), cacheMs).catch(() => {})
    return answer
  }

  return { compose }
}

/** Several people speak in it: where it is, or (in a copy of one's own) where it came from. */
function isShared(
  claim: Claim,
  conversation: Conversation | undefined,
  history: readonly Message[],
  { id, formerly = [] }: User,
): boolean {
  if (!claim.incoming.place.direct || conversation?.participants.some((other) => other !== id)) return true
  return history.some(({ author }) => author && author.user !== id && !formerly.includes(author.user))
}

const surfaceNames: Record<Surface, string> = { slack: 'Slack', teams: 'Microsoft Teams', web: 'the web page' }

/** What differs from person to person and day to day. Nothing finer than a day, and no e-mail address or id. */
function contextOf(user: User, surface: Surface): string {
  return `You are talking with ${safeName(user.name)} on ${surfaceNames[surface]}. Today is ${calendar(user.timeZone).format(Date.now())}.`
}

/** Formats are dear to make (half a millisecond) and few. */
const calendars = new Map<string, Intl.DateTimeFormat>()
const knownZones = new Set(Intl.supportedValuesOf('timeZone'))

function calendar(timeZone = 'UTC'): Intl.DateTimeFormat {
  const zone = knownZones.has(timeZone) ? timeZone : 'UTC'
  let format = calendars.get(zone)
  if (!format) {
    format = new Intl.DateTimeFormat('en', { dateStyle: 'full', timeZone: zone })
    calendars.set(zone, format)
  }
  return format
}

const cutShort: Partial<Record<StopReason, Parameters<typeof notice>[0]>> = {
  length: 'cut_length',
  context: 'cut_context',
  filtered: 'filtered',
  guardrail: 'guardrail',
}

function finished(text: string, stop: StopReason, model: string, usage: Usage): Answer {
  const code = cutShort[stop]
  return { text, stop, model, usage, ...(code && { notice: notice(code) }) }
}

function failure(fault: Fault): Answer {
  return { text: '', stop: 'failed', model: '', notice: fault.notice }
}

/** The person stopped it: what was shown is kept. (A turn that is not ours any more ends here too, and is not stored.) */
function ended(text: string, run: Run): Answer {
  return { text, stop: 'stopped', model: '', ...(run.state === 'stopped' && { notice: notice('stopped') }) }
}
