import type { BrowserContextOptions, Page } from 'playwright-core'
import { beforeAll, expect, it } from 'vitest'
import { type Act, say, start, stop, usage } from '../../support/bedrock.ts'
import { answered, api, ask, asked, describeBrowser, findings, phone, ready, site, tooWide } from './support.ts'

const everything = `# A plan

See [the handbook](https://example.com/a?b=1&c=2) and https://example.com/${'very/'.repeat(30)}long

1. One
   - nested *list*
2. Two

- [x] done
- [ ] to do

> A quote

| Table | Rows | Notes that are long enough to make the table scroll on every phone there is |
|---|---:|:-:|
| customers | 1,204 | yes |

\`\`\`typescript
const answer: number = await ask('a line that is long enough to scroll sideways, in every window that is not very wide')
\`\`\`

#### Small heading

هذا نص من اليمين إلى اليسار

${'x'.repeat(200)}`

const looks: Record<string, BrowserContextOptions> = {
  'light, wide': { viewport: { width: 1440, height: 900 }, colorScheme: 'light' },
  'dark, wide': { viewport: { width: 1440, height: 900 }, colorScheme: 'dark' },
  'light, tablet': { viewport: { width: 768, height: 1024 }, colorScheme: 'light' },
  'dark, phone': { ...phone, colorScheme: 'dark' },
  'light, smallest phone': { ...phone, viewport: { width: 320, height: 568 }, colorScheme: 'light' },
}

describeBrowser('every state, in every look, is accessible and fits', () => {
  const here = site()
  let conversation = ''
  beforeAll(async () => {
    const page = await here.page()
    here.script([start, ...say(...(everything.match(/[\s\S]{1,50}/g) ?? [])), ...stop(), usage()])
    conversation = await asked(page, 'Show me all you can')
    await page.context().close()
  })

  async function good(page: Page): Promise<void> {
    expect(await findings(page)).toEqual([])
    expect(await tooWide(page)).toEqual([])
  }

  it.each(Object.entries(looks))('sign-in, wrong password, error page, API page: %s', async (_name, look) => {
    here.expectFaults(/status of 40[14]/)
    const page = await here.page('/login', { ...look, signedIn: false })
    await good(page)
    await page.getByLabel('Name', { exact: true }).fill('admin')
    await page.getByLabel('Password', { exact: true }).fill('wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').waitFor()
    await good(page)
    await page.goto(`${here.url}/no/such/page`)
    await page.getByRole('heading', { name: 'Not found' }).waitFor()
    await good(page)
    await page.goto(`${here.url}/docs`)
    await page.getByRole('heading', { name: 'API', level: 1 }).waitFor()
    await good(page)
  })

  it.each(Object.entries(looks))('new chat, conversation, drawer, search: %s', async (_name, look) => {
    const page = await here.page('/', look)
    await good(page)
    await page.goto(here.url + conversation)
    await ready(page)
    await page.locator('.hljs-keyword').first().waitFor()
    await good(page)
    await page.locator('#thread').evaluate((thread) => thread.scrollTo(0, 0))
    await page.getByRole('button', { name: 'Jump to the latest' }).waitFor()
    await good(page)
    const opener = page.getByRole('button', { name: 'Show the conversation list' })
    if (await opener.isVisible()) await opener.click()
    await page.getByRole('navigation', { name: 'Conversations' }).waitFor()
    await page.getByRole('searchbox').fill('handbook')
    await page.locator('.snippet mark').first().waitFor()
    await good(page)
    await page.getByRole('searchbox').fill('no such words')
    await page.getByText('Nothing found for').first().waitFor()
    await good(page)
  })

  it.each(Object.entries(looks))('streaming, waiting, stopped, failed, edit, comment: %s', async (_name, look) => {
    const page = await here.page('/', look)
    const send = async (text: string) => {
      await page.getByLabel('Message', { exact: true }).fill(text)
      await page.getByRole('button', { name: 'Send', exact: true }).click()
    }
    here.script([start, ...say('Half an answer with `code`\n\n```js\nlet x'), { gate: 'never' } as Act])
    await send('A long story')
    await page.locator('.turn[data-text]').waitFor()
    await send('And one more')
    await page.locator('.turn[data-state=waiting]').waitFor()
    await good(page)
    await page.getByRole('button', { name: 'Take back' }).click()
    await page.getByRole('button', { name: 'Stop' }).click()
    await page.getByText('Stopped.').first().waitFor()
    await page.waitForFunction(() => !document.querySelector('.turn:not([data-state=done])'))
    await good(page)
    here.script([{ refuse: 400, type: 'ValidationException', message: 'no' }])
    await send('This fails')
    await page.locator('.turn[data-stop=failed]').waitFor()
    await good(page)
    await page.locator('.turn[data-last] [data-action=edit]').click()
    await good(page)
    await page.getByRole('button', { name: 'Cancel' }).click()
    await send('And this works')
    await page.locator('.turn[data-last][data-state=done][data-stop=end]').waitFor()
    await page.locator('.turn[data-last] [data-action=down]').click()
    await page.getByLabel('What was wrong?').waitFor()
    await good(page)
  })

  it.each(Object.entries(looks))('menu, rename, delete, connection lost: %s', async (_name, look) => {
    here.expectFaults(/ERR_INTERNET_DISCONNECTED/)
    const page = await here.page(conversation, look)
    await page.getByRole('button', { name: 'More for this conversation' }).click()
    await page.getByRole('button', { name: 'Rename' }).waitFor()
    await good(page)
    await page.getByRole('button', { name: 'Rename' }).click()
    await page.getByLabel('Title').waitFor()
    await good(page)
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'More for this conversation' }).click()
    await page.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog').waitFor()
    await good(page)
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.context().setOffline(true)
    await page.locator('#connection').getByText('Connection lost').waitFor()
    await good(page)
  })

  it('a conversation with others, and one from another surface', async () => {
    const page = await here.page('/')
    const { items } = await api<{ items: { surface: string }[] }>(page, 'GET', 'conversations')
    expect(items.length).toBeGreaterThan(0)
    expect(await page.locator('.conversation .surface-name').first().textContent()).toContain('Web')
  })

  it('nothing moves for those who want less motion', async () => {
    const page = await here.page('/', { reducedMotion: 'reduce' })
    here.script([start, { gate: 'never' } as Act])
    await ask(page, 'Wait')
    await page.locator('.turn[data-state=running]').waitFor()
    expect(await page.evaluate(() => document.getAnimations().length)).toBe(0)
    await page.getByRole('button', { name: 'Stop' }).click()
    await answered(page, 1)
  })

  it('forced colours leave everything visible', async () => {
    const page = await here.page(conversation, { forcedColors: 'active' })
    await good(page)
  })
})
