import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
import type { Exchange, Playground } from './playground.ts'

/** The Playground's page, as a person uses it. */

const executable = process.env.CHROMIUM ?? '/usr/bin/chromium'
export const chromiumMissing = existsSync(executable)
  ? undefined
  : `Chromium was not found at ${executable}: install it (apt-get install chromium) or set CHROMIUM to run these tests.`

export function launch(): Promise<Browser> {
  const args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run']
  return chromium.launch({ executablePath: executable, args: [...args, '--disable-background-networking'] })
}

export interface Client {
  readonly page: Page
  /** Go to a chat by its name in the list. */
  visit(name: string): Promise<void>
  /** Write where one writes here, after a mention of the bot if asked to, and send. */
  write(text: string, options?: { mention?: boolean; in?: 'post' | 'thread' }): Promise<void>
  /** Everything that can be read in the chat. */
  text(): Promise<string>
  /** Resolves when the chat reads so. */
  reads(words: string | RegExp): Promise<void>
  /** The chat as it reads now, looked at often, until it reads so. */
  watch(words: string | RegExp): Promise<string[]>
  rate(thumb: 'Like' | 'Dislike', comment: string): Promise<void>
  /** Send any activity from here, through "Mock an Activity". */
  mock(activity: object): Promise<void>
}

export async function openClient(browser: Browser, playground: Playground): Promise<Client> {
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } })
  page.setDefaultTimeout(20_000)
  // Its fonts come from a CDN; nothing is fetched from outside.
  await page.route('**', (route) =>
    new URL(route.request().url()).hostname === '127.0.0.1' ? route.continue() : route.abort(),
  )
  await page.goto(playground.url)
  await page.getByRole('treeitem', { name: 'Personal Chat' }).waitFor()

  /** Without the list of chats and the log, which repeat what is said. */
  async function text(): Promise<string> {
    const [list = ''] = await page.getByRole('region', { name: 'Chat and Teams Channel' }).allInnerTexts()
    const [whole = ''] = await page.locator('body').allInnerTexts()
    const after = whole.includes(list) ? whole.slice(whole.indexOf(list) + list.length) : ''
    return after.slice(0, Math.max(0, after.lastIndexOf('Log Panel')))
  }

  const matches = (words: string | RegExp, shown: string): boolean =>
    typeof words === 'string' ? shown.includes(words) : words.test(shown)

  async function watch(words: string | RegExp): Promise<string[]> {
    const seen: string[] = []
    const end = performance.now() + 20_000
    for (;;) {
      const shown = await text()
      if (shown !== seen.at(-1)) seen.push(shown)
      if (matches(words, shown)) return seen
      if (performance.now() > end) throw new Error(`the chat does not read ${words}:\n${shown}`)
      await page.waitForTimeout(50)
    }
  }

  return {
    page,
    text,
    watch,
    async reads(words) {
      await watch(words)
    },
    async visit(name) {
      await page.getByRole('treeitem', { name, exact: true }).click()
    },
    async write(words, { mention = false, in: where } = {}) {
      const boxes = page.locator('div[role=textbox][contenteditable=true]')
      // In a channel the first is for a new post, and each post has its own for its thread.
      const box = where === 'thread' ? boxes.nth(1) : boxes.first()
      await box.click()
      if (mention) {
        await page.keyboard.type('@')
        await page.getByRole('menuitem', { name: 'Aide' }).click()
      }
      await page.keyboard.type(mention ? ` ${words}` : words)
      if (where === 'post') await page.getByRole('button', { name: 'Post', exact: true }).click()
      else await page.getByRole('button', { name: 'Send Message' }).first().click()
    },
    async rate(thumb, comment) {
      await page.getByRole('button', { name: thumb, exact: true }).last().click()
      const dialog = page.getByRole('dialog')
      await dialog.locator('textarea').fill(comment)
      await dialog.getByRole('button', { name: 'Submit' }).click()
      await dialog.locator('textarea').waitFor({ state: 'detached' })
      await dialog.getByRole('button').first().click()
      await dialog.waitFor({ state: 'detached' })
    },
    async mock(activity) {
      await page.getByRole('button', { name: 'Mock an Activity' }).click()
      await page.getByRole('menuitem', { name: 'Custom activity' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.locator('.view-lines').click()
      await page.keyboard.press('ControlOrMeta+A')
      await page.keyboard.insertText(JSON.stringify(activity))
      // The editor closes brackets that are closed already.
      await page.keyboard.press('ControlOrMeta+Shift+End')
      await page.keyboard.press('Delete')
      await dialog.getByRole('button', { name: 'Send activity' }).click()
      await dialog.waitFor({ state: 'detached' })
    },
  }
}

/** Resolves with the exchange that `pick` finds, once it is there. */
export async function exchanged(
  playground: Playground,
  pick: (each: Exchange) => boolean,
  timeoutMs = 20_000,
): Promise<Exchange> {
  const end = performance.now() + timeoutMs
  for (;;) {
    const found = (await playground.exchanges()).find(pick)
    if (found) return found
    if (performance.now() > end) throw new Error('the Playground recorded no such exchange')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
