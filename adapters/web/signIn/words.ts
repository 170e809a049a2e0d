import { type Fault, notice } from '../../../src/errors.ts'
import type { Provider } from './providers.ts'

/** What a person reads of a fault that came up on the way through a provider. */
export function wordsOf(
  { code, notice: { text } }: Pick<Fault, 'code' | 'notice'>,
  { name }: Pick<Provider, 'name'>,
): string {
  if (code === 'sign_in_unavailable')
    return `${name} cannot be reached right now. Please try again in a minute, or come in another way.`
  if (code === 'sign_in_failed')
    return `Signing in with ${name} did not work. Please try again, and tell an administrator if it happens again.`
  if (code === 'internal') return notice('internal').text
  return text
}
