import type { RequestHandler } from 'express'
import session, { type SessionData } from 'express-session'
import { hashOf } from '../../src/ids.ts'
// Types alone: which store it is, is not this adapter's business.
import type { Sessions } from '../../src/store.ts'
import type { JsonObject, Log } from '../../src/types.ts'
import type { WebConfig } from './config.ts'

declare module 'express-session' {
  interface SessionData {
    /** Id of the user who signed in. There are no sessions without one. */
    user: string
    /** The identity they signed in with, see `identityOf`. */
    identity: string
    /** The secret behind this session's CSRF tokens. */
    csrf: string
    since: number
    seenAt: number
  }
}

/** Writing the time of the last request at each request would cost a write a request; a quarter of the idle time will do. */
const touchAfter = 1 / 4

export interface SessionTimes {
  idleMs: number
  maxMs: number
  now(): number
}

/** Sessions of express-session in our store. Ids are hashed, so that what reads the store cannot become anybody. */
export class SessionStore extends session.Store {
  readonly #sessions: Sessions
  readonly #times: SessionTimes
  readonly #log: Log

  constructor(sessions: Sessions, times: SessionTimes, log: Log) {
    super()
    this.#sessions = sessions
    this.#times = times
    this.#log = log
  }

  override get(id: string, callback: (error: unknown, data?: SessionData | null) => void): void {
    answer(this.read(id), callback)
  }

  override set(id: string, data: SessionData, callback?: (error?: unknown) => void): void {
    answer(this.#sessions.set(keyOf(id), ...this.#stored(data)), callback)
  }

  override destroy(id: string, callback?: (error?: unknown) => void): void {
    answer(this.#sessions.destroy(keyOf(id)), callback)
  }

  /** Its failure is nobody's failure: the answer of the request stands, and the next request touches again. */
  override touch(id: string, data: SessionData, callback?: () => void): void {
    if (!data.user || this.#times.now() - data.seenAt < this.#times.idleMs * touchAfter) {
      callback?.()
      return
    }
    this.#touch(id, data)
      .catch((cause) => this.#log.warn({ err: cause }, 'a session could not be prolonged'))
      .then(callback)
  }

  /** The session if it is not over yet. */
  async read(id: string): Promise<SessionData | null> {
    const data = (await this.#sessions.get(keyOf(id))) as unknown as SessionData | null
    const now = this.#times.now()
    return data && now < data.since + this.#times.maxMs && now < data.seenAt + this.#times.idleMs ? data : null
  }

  /** End every session of a user, but the one with the id `except`. */
  endAll(user: string, except?: string): Promise<void> {
    return this.#sessions.endAll(user, except && keyOf(except))
  }

  async #touch(id: string, data: SessionData): Promise<void> {
    data.seenAt = this.#times.now()
    // It may have been ended while this request ran: it does not come back then.
    await this.#sessions.touch(keyOf(id), ...this.#stored(data))
  }

  /** What the store keeps of a session, and until when. */
  #stored(data: SessionData): [JsonObject, { user: string; expiresAt: number }] {
    const expiresAt = Math.min(data.since + this.#times.maxMs, data.seenAt + this.#times.idleMs)
    return [JSON.parse(JSON.stringify(data)) as JsonObject, { user: data.user, expiresAt }]
  }
}

function answer<T>(work: Promise<T>, callback: ((error: unknown, result?: T) => void) | undefined): void {
  work.then(
    (result) => callback?.(null, result),
    (error: unknown) => callback?.(error),
  )
}

/** Tells one session from all others, and is no way to take it over. */
export const sessionMark = ({ csrf }: { csrf: string }): string => hashOf(['mark of a session', csrf])

const keyOf = (id: string): string => hashOf(['web session', id])

/** How this installation's cookies are named and sent. */
export interface Cookies {
  prefix: string
  path: string
  /** `auto`: as the request came. */
  secure: boolean | 'auto'
}

/**
 * `__Host-` binds a cookie to this very host, so that no neighbour under the same domain can plant one; browsers take it
 * with `Secure` and `Path=/` alone. In a sub-path the host may be shared, and a cookie for all of it would go to the other
 * applications too: there it is `__Secure-` with our path.
 */
export function cookiesOf(config: WebConfig): Cookies {
  const path = config.basePath || '/'
  if (!config.production || config.plainHttp) return { prefix: '', path, secure: 'auto' }
  return { prefix: config.basePath ? '__Secure-' : '__Host-', path, secure: true }
}

/** Reads the session, if there is one. Nothing is stored for visitors: only a sign-in makes one. */
export function sessionReader(store: SessionStore, config: WebConfig, cookies: Cookies): RequestHandler {
  return session({
    name: sessionCookie(cookies),
    secret: [...config.sessions.secrets],
    store,
    resave: false,
    saveUninitialized: false,
    rolling: false,
    cookie: {
      httpOnly: true,
      sameSite: 'lax',
      secure: cookies.secure,
      path: cookies.path,
      // The idle time is the store's to hold.
      maxAge: config.sessions.maxMs,
    },
  })
}

export const sessionCookie = (cookies: Cookies): string => `${cookies.prefix}chat_session`
