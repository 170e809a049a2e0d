import type { Page } from 'playwright-core'
import { beforeAll, expect, it } from 'vitest'
import { ask, asked, describeBrowser, findings, ready, site, tooWide } from './support.ts'

describeBrowser('the admin pages', () => {
  const here = site({ demo: true })
  const paths = ['users', 'workspaces', 'usage', 'limits', 'feedback', 'audit']
  const secret = 'Zanzibar-and-nothing-else'
  /** The address of the admin's own page. */
  let own = ''

  async function opened(path: string, options: Parameters<typeof here.context>[0] = {}): Promise<Page> {
    const page = await (await here.context(options)).newPage()
    await page.goto(here.url + path)
    return page
  }

  beforeAll(async () => {
    const page = await here.page()
    await asked(page, secret)
    await page.getByRole('button', { name: 'Bad answer' }).click()
    await page.getByRole('link', { name: 'Administration' }).click()
    await page.locator('.person', { hasText: 'admin' }).click()
    own = new URL(page.url()).pathname
    await page.context().close()
  })

  it.each([
    ['wide and light', { viewport: { width: 1_200, height: 800 }, colorScheme: 'light' }],
    ['narrow and dark', { viewport: { width: 320, height: 640 }, colorScheme: 'dark' }],
  ] as const)('can be read and used by everyone, %s', async (_, options) => {
    const page = await opened('/admin', options)
    for (const path of [...paths.map((name) => `/admin/${name}`), own]) {
      await page.goto(here.url + path)
      expect([path, await findings(page), await tooWide(page)]).toEqual([path, [], []])
    }
  })

  it('tell nothing of what was said, though it was counted', async () => {
    const page = await opened('/admin/usage')
    expect(await page.locator('.totals dd').first().innerText()).toBe('1')
    expect(await page.locator('.plot rect').count()).toBe(1)
    for (const path of [...paths.map((name) => `/admin/${name}`), own]) {
      await page.goto(here.url + path)
      expect(await page.content()).not.toContain(secret)
    }
    const context = page.context()
    for (const file of ['usage', 'feedback', 'audit']) {
      const text = await (await context.request.get(`${here.url}/admin/${file}.csv`)).text()
      expect(text.split('\r\n').length).toBeGreaterThan(2)
      expect(text).not.toContain(secret)
    }
  })

  it('set a limit that holds at once, without scripts', async () => {
    const page = await opened(own, { javaScriptEnabled: false })
    await page.getByText('Limits of their own').click()
    await page.getByLabel('Tokens a day').fill('1')
    await page.getByRole('button', { name: 'Save' }).click()
    expect(await page.getByRole('status').innerText()).toContain('The limits were changed.')
    const chat = await here.page()
    // A limit is gone over by one turn.
    await asked(chat, 'One more')
    await ask(chat, 'And another')
    await chat.locator('.notice-text', { hasText: 'You have reached your limit of 1 token a day.' }).waitFor()
    await page.getByLabel('Tokens a day').fill('')
    await page.getByRole('button', { name: 'Save' }).click()
    await chat.reload()
    await ready(chat)
    await chat.getByRole('link', { name: 'New chat', exact: true }).click()
    await asked(chat, 'And now?')
  })

  it('are not there for members', async () => {
    const page = await opened('/login', { signedIn: false })
    await page.getByLabel('Name', { exact: true }).fill('user')
    await page.getByLabel('Password', { exact: true }).fill('password')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await ready(page)
    expect(await page.getByRole('link', { name: 'Administration' }).count()).toBe(0)
    here.expectFaults(/404/)
    expect((await page.goto(`${here.url}/admin`))?.status()).toBe(404)
    expect(await page.getByRole('heading').innerText()).toBe('Not found')
  })
})
