import { z } from 'zod'
import type { Draft } from '../../src/types.ts'

/**
 * What a draft remembers: the answer's messages so far, and where they are if not in the question's thread. `beginning`:
 * from this time on, one more may have been begun that is not among them.
 */
const savedState = z.object({
  messages: z.array(z.string()),
  moved: z.string().optional(),
  beginning: z.number().optional(),
})
export type Saved = z.infer<typeof savedState>

export function readSaved(draft: Draft): Saved | null {
  return draft.saved && savedState.parse(draft.saved)
}
