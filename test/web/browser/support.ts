import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'
import { type RunningApp, startApp, temporaryFolder } from '../../support/app.ts'
import { type Act, type StandIn, startBedrock } from '../../support/bedrock.ts'

/** The real app in a process of its own, its model a stand-in that does as told, looked at with a real browser. */

const executable = process.env.CHROMIUM ?? '/usr/bin/chromium'
const missing = `Chromium was not found at ${executable}: install it (apt-get install chromium) or set CHROMIUM to run these tests.`

const answering = 'us.anthropic.claude-sonnet-4-20250514-v1:0'
const titling = 'us.anthropic.claude-3-5-haiku-20241022-v1:0'

/** Nothing is fetched from outside, and no sandbox inside of a container's. */
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** `describe`, or one clear line where Chromium is missing; in CI that is a failure. */
export function describeBrowser(name: string, body: () => void): void {
  if (existsSync(executable)) {
    // A browser on a busy machine takes its time, and axe a second for each state.
    describe(name, { timeout: 120_000 }, body)
    return
  }
  if (process.env.CI === 'true') throw new Error(missing)
  console.warn(`Skipped "${name}": ${missing}`)
  describe.skip(name, body)
}

export const phone: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  hasTouch: true,
  isMobile: true,
}

export interface Site {
  readonly url: string
  readonly bedrock: StandIn
  /** What the model does with the next questions. Titles are made by another one, in the background. */
  script(...calls: Act[][]): void
  readonly app: RunningApp
  /** Where its SQLite file is; not to be opened while the app runs. */
  readonly dataDir: string
  /** Ends the app and starts it again on the same port and data. */
  restart(signal?: NodeJS.Signals): Promise<void>
  stopApp(signal?: NodeJS.Signals): Promise<void>
  startApp(): Promise<void>
  /** A browser of its own, signed in as the demo user `admin` unless told otherwise. */
  context(options?: BrowserContextOptions & { signedIn?: boolean }): Promise<BrowserContext>
  /** A page at a path; what goes wrong on it fails the test. */
  page(path?: string, options?: BrowserContextOptions & { signedIn?: boolean }): Promise<Page>
  /** Faults of pages that a test brings about on purpose. */
  expectFaults(pattern: RegExp): void
}

/** One app, one stand-in and one browser for a file; each test its own contexts. `demo`: without any model credentials. */
export function site(options: { demo?: boolean; env?: Record<string, string> } = {}): Site {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let bedrock: StandIn
  let app: RunningApp
  let browser: Browser
  let port = 0
  let cookies: Awaited<ReturnType<BrowserContext['storageState']>> | undefined
  let contexts: BrowserContext[] = []
  let faults: string[] = []
  let expected: RegExp[] = []

  async function run(): Promise<void> {
    const credentials: Record<string, string> = options.demo
      ? {}
      : {
          AWS_REGION: 'us-east-1',
          BEDROCK_MODEL_ID: answering,
          BEDROCK_TITLE_MODEL_ID: titling,
          AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
          AWS_SECRET_ACCESS_KEY: 'secret',
          AWS_ENDPOINT_URL_BEDROCK_RUNTIME: bedrock.url,
        }
    app = await startApp({
      dataDir: folder.path,
      env: { ...credentials, ...(port && { PORT: String(port) }), ...options.env },
    })
    port = app.port
  }

  beforeAll(async () => {
    folder = await temporaryFolder()
    bedrock = await startBedrock()
    browser = await chromium.launch({ executablePath: executable, args: flags })
    await run()
    const context = await browser.newContext()
    const page = await context.newPage()
    await signIn(page, app.url)
    cookies = await context.storageState()
    await context.close()
  })
  afterEach(async () => {
    for (const context of contexts) await context.close()
    const unexpected = faults.filter((fault) => !expected.some((pattern) => pattern.test(fault)))
    if (app.process.exitCode !== null || app.process.signalCode !== null) await run()
    contexts = []
    faults = []
    expected = []
    bedrock.reset()
    expect(unexpected).toEqual([])
  })
  afterAll(async () => {
    await browser?.close()
    await app?.stop()
    await bedrock?.close()
    await folder?.remove()
  })

  function watch(page: Page): void {
    page.on('pageerror', (error) => faults.push(`thrown: ${error.message}`))
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(`console: ${message.text()}`)
    })
  }

  const made: Site = {
    get url() {
      return app.url
    },
    get bedrock() {
      return bedrock
    },
    script: (...calls) => bedrock.scriptFor(answering, ...calls),
    get app() {
      return app
    },
    get dataDir() {
      return folder.path
    },
    async stopApp(signal) {
      await app.stop(signal)
    },
    startApp: run,
    async restart(signal) {
      await app.stop(signal)
      await run()
    },
    async context({ signedIn = true, ...more } = {}) {
      const context = await browser.newContext({ ...(signedIn && { storageState: cookies }), ...more })
      contexts.push(context)
      // Under the test's own, so that what was waited for is named.
      context.setDefaultTimeout(20_000)
      context.on('page', watch)
      return context
    },
    async page(path = '/', more = {}) {
      const context = await made.context(more)
      const page = await context.newPage()
      await page.goto(app.url + path)
      if (more.javaScriptEnabled !== false && more.signedIn !== false) await ready(page)
      return page
    },
    expectFaults(pattern) {
      expected.push(pattern)
    },
  }
  return made
}

