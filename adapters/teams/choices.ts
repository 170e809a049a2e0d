import { z } from 'zod'
import type { Json, JsonObject } from '../../src/types.ts'

const conversation = z.string().max(100)
const code = z.string().max(40)
const key = z.string().max(40)

/** What the buttons below a question of ours say when they are pressed. */
export const choiceSchema = z.discriminatedUnion('choose', [
  /** Go on with a conversation in the chat where the button stands. */
  z.object({ choose: z.literal('continue'), conversation }),
  /** Go on with it where the person asked for that last, in a group or a channel. */
  z.object({ choose: z.literal('bring'), conversation }),
  /** The same, by someone who was told who will read it. */
  z.object({ choose: z.literal('bring anyway'), conversation }),
  /** See how the link of this code stands; say yes; say no. */
  z.object({ choose: z.literal('look'), code }),
  z.object({ choose: z.literal('join'), code }),
  z.object({ choose: z.literal('part'), code }),
  z.object({ choose: z.literal('forget'), key }),
  z.object({ choose: z.literal('cancel') }),
])

export type Choice = z.infer<typeof choiceSchema>

export function button(title: string, choice: Choice, style?: 'positive' | 'destructive'): JsonObject {
  return { type: 'Action.Submit', title, data: { ...choice }, ...(style && { style }) }
}

/**
 * A line that shows what people wrote as they wrote it: of a TextBlock Teams would read the Markdown. Bold is what stands in
 * `strong`; what is `subtle` belongs to the line above.
 */
export function line(parts: { strong?: string; text?: string; subtle?: boolean }): JsonObject {
  const inlines: Json[] = []
  if (parts.strong) inlines.push({ type: 'TextRun', text: parts.strong, weight: 'Bolder' })
  if (parts.text) inlines.push({ type: 'TextRun', text: parts.text, ...(parts.subtle && { isSubtle: true }) })
  return { type: 'RichTextBlock', inlines, ...(parts.subtle && { spacing: 'None' }) }
}
