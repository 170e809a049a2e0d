import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'
import { whole } from '../../support/bedrock.ts'
import { answers, api, asked, describeBrowser, phone, ready, site, turns } from './support.ts'

const title = (page: Page) => page.getByRole('heading', { level: 1 })
const lines = (page: Page) => page.locator('.conversation')

/** Begins conversations without the page, the newest last. */
async function begin(page: Page, texts: string[]): Promise<string[]> {
  const ids: string[] = []
  for (const text of texts) {
    const { conversation } = await api<{ conversation: string }>(page, 'POST', 'messages', {
      id: crypto.randomUUID(),
      text,
    })
    ids.push(conversation)
  }
  return ids
}

describeBrowser('the list of conversations', () => {
  const here = site()

  it('opens one after the other without loading the page anew, and goes back', async () => {
    const page = await here.page()
    here.script(whole('About apples.'), whole('About pears.'))
    const apples = await asked(page, 'Apples')
    await page.getByRole('link', { name: 'New chat' }).last().click()
    await page.getByText('What can I help you with?').waitFor()
    const pears = await asked(page, 'Pears')
    await page.evaluate(() => Object.assign(globalThis, { sameDocument: true }))
    await page.locator(`.conversation a[href="${apples}"]`).click()
    await answers(page).getByText('About apples.').waitFor()
    expect(new URL(page.url()).pathname).toBe(apples)
    expect(await page.locator('.conversation a[aria-current=page]').getAttribute('href')).toBe(apples)
    await page.goBack()
    await answers(page).getByText('About pears.').waitFor()
    expect(new URL(page.url()).pathname).toBe(pears)
    await page.goBack()
    await page.getByText('What can I help you with?').waitFor()
    expect(await page.evaluate(() => 'sameDocument' in globalThis)).toBe(true)
  })

  it('groups them by day', async () => {
    const page = await here.page()
    await asked(page, 'Something of today')
    expect(await page.locator('.list-day').first().innerText()).toBe('Today')
  })

  it('renames in place, from the heading and from the list, and keeps the old name on Escape', async () => {
    const page = await here.page()
    const path = await asked(page, 'Name me')
    await page.getByRole('button', { name: 'More for this conversation' }).click()
    await page.getByRole('button', { name: 'Rename' }).click()
    await page.getByLabel('Title').fill('  <b>A better</b> name ')
    await page.keyboard.press('Enter')
    await title(page).getByText('<b>A better</b> name', { exact: true }).waitFor()
    const line = lines(page).filter({ has: page.locator(`a[href="${path}"]`) })
    await line.getByText('<b>A better</b> name', { exact: true }).waitFor()
    await line.hover()
    await line.getByRole('button', { name: /^More for/ }).click()
    await page.getByRole('button', { name: 'Rename' }).click()
    await page.getByLabel('Title').fill('Not this one')
    await page.keyboard.press('Escape')
    await page.reload()
    await ready(page)
    expect(await title(page).innerText()).toBe('<b>A better</b> name')
    expect(await page.title()).toBe('<b>A better</b> name · Team Chat')
  })

  it('deletes after asking', async () => {
    here.expectFaults(/status of 404/)
    const page = await here.page()
    const path = await asked(page, 'Delete me')
    const open = async () => {
      await page.getByRole('button', { name: 'More for this conversation' }).click()
      await page.getByRole('button', { name: 'Delete', exact: true }).click()
    }
    await open()
    await page.getByRole('button', { name: 'Cancel' }).click()
    expect(await turns(page).count()).toBe(1)
    await open()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByText('What can I help you with?').waitFor()
    expect(await page.locator(`.conversation a[href="${path}"]`).count()).toBe(0)
    await page.goto(here.url + path)
    await page.getByRole('heading', { name: 'Not found' }).waitFor()
  })

  it('finds by words, shows them marked, and tells when there is nothing', async () => {
    const page = await here.page()
    here.script(whole('The capital of Burkina Faso is Ouagadougou, by the way.'))
    const path = await asked(page, 'A question for the search')
    await page.getByLabel('Message', { exact: true }).blur()
    await page.keyboard.press('/')
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('search')
    await page.keyboard.type('ouagadougou')
    await page.locator('mark', { hasText: 'Ouagadougou' }).waitFor()
    expect(await lines(page).count()).toBe(1)
    await page.keyboard.press('Escape')
    await page.locator('.list-day').first().waitFor()
    expect(await page.getByRole('searchbox').inputValue()).toBe('')
    await page.getByRole('searchbox').fill('no such words anywhere')
    await page.locator('.list-empty').getByText('Nothing found for “no such words anywhere”.').waitFor()
    await page.goto(`${here.url}/?q=ouagadougou`)
    await page.locator(`.conversation a[href="${path}"]`).waitFor()
    expect(await lines(page).count()).toBe(1)
  })

  it('types a slash where text is written', async () => {
    const page = await here.page()
    await page.getByLabel('Message', { exact: true }).pressSequentially('a/b')
    expect(await page.getByLabel('Message', { exact: true }).inputValue()).toBe('a/b')
  })

  it('exports as Markdown and as JSON', async () => {
    const page = await here.page()
    here.script(whole('The **answer**.'))
    await asked(page, 'The question')
    for (const [name, ending, expected] of [
      ['Export as Markdown', '.md', 'The **answer**.'],
      ['Export as JSON', '.json', '"The **answer**."'],
    ] as const) {
      await page.getByRole('button', { name: 'More for this conversation' }).click()
      const downloading = page.waitForEvent('download')
      await page.getByRole('link', { name }).click()
      const file = await downloading
      expect(file.suggestedFilename().endsWith(ending)).toBe(true)
      expect(await readFile(await file.path(), 'utf8')).toContain(expected)
    }
  })

  it('shows more of a long list', async () => {
    const page = await here.page()
    await begin(
      page,
      Array.from({ length: 40 }, (_, at) => `Conversation ${at}`),
    )
    await page.reload()
    await ready(page)
    expect(await lines(page).count()).toBe(30)
    await page.getByRole('button', { name: 'Show more' }).click()
    await page.waitForFunction(() => document.querySelectorAll('.conversation').length > 39)
    const links = await page
      .locator('.conversation a')
      .evaluateAll((all) => all.map((link) => link.getAttribute('href')))
    expect(new Set(links).size).toBe(links.length)
  })

  it('is a drawer on a phone, closed by Escape and by what is chosen', async () => {
    const page = await here.page('/', phone)
    const list = page.getByRole('navigation', { name: 'Conversations' })
    const opener = page.getByRole('button', { name: 'Show the conversation list' })
    const [first] = await begin(page, ['For the drawer'])
    await page.reload()
    await ready(page)
    expect(await list.isVisible()).toBe(false)
    await opener.tap()
    await list.waitFor()
    expect(await opener.getAttribute('aria-expanded')).toBe('true')
    await page.keyboard.press('Escape')
    await list.waitFor({ state: 'hidden' })
    await opener.tap()
    await page.locator(`.conversation a[href="/c/${first}"]`).tap()
    await list.waitFor({ state: 'hidden' })
    await page.locator('.bubble', { hasText: 'For the drawer' }).waitFor()
  })
})