/** The page's script has taken over. */
export async function ready(page: Page): Promise<void> {
  await page.locator('#thread[data-live]').waitFor()
}

export async function signIn(page: Page, url: string, name = 'admin', password = 'secret'): Promise<void> {
  await page.goto(`${url}/login`)
  await page.getByLabel('Name', { exact: true }).fill(name)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

export async function ask(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text)
  await page.keyboard.press('Enter')
}

export const turns = (page: Page) => page.locator('.turn')
export const answers = (page: Page) => page.locator('.turn[data-state=done] .prose')
/** The answer that is being written. */
export const growing = (page: Page) => page.locator('.turn[data-state=running] .prose')

/** Waits until this many turns have their answer and none is open. */
export async function answered(page: Page, count: number): Promise<void> {
  await page.waitForFunction(
    (wanted) =>
      document.querySelectorAll('.turn').length === wanted &&
      document.querySelectorAll('.turn[data-state=done]').length === wanted,
    count,
  )
}

/** Asks and waits for the answer. Returns the conversation's path. */
export async function asked(page: Page, text: string): Promise<string> {
  const before = await turns(page).count()
  await ask(page, text)
  await answered(page, before + 1)
  return new URL(page.url()).pathname
}

/** What the page's own API says, as this person. */
export function api<T>(page: Page, method: string, path: string, body?: object): Promise<T> {
  return page.evaluate(
    async ([method, path, body]) => {
      const csrf = document.querySelector('meta[name=csrf]')?.getAttribute('content') ?? ''
      const response = await fetch(`/api/${path}`, {
        method,
        headers: { 'x-csrf-token': csrf, ...(body && { 'content-type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
      })
      return response.status === 204 ? undefined : response.json()
    },
    [method, path, body] as const,
  )
}

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe-core finds wrong with the page as it is now, one line each. */
export async function findings(page: Page): Promise<string[]> {
  // By the debugger, past the page's own policy for scripts.
  await page.evaluate(axe)
  return page.evaluate(async () => {
    // biome-ignore lint/suspicious/noExplicitAny: axe puts itself on the window
    const { violations } = await (globalThis as any).axe.run(document, {
      resultTypes: ['violations'],
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    })
    return violations.map(
      (each: { id: string; nodes: { html: string; failureSummary: string }[] }) =>
        `${each.id}: ${each.nodes.map((node) => `${node.html.slice(0, 160)} (${node.failureSummary})`).join('; ')}`,
    )
  })
}

/** Elements that make the page, or the thread, wider than it is. */
export function tooWide(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [document.documentElement, document.body, ...document.querySelectorAll('#thread, #list, .card, main')]
      .filter((element) => element.scrollWidth > element.clientWidth + 1)
      .map((element) => `${element.tagName}#${element.id}`),
  )
}
