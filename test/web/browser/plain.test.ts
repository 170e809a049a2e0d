import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'
import { whole } from '../../support/bedrock.ts'
import { describeBrowser, findings, phone, signIn, site, tooWide } from './support.ts'

const plain = { javaScriptEnabled: false } as const

async function send(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text)
  await page.getByRole('button', { name: 'Send', exact: true }).click()
}

describeBrowser('without scripts', () => {
  const here = site()

  it('signs in, asks, reads, goes on, and signs out', async () => {
    const page = await here.page('/login', { ...plain, signedIn: false })
    await signIn(page, here.url)
    here.script(whole('A **plain** answer, with [a link](https://example.com/).'), whole('Another one.'))
    await send(page, 'A plain question')
    await page.getByText('A plain answer').waitFor()
    expect(new URL(page.url()).pathname).toMatch(/^\/c\/[\w-]+$/)
    expect(await page.locator('.prose strong').innerText()).toBe('plain')
    expect(await page.locator('.prose a').getAttribute('rel')).toBe('noopener noreferrer nofollow')
    await send(page, 'And another')
    await page.getByText('Another one.').waitFor()
    expect(await page.locator('.bubble').allInnerTexts()).toEqual(['A plain question', 'And another'])
    expect(await page.getByRole('button', { name: 'Copy this answer' }).count()).toBe(0)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  })

  it('renames, rates, asks again, searches, exports and deletes', async () => {
    const page = await here.page('/', plain)
    here.script(whole('First try.'), whole('Second try.'))
    await send(page, 'Try something plain')
    await page.getByText('First try.').waitFor()
    await page.locator('.manage summary').click()
    await page.getByLabel('Title').fill('A plain title')
    await page.getByRole('button', { name: 'Rename' }).click()
    await page.getByRole('heading', { level: 1, name: 'A plain title' }).waitFor()
    await page.locator('.answer summary').click()
    await page.getByLabel('Comment').fill('Fine')
    await page.getByRole('button', { name: 'Good answer' }).click()
    expect(await page.locator('.turn').getAttribute('data-rating')).toBe('up')
    await page.locator('.answer summary').click()
    await page.getByRole('button', { name: 'Ask again' }).click()
    await page.getByText('Second try.').waitFor()
    expect(await page.locator('.bubble').allInnerTexts()).toEqual(['Try something plain'])
    await page.getByRole('searchbox').fill('Second try')
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'A plain title' }).click()
    await page.locator('.manage summary').click()
    const downloading = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Export as Markdown' }).click()
    expect((await downloading).suggestedFilename()).toBe('A plain title.md')
    await page.getByRole('button', { name: 'Delete for good' }).click()
    await page.getByText('What can I help you with?').waitFor()
    expect(await page.getByRole('link', { name: 'A plain title' }).count()).toBe(0)
  })

  it('begins with the newest messages in view', async () => {
    const page = await here.page('/', plain)
    here.script(whole('A long answer.\n\n'.repeat(60)), whole('The last line'))
    await send(page, 'Fill the window')
    await send(page, 'The newest question')
    await page.getByText('The last line').waitFor()
    expect(
      await page
        .locator('.bubble')
        .last()
        .evaluate((bubble) => bubble.getBoundingClientRect().bottom),
    ).toBeGreaterThan(0)
    expect(
      await page.getByText('The last line').evaluate((line) => line.getBoundingClientRect().bottom < innerHeight),
    ).toBe(true)
  })

  it.each([
    ['a wide window', {}],
    ['a phone', phone],
  ])('is as accessible, in %s', async (_name, look) => {
    const page = await here.page('/', { ...plain, ...look })
    await send(page, 'Is this accessible?')
    await page.locator('.prose', { hasText: 'You said' }).waitFor()
    const opener = page.locator('a.drawer-open')
    if (await opener.isVisible()) {
      await opener.tap()
      await page.locator('.sidebar').waitFor()
      await page.getByRole('link', { name: 'Close the conversation list' }).tap()
      await page.locator('.sidebar').waitFor({ state: 'hidden' })
    }
    // axe needs scripts itself: for it the page comes as it is without them, to a browser that has them.
    const scripted = await here.context(look)
    const same = await scripted.newPage()
    await same.route('**/c/*', async (route) => {
      const response = await route.fetch()
      const html = await response.text()
      await route.fulfill({ response, body: html.replace(/<script type="module".*?<\/script>|<\/?noscript>/g, '') })
    })
    for (const address of [page.url().split('#')[0], `${page.url().split('#')[0]}#conversations`]) {
      await same.goto(address ?? '')
      await same.locator('.manage').waitFor()
      expect(await findings(same)).toEqual([])
      expect(await tooWide(same)).toEqual([])
    }
  })
})
