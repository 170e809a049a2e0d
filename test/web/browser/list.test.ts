import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'
import { whole } from '../../support/bedrock.ts'
import { answered, answers, api, ask, asked, describeBrowser, growing, phone, ready, site, turns } from './support.ts'

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

describeBrowser('a long conversation', () => {
  const here = site()

  /** A conversation of that many turns, asked without the page. */
  async function long(page: Page, count: number): Promise<string> {
    let conversation: string | undefined
    for (let at = 0; at < count; at++) {
      const sent: { conversation: string; turn: string } = await api(page, 'POST', 'messages', {
        id: crypto.randomUUID(),
        text: `Question number ${at}`,
        ...(conversation && { conversation }),
      })
      conversation = sent.conversation
      await page.waitForFunction(
        async ([id, wanted]) => {
          const response = await fetch(`/api/conversations/${id}?limit=1`)
          const { conversation } = await response.json()
          return conversation.count === wanted
        },
        [conversation, (at + 1) * 2] as const,
      )
    }
    return `/c/${conversation}`
  }

  it('comes in as one scrolls up, and nothing that is read moves', async () => {
    const page = await here.page()
    const path = await long(page, 40)
    await page.goto(here.url + path)
    await ready(page)
    expect(await turns(page).count()).toBe(25)
    const thread = page.locator('#thread')
    const fromBottom = () => thread.evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight)
    expect(await fromBottom()).toBeLessThan(2)
    const place = await page.evaluate(async () => {
      const box = document.getElementById('thread') as HTMLElement
      box.scrollTop = 300
      await new Promise((resolve) => requestAnimationFrame(resolve))
      const first = document.querySelector('.turn') as HTMLElement
      first.dataset.watched = 'yes'
      return first.getBoundingClientRect().top
    })
    await page.waitForFunction(() => document.querySelectorAll('.turn').length === 40)
    const after = await page.locator('[data-watched]').evaluate((turn) => turn.getBoundingClientRect().top)
    expect(Math.abs(after - place)).toBeLessThan(2)
    expect(await page.locator('.bubble').first().innerText()).toBe('Question number 0')
    expect(await page.getByRole('link', { name: 'Earlier messages' }).isVisible()).toBe(false)
    const order = await page.locator('.bubble').allInnerTexts()
    expect(order).toEqual(Array.from({ length: 40 }, (_, at) => `Question number ${at}`))
  })

  it('stays where it is read while an answer grows below, and follows it at the bottom', async () => {
    const page = await here.page()
    const path = await long(page, 10)
    await page.goto(here.url + path)
    await ready(page)
    const thread = page.locator('#thread')
    here.script([
      { event: 'messageStart', payload: { role: 'assistant' } },
      { event: 'contentBlockDelta', payload: { contentBlockIndex: 0, delta: { text: 'Line\n\n'.repeat(30) } } },
      { gate: 'read' },
      { event: 'contentBlockDelta', payload: { contentBlockIndex: 0, delta: { text: 'Line\n\n'.repeat(30) } } },
      { gate: 'never' },
    ])
    await ask(page, 'Go on')
    await page.waitForFunction(() => document.querySelectorAll('.turn[data-state=running] .prose p').length >= 30)
    await page.waitForFunction(() => {
      const box = document.getElementById('thread') as HTMLElement
      return box.scrollHeight - box.scrollTop - box.clientHeight < 2
    })
    await thread.evaluate((box) => box.scrollTo(0, box.scrollTop - 400))
    await page.getByRole('button', { name: 'Jump to the latest' }).waitFor()
    const at = await thread.evaluate((box) => box.scrollTop)
    here.bedrock.open('read')
    await page.waitForFunction(() => document.querySelectorAll('.turn[data-state=running] .prose p').length >= 60)
    expect(await thread.evaluate((box) => box.scrollTop)).toBe(at)
    await page.getByRole('button', { name: 'Jump to the latest' }).click()
    expect(await thread.evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight)).toBeLessThan(2)
    expect(await page.getByRole('button', { name: 'Jump to the latest' }).isVisible()).toBe(false)
    await page.getByRole('button', { name: 'Stop' }).click()
    await answered(page, 11)
  })

  it('shows an answer of 100,000 characters block by block, and each block once', async () => {
    const page = await here.page()
    const paragraph = `${'Some words of **an answer** with `code` in it. '.repeat(20)}\n\n`
    const count = Math.ceil(100_000 / paragraph.length)
    here.script([
      { event: 'messageStart', payload: { role: 'assistant' } },
      ...Array.from({ length: count }, () => ({
        event: 'contentBlockDelta',
        payload: { contentBlockIndex: 0, delta: { text: paragraph } },
      })),
      { gate: 'never' },
    ])
    await page.evaluate(() => {
      // How often any paragraph was put on the page.
      Object.assign(globalThis, { added: 0 })
      new MutationObserver((changes) => {
        for (const change of changes) {
          const nodes = [...change.addedNodes].filter(
            (node) => node.nodeName === 'P' && node.parentElement?.matches('.prose'),
          )
          ;(globalThis as unknown as { added: number }).added += nodes.length
        }
      }).observe(document.getElementById('turns') as HTMLElement, { childList: true, subtree: true })
    })
    await ask(page, 'All of it')
    await page.waitForFunction(
      (wanted) => document.querySelectorAll('.turn[data-state=running] .prose p').length === wanted,
      count,
    )
    const added = await page.evaluate(() => (globalThis as unknown as { added: number }).added)
    // Once when it was the last block, in which it may be rendered a few times, and once when it was done.
    expect(added).toBeLessThanOrEqual(count * 4)
    expect(await growing(page).locator('p').last().locator('strong').count()).toBe(20)
    await page.getByRole('button', { name: 'Stop' }).click()
    await answered(page, 1)
    expect(await answers(page).locator('p').count()).toBe(count)
  })
})
