import {
  emptyQuestion,
  maxSummaryChars,
  repeatable,
  said,
  shorten,
  signed,
  visible,
  withQuotes,
} from './history/text.ts'
import { createEstimator, type Estimator, tokensOf } from './history/tokens.ts'
import type { Conversation, Message, Model, PromptMessage } from './types.ts'

export { firstWords, summaryPrompt, titleFrom, titlePrompt } from './history/asides.ts'
export { safeName, withQuotes } from './history/text.ts'
export { createEstimator, type Estimator, estimateTokens, estimateUsage } from './history/tokens.ts'

/**
 * Stored messages into a window that every model takes. One refused block would refuse the whole conversation for good,
 * so it is repaired on every send, not when it is stored: roles alternate, from a person to a person, and nothing is
 * blank, ill-formed or held back by a guardrail.
 */

export interface WindowOptions {
  /** Only their length matters here: they share the model's context with the messages. */
  system?: string
  context?: string
  conversation?: Conversation | undefined
  /** The newest stored messages without those that the question replaces, oldest first. */
  messages: readonly Message[]
  question: { text: string; author?: string }
  /** More than one person writes here, so each message names its author. */
  shared: boolean
  limits: Model['limits']
  maxTokens?: number
  estimator?: Estimator
}

export interface Window {
  messages: PromptMessage[]
  /** Messages before this `seq` are not in it (the summary may tell of them); 0 when all are. */
  dropped: number
  /** Of all that is sent, by the estimator. */
  estimatedTokens: number
}

/** A question with what was left unanswered before it, or with its answer. The window begins between two of them. */
interface Round {
  seq: number
  question: string
  answer?: string
  tokens: number
}

/** Of the context, for what the estimate cannot know: templates, guardrail, a tokenizer's moods. */
const margin = 0.05
/**
 * When turns must go, so many go that the next ones fit: a window whose beginning moves with every turn is never found
 * in the model's cache, and each move would be worth another summary.
 */
const keptShare = 2 / 3

export function buildPrompt(options: WindowOptions): Window {
  const { conversation, messages, limits, estimator = createEstimator() } = options
  const summary = usableSummary(conversation, messages)
  const upTo = summary?.upTo ?? 0
  const rounds = roundsOf(messages, options.shared).filter(({ seq }) => seq >= upTo)
  const question = signed(visible(options.question.text) || emptyQuestion, options.question.author, options.shared)

  const fixed = tokensOf(question) + tokensOf(options.system ?? '') + tokensOf(options.context ?? '')
  const told = summary ? tokensOf(summary.text) : 0
  const room = limits.context * (1 - margin) - (options.maxTokens ?? limits.output)
  const budget = room / estimator.ratio - fixed - told
  const all = rounds.reduce((sum, { tokens }) => sum + tokens, 0)
  // Older messages that nobody handed us are missing from the window just as those that do not fit.
  const gap = messages.length > 0 && messages[0]!.seq > upTo
  const start = all > budget || gap ? startOf(rounds, Math.min(all, budget) * keptShare) : 0
  const kept = rounds.slice(start)

  const prompt = merged(kept, question)
  if (summary) prompt[0]!.text = `[Earlier in this conversation, in short:\n${summary.text}]\n\n${prompt[0]!.text}`
  const tokens = kept.reduce((sum, round) => sum + round.tokens, fixed + told)
  return {
    messages: prompt,
    dropped: droppedBy(start, gap, upTo, kept, messages),
    estimatedTokens: estimator.corrected(tokens),
  }
}

/** The summary tells of messages that are gone when the conversation was cut back behind them: then it is no use. */
function usableSummary(conversation: Conversation | undefined, messages: readonly Message[]): Conversation['summary'] {
  const { summary } = conversation ?? {}
  const newest = messages.at(-1)?.seq ?? -1
  if (!summary || summary.upTo > newest + 1) return undefined
  const text = shorten(visible(summary.text), maxSummaryChars)
  return text === '' ? undefined : { text, upTo: summary.upTo }
}

function roundsOf(messages: readonly Message[], shared: boolean): Round[] {
  const told = repeatable(messages)
  const rounds: Round[] = []
  for (const message of messages) {
    if (!told.has(message.turn)) continue
    const last = rounds.at(-1)
    if (message.role === 'user') {
      if (visible(message.text) === '') continue
      const text = visible(withQuotes(message.text, message.quotes))
      const question = signed(text, message.author?.name, shared)
      // The same again after a failure is the same question still.
      if (last && last.answer === undefined && last.question === question) continue
      rounds.push({ seq: message.seq, question, tokens: tokensOf(question) })
    } else if (last) {
      const text = said(message)
      if (text === '') continue
      last.answer = last.answer === undefined ? text : `${last.answer}\n\n${text}`
      last.tokens += tokensOf(text)
    }
  }
  return rounds
}

/** The first round to keep: as many of the newest as fit, none in halves. */
function startOf(rounds: readonly Round[], budget: number): number {
  let start = rounds.length
  for (let left = budget; start > 0; start--) {
    left -= rounds[start - 1]!.tokens
    if (left < 0) break
  }
  return start
}

function droppedBy(start: number, gap: boolean, upTo: number, kept: Round[], messages: readonly Message[]): number {
  if (start === 0 && !gap) return upTo
  return kept[0]?.seq ?? (messages.at(-1)?.seq ?? -1) + 1
}

/** Rounds and the question as alternating messages: what was never answered is asked together with what follows it. */
function merged(rounds: readonly Round[], question: string): PromptMessage[] {
  const messages: PromptMessage[] = []
  let asked: string[] = []
  for (const round of rounds) {
    asked.push(round.question)
    if (round.answer === undefined) continue
    messages.push({ role: 'user', text: asked.join('\n\n') }, { role: 'assistant', text: round.answer })
    asked = []
  }
  if (asked.at(-1) !== question) asked.push(question)
  messages.push({ role: 'user', text: asked.join('\n\n') })
  return messages
}
