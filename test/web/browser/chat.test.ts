import { expect, it } from 'vitest'
import { type Act, say, start, stop, usage, whole } from '../../support/bedrock.ts'
import { answered, answers, ask, asked, describeBrowser, growing, phone, ready, site, turns } from './support.ts'

/** An answer whose rest waits until the test opens the gate. */
const gated = (first: string, gate: string, ...rest: string[]): Act[] => [
  start,
  ...say(first),
  { gate },
  ...say(...rest),
  ...stop(),
  usage(),
]

describeBrowser('asking and answering', () => {
  const here = site()

  it('shows the answer while it is written, and then its tokens, its time and its conversation', async () => {
    const page = await here.page()
    here.script(gated('The first words, ', 'one', 'and **the rest**.'))
    await ask(page, 'Tell me something')
    await growing(page).getByText('The first words,').waitFor()
    expect(await turns(page).getAttribute('data-state')).toBe('running')
    expect(await page.getByRole('button', { name: 'Stop' }).isVisible()).toBe(true)
    here.bedrock.open('one')
    await answered(page, 1)
    expect(await answers(page).innerText()).toBe('The first words, and the rest.')
    expect(await answers(page).locator('strong').innerText()).toBe('the rest')
    expect(await page.locator('.usage').innerText()).toBe('15 tokens')
    expect(await page.getByRole('button', { name: 'Stop' }).isVisible()).toBe(false)
    expect(new URL(page.url()).pathname).toMatch(/^\/c\/[\w-]+$/)
    await page.getByRole('heading', { level: 1, name: 'A short answer' }).waitFor()
    expect(await page.title()).toBe('A short answer · Team Chat')
    expect(await page.locator('.conversation a[aria-current=page]').innerText()).toContain('A short answer')
  })

  it('tells a screen reader the finished answer, and not every piece of it', async () => {
    const page = await here.page()
    const status = page.locator('#announce')
    here.script(gated('Once upon ', 'end', 'a time.'))
    await ask(page, 'Tell me something')
    await growing(page).getByText('Once upon').waitFor()
    expect(await status.textContent()).toBe('')
    here.bedrock.open('end')
    await page.waitForFunction(
      () => document.getElementById('announce')?.textContent === 'Assistant: Once upon a time.',
    )
  })

  it('answers questions in the order they were asked, and lets one that waits be taken back', async () => {
    const page = await here.page()
    here.script(gated('First', 'first', ' answer.'), whole('Third answer.'))
    await ask(page, 'One')
    await growing(page).getByText('First').waitFor()
    await ask(page, 'Two')
    await page.locator('.turn[data-state=waiting]').waitFor()
    await ask(page, 'Three')
    await page.waitForFunction(() => document.querySelectorAll('.turn[data-state=waiting]').length === 2)
    expect(await page.getByText('Waiting in line').filter({ visible: true }).count()).toBe(2)
    await page.getByRole('button', { name: 'Take back' }).first().click()
    await page.getByText('Taken back', { exact: true }).waitFor()
    expect(await page.getByRole('button', { name: 'Take back' }).count()).toBe(1)
    here.bedrock.open('first')
    await answered(page, 3)
    expect(await page.locator('.bubble').allInnerTexts()).toEqual(['One', 'Two', 'Three'])
    expect(await answers(page).allInnerTexts()).toEqual(['First answer.', '', 'Third answer.'])
    expect(await turns(page).nth(1).locator('.notice-text').innerText()).toBe('Stopped.')
  })

  it('stops by the button, keeps what was shown, and answers again in its place', async () => {
    const page = await here.page()
    here.script(gated('The beginning', 'never'))
    await ask(page, 'A long story')
    await growing(page).getByText('The beginning').waitFor()
    await page.getByRole('button', { name: 'Stop' }).click()
    await answered(page, 1)
    expect(await answers(page).innerText()).toBe('The beginning')
    expect(await page.locator('.answer .notice-text').innerText()).toBe('Stopped.')
    here.script(whole('All of the story.'))
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByText('All of the story.').first().waitFor()
    await answered(page, 1)
    expect(await page.locator('.bubble').allInnerTexts()).toEqual(['A long story'])
    await page.reload()
    await ready(page)
    expect(await answers(page).allInnerTexts()).toEqual(['All of the story.'])
  })

  it('stops by Escape', async () => {
    const page = await here.page()
    here.script(gated('The beginning', 'never'))
    await ask(page, 'A long story')
    await growing(page).getByText('The beginning').waitFor()
    await page.keyboard.press('Escape')
    await answered(page, 1)
    expect(await page.locator('.turn').getAttribute('data-stop')).toBe('stopped')
  })

  it('says in plain words why there is no answer, and marks one that was cut short', async () => {
    const page = await here.page()
    here.script([{ refuse: 400, type: 'ValidationException', message: 'Malformed input request #/x' }])
    await asked(page, 'What is wrong?')
    const notice = page.locator('.answer .notice-text').filter({ visible: true })
    expect(await notice.innerText()).toContain('could not work with this message')
    expect(await page.locator('body').innerText()).not.toContain('Malformed')
    here.script([start, ...say('Half of it'), { cut: 'rst' }])
    await asked(page, 'And now?')
    expect(await answers(page).last().innerText()).toBe('Half of it')
    expect(await notice.last().innerText()).toContain('incomplete')
    expect(await page.getByRole('button', { name: 'Try again' }).count()).toBe(1)
  })

  it('edits the last question in its place', async () => {
    const page = await here.page()
    await asked(page, 'What is teh answer?')
    await page.getByRole('button', { name: 'Edit this question' }).click()
    expect(await page.getByLabel('Message', { exact: true }).inputValue()).toBe('What is teh answer?')
    await page.keyboard.press('Escape')
    expect(await page.getByText('Editing your last question').isVisible()).toBe(false)
    await page.getByRole('button', { name: 'Edit this question' }).click()
    await ask(page, 'What is the answer?')
    await answered(page, 1)
    await page.getByText('You said: “What is the answer?”').first().waitFor()
    expect(await page.locator('.bubble').allInnerTexts()).toEqual(['What is the answer?'])
  })

  it('keeps a rating and its comment, and takes it back', async () => {
    const page = await here.page()
    await asked(page, 'Rate this')
    await page.getByRole('button', { name: 'Bad answer' }).click()
    await page.getByLabel('What was wrong?').fill('Not what I asked.')
    await page.getByRole('button', { name: 'Send comment' }).click()
    await page.waitForFunction(() => document.getElementById('announce')?.textContent?.includes('Thank you'))
    await page.reload()
    await ready(page)
    const down = page.getByRole('button', { name: 'Bad answer' })
    expect(await down.getAttribute('aria-pressed')).toBe('true')
    expect(await page.locator('.turn').getAttribute('data-comment')).toBe('Not what I asked.')
    await down.click()
    await page.waitForFunction(() => document.getElementById('announce')?.textContent?.includes('taken back'))
    await page.reload()
    await ready(page)
    expect(await down.getAttribute('aria-pressed')).toBe('false')
  })

  it('copies an answer as Markdown, and code alone', async () => {
    const page = await here.page()
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    here.script(whole('Use **this**:\n\n', '```js\nlet x = 1\n```'))
    await asked(page, 'Code, please')
    const copied = () => page.evaluate(() => navigator.clipboard.readText())
    const said = (words: string) =>
      page.waitForFunction((text) => document.getElementById('announce')?.textContent === text, words)
    await page.getByRole('button', { name: 'Copy this answer' }).click()
    await said('Answer copied.')
    expect(await copied()).toBe('Use **this**:\n\n```js\nlet x = 1\n```')
    await page.getByRole('button', { name: 'Copy', exact: true }).click()
    await said('Code copied.')
    expect(await copied()).toBe('let x = 1\n')
    // Also after a reload, when the page has only the rendered answer.
    await page.reload()
    await ready(page)
    await page.getByRole('button', { name: 'Copy this answer' }).click()
    await said('Answer copied.')
    expect(await copied()).toBe('Use **this**:\n\n```js\nlet x = 1\n```')
  })

  it('colours code and names its language, also one that is loaded when it is needed', async () => {
    const page = await here.page()
    here.script(whole('```python\ndef f(): return 1\n```\n\n```rust\nfn main() {}\n```\n\n```nonsense\nx\n```'))
    await asked(page, 'Code')
    await page.locator('code.language-python .hljs-keyword').first().waitFor()
    await page.locator('code.language-rust .hljs-keyword').first().waitFor()
    expect(await page.locator('.code-language').allInnerTexts()).toEqual(['Python', 'Rust', 'nonsense'])
  })

  it('renders the blocks of a growing answer once', async () => {
    const page = await here.page()
    here.script(gated('# A heading\n\nA paragraph.\n\nThe be', 'more', 'ginning of the last'))
    await ask(page, 'Grow')
    await growing(page).getByText('The be').waitFor()
    await growing(page)
      .getByRole('heading', { name: 'A heading' })
      .evaluate((heading) => {
        heading.setAttribute('data-same', 'yes')
      })
    here.bedrock.open('more')
    await page.waitForFunction(() => /beginning of the last/.test(document.querySelector('.prose')?.textContent ?? ''))
    // Either it is still growing and the heading is the same element, or it has ended and was rendered whole.
    await answered(page, 1)
    expect(await answers(page).innerText()).toContain('beginning of the last')
  })

  it('shows what an example begins with, and sends nothing by itself', async () => {
    const page = await here.page()
    await page.getByRole('button', { name: 'Draft a message' }).click()
    expect(await page.getByLabel('Message', { exact: true }).inputValue()).toMatch(/^Draft a short, friendly message/)
    expect(await turns(page).count()).toBe(0)
  })

  it('begins a line with Shift and Enter, and sends nothing that is empty or too long', async () => {
    const page = await here.page()
    const field = page.getByLabel('Message', { exact: true })
    await field.press('Enter')
    await field.fill('   ')
    await field.press('Enter')
    expect(await turns(page).count()).toBe(0)
    await field.fill('')
    await field.pressSequentially('One')
    await field.press('Shift+Enter')
    await field.pressSequentially('Two')
    expect(await field.inputValue()).toBe('One\nTwo')
    const height = (await field.boundingBox())?.height ?? 0
    await field.fill('line\n'.repeat(10))
    expect((await field.boundingBox())?.height).toBeGreaterThan(height)
    const most = Number(JSON.parse((await page.locator('#boot').textContent()) ?? '').maxLength)
    await field.fill('x'.repeat(most + 1))
    expect(await page.locator('#counter').innerText()).toBe('1 characters too many')
    await field.press('Enter')
    expect(await turns(page).count()).toBe(0)
    await field.fill('x'.repeat(most - 10))
    expect(await page.locator('#counter').innerText()).toBe('10 characters left')
  })

  it('begins a line with Enter on a touch screen', async () => {
    const page = await here.page('/', phone)
    const field = page.getByLabel('Message', { exact: true })
    await field.pressSequentially('One')
    await field.press('Enter')
    await field.pressSequentially('Two')
    expect(await field.inputValue()).toBe('One\nTwo')
    await page.getByRole('button', { name: 'Send', exact: true }).tap()
    await answered(page, 1)
  })

  it('keeps a draft for each conversation across reloads', async () => {
    const page = await here.page()
    const field = page.getByLabel('Message', { exact: true })
    const path = await asked(page, 'A conversation with a draft')
    await field.fill('for this one')
    await page.getByRole('link', { name: 'New chat' }).last().click()
    await page.getByRole('heading', { level: 1, name: 'New chat' }).waitFor()
    expect(await field.inputValue()).toBe('')
    await field.fill('for a new one')
    await page.reload()
    await ready(page)
    expect(await field.inputValue()).toBe('for a new one')
    await page.goto(here.url + path)
    await ready(page)
    expect(await field.inputValue()).toBe('for this one')
    await page.goBack()
    await ready(page)
    expect(await field.inputValue()).toBe('for a new one')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL('**/login')
    expect(await page.evaluate(() => Object.keys(localStorage))).toEqual([])
  })
})

describeBrowser('with the demo model', () => {
  const here = site({ demo: true })

  it('says so in the page and at every answer', async () => {
    const page = await here.page()
    expect(await page.getByText('Demo model').filter({ visible: true }).count()).toBe(1)
    await asked(page, 'Who are you?')
    expect(await page.locator('.answer .tag').innerText()).toBe('Demo model')
    expect(await answers(page).innerText()).toContain('built-in demo model')
    await page.reload()
    await ready(page)
    expect(await page.locator('.answer .tag').isVisible()).toBe(true)
  })
})
