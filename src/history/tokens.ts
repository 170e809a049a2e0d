import type { Prompt, Usage } from '../types.ts'

/** Knows how far the local estimate is off for a model, from what the model said it had read. */
export interface Estimator {
  /** Real tokens per estimated one. */
  readonly ratio: number
  corrected(tokens: number): number
  /** `estimated` as `buildPrompt` gave it, `usage` as the model counted the same prompt. */
  correct(estimated: number, usage: Usage): void
  /** For a call that ended without counts. */
  usage(prompt: Prompt, text: string): Usage
}

/** Smaller prompts are mostly system prompt and template, and tell nothing of the rate. */
const tellingTokens = 1_000

export function createEstimator(): Estimator {
  let ratio = 1
  return {
    get ratio() {
      return ratio
    },
    corrected: (tokens) => Math.ceil(tokens * ratio),
    correct(estimated, { input, cacheRead, cacheWrite }) {
      const real = input + cacheRead + cacheWrite
      if (estimated < tellingTokens || real < tellingTokens) return
      const next = ratio + 0.3 * (ratio * (real / estimated) - ratio)
      ratio = Math.min(3, Math.max(0.5, next))
    },
    usage: (prompt, text) => estimateUsage(prompt, text, ratio),
  }
}

/** What a call may have cost in tokens where the model did not say. */
export function estimateUsage({ system, context = '', messages }: Prompt, text: string, ratio = 1): Usage {
  const read = messages.reduce((sum, message) => sum + tokensOf(message.text), tokensOf(system) + tokensOf(context))
  return {
    input: Math.ceil(read * ratio),
    output: Math.ceil(estimateTokens(text) * ratio),
    cacheRead: 0,
    cacheWrite: 0,
    estimated: true,
  }
}

/** With the few tokens that each message costs by itself. */
export function tokensOf(text: string): number {
  return text === '' ? 0 : estimateTokens(text) + 5
}

/**
 * Tokens of a text by its letters: about 3.6 ASCII characters to a token, two of other alphabets, one ideograph or half
 * an emoji. Current tokenizers lie within a third of this, and the estimator learns the rest.
 */
export function estimateTokens(text: string): number {
  let tokens = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    tokens += code < 0x80 ? 0.28 : code < 0x1100 ? 0.5 : 1.1
  }
  return Math.ceil(tokens)
}
