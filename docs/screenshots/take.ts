import { fileURLToPath } from 'node:url'
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { startApp, temporaryFolder } from '../../test/support/app.ts'
import { say, start, startBedrock, stop } from '../../test/support/bedrock.ts'

/** Takes the pictures in this folder anew: `node docs/screenshots/take.ts`, with Chromium at /usr/bin/chromium or $CHROMIUM. */

const answering = 'us.anthropic.claude-sonnet-4-20250514-v1:0'
const titling = 'us.anthropic.claude-3-5-haiku-20241022-v1:0'

const talks: { title: string; question: string; answer: string }[] = [
  { title: 'Agenda for the offsite', question: 'Draft an agenda for our offsite.', answer: 'Here is a first draft.' },
  { title: 'Questions for the interview', question: 'What should I ask?', answer: 'Five questions to begin with.' },
  { title: 'Holiday policy, summarised', question: 'Summarise the policy.', answer: 'In short: ask early.' },
  { title: 'Release notes 4.2', question: 'Write the release notes.', answer: 'Done.' },
  {
    title: 'Retrying a failed upload',
    question: 'How do I retry a failed upload in TypeScript without hammering the server?',
    answer: `Wait a little longer after each failure, with some chance in it, and stop after a few tries:

\`\`\`typescript
export async function retry<T>(task: () => Promise<T>, tries = 4): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await task()
    } catch (error) {
      if (attempt === tries) throw error
      await wait(2 ** attempt * 250 * (0.5 + Math.random()))
    }
  }
}
\`\`\`

| Attempt | Waits about | Why |
|:-:|---:|---|
| 1 | 0.5 s | a hiccup is over by then |
| 2 | 1 s | a restart takes longer |
| 3 | 2 s | and then a person should know |

- Retry only what is **safe to repeat**, or give the upload an id.
- Honour \`Retry-After\` when the server sends it.`,
  },
]

const out = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const folder = await temporaryFolder()
const bedrock = await startBedrock()
const app = await startApp({
  dataDir: folder.path,
  env: {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_ENDPOINT_URL_BEDROCK_RUNTIME: bedrock.url,
    BEDROCK_MODEL_ID: answering,
    BEDROCK_TITLE_MODEL_ID: titling,
  },
})
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking'],
})
const spent = {
  event: 'metadata',
  payload: { usage: { inputTokens: 412, outputTokens: 286, totalTokens: 698 }, metrics: {} },
}
const wide: BrowserContextOptions = { viewport: { width: 1280, height: 800 } }
const phone: BrowserContextOptions = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }

async function open(look: BrowserContextOptions, path: string, ready: string): Promise<Page> {
  const context = await browser.newContext({ deviceScaleFactor: 1.5, ...look, storageState: cookies })
  const page = await context.newPage()
  await page.goto(app.url + path)
  await page.locator(ready).first().waitFor()
  return page
}

async function take(page: Page, name: string): Promise<void> {
  await page.evaluate(() => document.fonts.ready)
  await page.screenshot({ path: out(name) })
  await page.context().close()
}

let cookies: Awaited<ReturnType<Awaited<ReturnType<typeof browser.newContext>>['storageState']>> | undefined
const first = await open(wide, '/login', '#login')
await first.screenshot({ path: out('sign-in.png') })
await first.getByRole('button', { name: 'Use admin' }).click()
await first.keyboard.press('Enter')
await first.locator('#thread[data-live]').waitFor()
cookies = await first.context().storageState()

let path = '/'
for (const { title, question, answer } of talks) {
  bedrock.scriptFor(answering, [start, ...say(...(answer.match(/[\s\S]{1,40}/g) ?? [])), ...stop(), spent])
  bedrock.scriptFor(titling, [start, ...say(title), ...stop(), spent])
  await first.getByRole('link', { name: 'New chat' }).last().click()
  await first.getByLabel('Message', { exact: true }).fill(question)
  await first.keyboard.press('Enter')
  await first.getByRole('heading', { level: 1, name: title }).waitFor()
  path = new URL(first.url()).pathname
}

await take(await open({ ...wide, colorScheme: 'light' }, path, '.hljs-keyword'), 'chat-light.png')
await take(await open({ ...wide, colorScheme: 'dark' }, path, '.hljs-keyword'), 'chat-dark.png')
await take(await open({ ...phone, colorScheme: 'light' }, path, '.hljs-keyword'), 'phone.png')
const list = await open({ ...phone, colorScheme: 'dark' }, path, '.hljs-keyword')
await list.getByRole('button', { name: 'Show the conversation list' }).tap()
await list.locator('.sidebar').waitFor()
await list.waitForFunction(() => document.getAnimations().length === 0)
await take(list, 'phone-list.png')
await take(await open({ ...wide, colorScheme: 'light' }, '/', '#thread[data-live]'), 'new-chat.png')

await browser.close()
await app.stop()
await bedrock.close()
await folder.remove()
