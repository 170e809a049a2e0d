import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest'
import { AppEnded, type RunningApp, startApp, temporaryFolder } from './app.ts'
import { type StandIn, startBedrock } from './bedrock.ts'
import { Browser } from './web.ts'
import { until } from './world.ts'

// Processes that start one after the other, on a machine that has more to do.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 })

/** A conversation as the API tells of it. */
export interface Opened {
  conversation: { id: string; title: string; count: number }
  messages: {
    role: string
    text: string
    turn: string
    answer?: { stop: string; notice?: { code: string; text: string; retry: boolean } }
  }[]
  pending: { turn: string }[]
}

/** The whole service as its operator runs it, with a data folder and a model of its own. */
export interface Service {
  readonly dataDir: string
  readonly bedrock: StandIn
  /** Start an instance on this data and model. It ends with them. */
  run(env?: Record<string, string>): Promise<RunningApp>
  /** How an instance ended that was not meant to start. */
  refused(env?: Record<string, string>): Promise<AppEnded>
  /** A browser that is signed in as a demo user, or by the cookies it has already. */
  signedIn(app: RunningApp, as?: Browser['cookies'] | 'user' | 'admin'): Promise<Browser>
  opened(browser: Browser, conversation: string): Promise<Opened>
  /** The conversation, once nothing waits in it and it has so many messages. */
  answered(browser: Browser, conversation: string, count: number): Promise<Opened>
}

const demoPasswords = { user: 'password', admin: 'secret' }

/** Call it within `describe`: its data and model are new for each test, or the same for all of them (`shared`). */
export function service({ shared = false } = {}): Service {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let bedrock: StandIn
  const apps: RunningApp[] = []
  const [before, after] = shared ? [beforeAll, afterAll] : [beforeEach, afterEach]
  before(async () => {
    folder = await temporaryFolder()
    bedrock = await startBedrock()
  })
  after(async () => {
    for (const app of apps.splice(0)) await app.stop('SIGKILL')
    await bedrock.close()
    await folder.remove()
  })

  const run: Service['run'] = async (env = {}) => {
    const app = await startApp({
      dataDir: folder.path,
      env: {
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
        AWS_SECRET_ACCESS_KEY: 'aws-secret-of-the-test',
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME: bedrock.url,
        ...env,
      },
    })
    apps.push(app)
    return app
  }

  const opened: Service['opened'] = (browser, conversation) => browser.json<Opened>(`/conversations/${conversation}`)

  return {
    get dataDir() {
      return folder.path
    },
    get bedrock() {
      return bedrock
    },
    run,
    async refused(env) {
      const ended: unknown = await run(env).catch((thrown) => thrown)
      if (ended instanceof AppEnded) return ended
      throw new Error('it should not have started', { cause: ended })
    },
    async signedIn(app, as = 'user') {
      const browser = new Browser(app.url)
      if (typeof as === 'string') {
        const { status } = await browser.signIn(as, demoPasswords[as])
        if (status !== 303) throw new Error(`could not sign in: ${status}`)
      } else {
        for (const [name, value] of as) browser.cookies.set(name, value)
        await browser.page('/')
      }
      return browser
    },
    opened,
    answered: (browser, conversation, count) =>
      until(async () => {
        const now = await opened(browser, conversation)
        return now.pending.length === 0 && now.messages.length >= count ? now : undefined
      }),
  }
}
