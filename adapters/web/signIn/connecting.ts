import type { Request, Response } from 'express'
import type { Fault } from '../../../src/errors.ts'
// Types alone: whoever joins identities is handed over.
import type { Proof } from '../../../src/identities.ts'
import type { Person } from '../route.ts'
import { createSealedCookie } from '../sealed.ts'
import { type Cookies, sessionMark } from '../sessions.ts'
import type { Provider } from './providers.ts'

/** Who somebody proved to be, until they say whether that shall be connected. */
export interface Proven {
  provider: Provider['id']
  proof: Proof
}

/** What leads from a provider to the account page. */
export interface Connecting {
  /** Remember the proof, and ask. */
  proven(request: Request, response: Response, person: Person, proven: Proven): void
  /** The proof of this session, if there is one. */
  pending(request: Request, person: Person): Proven | null
  forget(request: Request, response: Response): void
  /** Back to the account page, which says what went wrong. */
  failed(response: Response, provider: Provider, fault: Fault): void
}

/** How long people may think about it. */
const lifeMs = 10 * 60_000

export function createConnecting(options: {
  basePath: string
  secrets: readonly string[]
  cookies: Cookies
  now(): number
}): Connecting {
  const cookie = createSealedCookie<Proven & { session: string }>({ ...options, name: 'chat_connect', lifeMs })
  return {
    proven(request, response, person, { provider, proof }) {
      cookie.write(request, response, { provider, proof, session: sessionMark(person.session) })
      response.redirect(303, `${options.basePath}/account/connect`)
    },
    pending(request, person) {
      const kept = cookie.read(request)
      return kept?.session === sessionMark(person.session) ? { provider: kept.provider, proof: kept.proof } : null
    },
    forget: cookie.clear,
    failed(response, provider, { code }) {
      response.redirect(303, `${options.basePath}/account?${new URLSearchParams({ failed: code, at: provider.id })}`)
    },
  }
}
