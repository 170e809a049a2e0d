import { asFault } from '../../src/errors.ts'
import type { Place, User } from '../../src/types.ts'
import { offerConversations } from './continuing.ts'
import type { Desk } from './desk.ts'
import { askToForget } from './forgetting.ts'
import type { Spot } from './held.ts'
import { enterCode, offerCode } from './linking.ts'
import { escapeText } from './readable.ts'
import { type Shown, shown } from './shown.ts'
import type { Word } from './words.ts'

export interface Beginning {
  word: Extract<Word, 'continue' | 'link' | 'forget me'>
  code?: string
  place: Place
  spot: Spot
  /** The workspace or organisation in whose Slack it is. */
  here: string
}

/** What is shown to someone who wrote one of the words that begin a dialogue. */
export function begin(desk: Desk, user: User, { word, code, place, spot, here }: Beginning): Promise<Shown> {
  if (word === 'continue') return offerConversations(desk, user, place, spot)
  if (word === 'forget me') return askToForget(desk, user, spot, here)
  return code === undefined ? offerCode(desk, user, spot) : enterCode(desk, user, code, spot, here)
}

/** The same, or plain words for why not. Never rejects. */
export async function orWords(desk: Desk, what: () => Promise<Shown>): Promise<Shown> {
  try {
    return await what()
  } catch (thrown) {
    return wordsFor(desk, thrown)
  }
}

/** Plain words for what went wrong; what nobody expected is logged. */
export function wordsFor({ log }: Pick<Desk, 'log'>, thrown: unknown): Shown {
  const { code, notice } = asFault(thrown)
  if (code === 'internal') log.error({ err: thrown }, 'something that a person asked for failed')
  else log.info({ code }, 'something that a person asked for could not be done')
  return shown(escapeText(notice.text))
}
