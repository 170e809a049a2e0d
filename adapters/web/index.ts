import type { Router } from 'express'
import type { Admin } from '../../src/admin.ts'
// Types alone: which store it is, and who joins identities, is not this adapter's business.
import type { Audit } from '../../src/audit.ts'
import type { Identities } from '../../src/identities.ts'
import { hashOf, identityOf } from '../../src/ids.ts'
import type { Personal } from '../../src/personal.ts'
import type { Counters, Sessions, Users } from '../../src/store.ts'
import type { Adapter, Allowance, Chat, Log, Model, Reply, Sender, User } from '../../src/types.ts'
import { accountRoutes } from './account/routes.ts'
import { createAccounts, type Passwords } from './accounts.ts'
import { adminRoutes } from './admin/routes.ts'
import { apiRoutes } from './api.ts'
import { loadAssets } from './assets.ts'
import { usualLimits, type WebConfig } from './config.ts'
import { createLoginForm } from './csrf.ts'
import { createDemo, demoUsers } from './demo.ts'
import { documentRoutes } from './documents.ts'
import { loginRoutes } from './login.ts'
import { pageRoutes } from './pages.ts'
import type { Route } from './route.ts'
import { createRouter } from './router.ts'
import { cookiesOf, SessionStore, sessionCookie, sessionReader } from './sessions.ts'
import { createConnecting } from './signIn/connecting.ts'
import { flowMs, signInRoutes } from './signIn/routes.ts'
import { createStreams } from './streams.ts'
import { createSubmit } from './submit.ts'

export type { Passwords } from './accounts.ts'
export type { WebConfig } from './config.ts'
export type { Provider, SignInConfig } from './signIn/providers.ts'

export interface WebOptions {
  config: WebConfig
  chat: Chat
  users: Users
  sessions: Sessions
  counters: Counters
  passwords: Passwords
  identities: Identities
  /** All that is kept about a person, to take along and to delete. */
  personal: Pick<Personal, 'export' | 'forget'>
  /** What is left of a user's limits. */
  left(user: User): Promise<Allowance[]>
  /** What admins may do, on `/admin`. */
  admin?: Admin
  audit: Audit
  /** The model that answers, to be named on the page. */
  model: Pick<Model, 'name' | 'kind'>
  log: Log
  clock?: { now(): number }
}

export interface Web {
  adapter: Adapter
  /** To be mounted under the base path; reads no body but on its own routes. */
  routes: Router
  /** Tell a newcomer, who looks at the log first, how to sign in. Call it when pages are served. */
  announce(): Promise<void>
  /** End all event streams and waiting forms; browsers come back by themselves, to whichever instance is there. */
  close(): void
}

/** The web page: login, chat, its JSON API and event streams. */
export function createWeb(options: WebOptions): Web {
  const { config, chat, users, log, model } = options
  const { basePath } = config
  const now = options.clock?.now ?? Date.now
  const limits = { ...usualLimits, ...config.limits }
  const cookies = cookiesOf(config)
  const store = new SessionStore(options.sessions, { ...config.sessions, now }, log)
  const demo = createDemo({ users, production: config.production, now })
  const accounts = createAccounts({ ...options, demo, limits, now })
  const streams = createStreams({
    limits,
    log,
    async allowed({ session }) {
      const data = await store.read(session)
      return data !== null && (await accounts.current(data)) !== null
    },
  })
  const submit = createSubmit({ chat, maxMessageChars: config.maxMessageChars, now })
  const form = createLoginForm({ secrets: config.sessions.secrets, cookies, now })
  const assets = loadAssets(basePath)
  const closing = new AbortController()

  const providers = config.signIn?.providers ?? []
  const { secrets } = config.sessions
  const connecting = createConnecting({ basePath, secrets, cookies, now })
  const once = async (what: string): Promise<boolean> =>
    (await options.counters.hit(`sign-in:${hashOf([what])}`, flowMs)).count === 1
  const login = { basePath, cookies, accounts, demo, form, streams, providers, now }
  const account = { ...login, ...options, sessions: store, secrets, connecting }

  const routes: Route[] = [
    ...loginRoutes(login),
    ...(config.signIn ? signInRoutes({ ...account, config: config.signIn, once, log }) : []),
    ...accountRoutes(account),
    ...(options.admin ? adminRoutes({ basePath, admin: options.admin, providers, now }) : []),
    ...pageRoutes({ ...config, chat, model, submit, answerMs: limits.answerMs, closing: closing.signal }),
    ...apiRoutes({ chat, model, streams, submit }),
  ]
  routes.push(...documentRoutes({ basePath, routes, sessionCookie: sessionCookie(cookies), assets }))

  return {
    adapter: adapterOver(users),
    routes: createRouter({
      basePath,
      routes,
      session: sessionReader(store, config, cookies),
      accounts,
      bodyBytes: limits.bodyBytes,
      locals: { base: basePath, assets: assets.url },
    }),
    announce: () => announce(demo, log),
    close() {
      closing.abort()
      streams.close()
    },
  }
}

/** The page reads live text and the store by itself, so there is nothing to send. */
const silentReply: Reply = {
  paceMs: Number.POSITIVE_INFINITY,
  started: async () => {},
  text: async () => {},
  done: async () => {},
  stopped: async () => {},
  failed: async () => {},
}

function adapterOver(users: Users): Adapter {
  return {
    surface: 'web',
    delivery: 'pull',
    openReply: () => silentReply,
    /** Whoever writes here has signed in, so they are known; anyone else is nobody. */
    async profile(sender: Sender) {
      const user = await users.find(identityOf(sender))
      return user
        ? { name: user.name, ...(user.state === 'disabled' && { inactive: true }) }
        : { name: sender.id, inactive: true }
    },
  }
}

/** Their passwords are no secrets: they are in the README. */
async function announce(demo: ReturnType<typeof createDemo>, log: Log): Promise<void> {
  try {
    if (!(await demo.open())) return
    const names = demoUsers.map(({ name, password }) => `${name} / ${password}`).join(' or ')
    log.info({}, `sign in as ${names}: demo users, who go with the first of your own (npm run user -- add NAME)`)
  } catch (cause) {
    log.warn({ err: cause }, 'cannot tell whether there are users')
  }
}
