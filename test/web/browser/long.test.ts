import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'
import { answered, answers, api, ask, describeBrowser, growing, ready, site, turns } from './support.ts'

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
    const plain = await here.page(path, { javaScriptEnabled: false })
    expect(await plain.locator('.bubble').first().innerText()).toBe('Question number 15')
    await plain.getByRole('link', { name: 'Earlier messages' }).click()
    await plain.getByText('Question number 0', { exact: true }).waitFor()
    expect(await plain.locator('.bubble').last().innerText()).toBe('Question number 14')
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
