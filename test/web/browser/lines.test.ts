import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'
import { type Act, say, start, stop, usage, whole } from '../../support/bedrock.ts'
import { answered, answers, api, ask, asked, describeBrowser, growing, ready, signIn, site, turns } from './support.ts'

const gated = (first: string, gate: string, ...rest: string[]): Act[] => [
  start,
  ...say(first),
  { gate },
  ...say(...rest),
  ...stop(),
  usage(),
]
const field = (page: Page) => page.getByLabel('Message', { exact: true })

describeBrowser('reloads, tabs and lost lines', () => {
  const here = site()

  it('goes on after a reload in the middle of an answer', async () => {
    const page = await here.page()
    here.script(gated('The first half, ', 'reload', 'the second half.'))
    await ask(page, 'Both halves, please')
    await growing(page).getByText('The first half,').waitFor()
    await page.reload()
    await growing(page).getByText('The first half,').waitFor()
    expect(await page.locator('.bubble').allInnerTexts()).toEqual(['Both halves, please'])
    here.bedrock.open('reload')
    await answered(page, 1)
    expect(await answers(page).innerText()).toBe('The first half, the second half.')
    expect(
      here.bedrock.requests.filter(({ body }) => JSON.stringify(body).includes('Both halves')).length,
    ).toBeGreaterThan(0)
  })

  it('shows the same text in two tabs, and a stop in one ends both', async () => {
    const one = await here.page()
    const path = await asked(one, 'Hello')
    const two = await one.context().newPage()
    await two.goto(here.url + path)
    await ready(two)
    here.script(gated('Seen in both ', 'tabs', 'to the end.'), gated('And this ', 'never'))
    await ask(one, 'For two')
    await growing(one).getByText('Seen in both').waitFor()
    await growing(two).getByText('Seen in both').waitFor()
    here.bedrock.open('tabs')
    await answered(one, 2)
    await answered(two, 2)
    expect(await answers(two).last().innerText()).toBe('Seen in both to the end.')
    await ask(two, 'Once more')
    await growing(one).getByText('And this').waitFor()
    await two.getByRole('button', { name: 'Stop' }).click()
    await answered(one, 3)
    await answered(two, 3)
    expect(await one.locator('.turn[data-last]').getAttribute('data-stop')).toBe('stopped')
  })

  it('tells other tabs of a new, renamed and deleted conversation', async () => {
    const one = await here.page()
    const two = await one.context().newPage()
    await two.goto(`${here.url}/`)
    await ready(two)
    const path = await asked(one, 'News for the other tab')
    const line = two.locator(`.conversation a[href="${path}"]`)
    await line.waitFor()
    await one.getByRole('button', { name: 'More for this conversation' }).click()
    await one.getByRole('button', { name: 'Rename' }).click()
    await one.getByLabel('Title').fill('Seen by both')
    await one.keyboard.press('Enter')
    await line.getByText('Seen by both').waitFor()
    await one.getByRole('button', { name: 'More for this conversation' }).click()
    await one.getByRole('button', { name: 'Delete' }).click()
    await one.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await line.waitFor({ state: 'detached' })
  })

  it('shows what came in from elsewhere when the page is looked at again', async () => {
    const page = await here.page()
    const path = await asked(page, 'Hello')
    const other = await here.page(path)
    await other.evaluate(() => {
      // As if this one had no way to tell other tabs.
      Object.defineProperty(BroadcastChannel.prototype, 'postMessage', { value: () => {} })
    })
    await asked(other, 'From another machine')
    expect(await turns(page).count()).toBe(1)
    await page.evaluate(() => dispatchEvent(new Event('focus')))
    await answered(page, 2)
    expect(await page.locator('.bubble').last().innerText()).toBe('From another machine')
  })

  it('says when the connection is lost, keeps the message, and sends it when told to', async () => {
    here.expectFaults(/ERR_INTERNET_DISCONNECTED/)
    const page = await here.page()
    await asked(page, 'Hello')
    await page.clock.install()
    await page.context().setOffline(true)
    await page.locator('#connection').getByText('Connection lost').waitFor()
    await ask(page, 'Into the void')
    // The message is tried a few times first.
    for (let tries = 0; tries < 4; tries++) await page.clock.runFor(4_000)
    await page.locator('#send-notice').getByText('What you wrote is kept.').waitFor()
    expect(await field(page).inputValue()).toBe('Into the void')
    expect(await turns(page).count()).toBe(1)
    await page.context().setOffline(false)
    await page.locator('#connection').getByText('Connected again.').waitFor()
    await page.locator('#send-notice').getByRole('button', { name: 'Try again' }).click()
    await answered(page, 2)
    await page.clock.runFor(3_000)
    expect(await page.locator('#connection').isVisible()).toBe(false)
    expect(await page.locator('.bubble').allInnerTexts()).toEqual(['Hello', 'Into the void'])
  })

  it('is heard once, however often the message had to be sent', async () => {
    here.expectFaults(/ERR_FAILED|ERR_CONNECTION/)
    const page = await here.page()
    let posts = 0
    await page.route('**/api/messages', async (route) => {
      // The first two arrive, but their answers are lost.
      posts++
      if (posts <= 2) {
        await route.fetch()
        await route.abort('connectionfailed')
      } else await route.continue()
    })
    here.script(whole('Heard.'))
    await asked(page, 'Only once, please')
    expect(posts).toBe(3)
    await page.reload()
    await ready(page)
    expect(await page.locator('.bubble').allInnerTexts()).toEqual(['Only once, please'])
    expect(await answers(page).allInnerTexts()).toEqual(['Heard.'])
  })

  it('sends what was on its way when the page was left', async () => {
    here.expectFaults(/ERR_FAILED|ERR_CONNECTION|ERR_ABORTED/)
    const page = await here.page()
    const held = Promise.withResolvers<void>()
    let posts = 0
    await page.route('**/api/messages', async (route) => {
      // The first one is never sent; leaving the page ends it.
      if (++posts === 1) held.resolve()
      else await route.continue()
    })
    await ask(page, 'Do not lose me')
    await held.promise
    await page.reload()
    await answered(page, 1)
    expect(await page.locator('.bubble').allInnerTexts()).toEqual(['Do not lose me'])
    expect(await field(page).inputValue()).toBe('')
  })

  it('finds the rest of an answer after the server was killed and came back', async () => {
    here.expectFaults(/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE|ERR_EMPTY|ERR_CONNECTION_RESET/)
    const page = await here.page()
    here.script(gated('Half an ', 'never'), whole('A whole answer.'))
    await ask(page, 'Survive this')
    await growing(page).getByText('Half an').waitFor()
    await here.stopApp('SIGKILL')
    await page.locator('#connection').getByText('Connection lost').waitFor()
    await here.startApp()
    await page.getByText('A whole answer.').first().waitFor()
    await answered(page, 1)
    expect(await answers(page).allInnerTexts()).toEqual(['A whole answer.'])
    await page.locator('#connection').getByText('Connection lost').waitFor({ state: 'hidden' })
  })

  it('leads to the sign-in when the session has ended, and back to the draft', async () => {
    here.expectFaults(/status of 401/)
    const context = await here.context({ signedIn: false })
    const page = await context.newPage()
    await signIn(page, here.url)
    await ready(page)
    const path = await asked(page, 'Before the end of the session')
    await context.clearCookies()
    await ask(page, 'After the end of the session')
    await page.waitForURL('**/login?next=*')
    await page.getByLabel('Name', { exact: true }).fill('admin')
    await page.getByLabel('Password', { exact: true }).fill('secret')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await ready(page)
    expect(new URL(page.url()).pathname).toBe(path)
    expect(await field(page).inputValue()).toBe('After the end of the session')
  })

  it('says when a conversation was deleted elsewhere', async () => {
    here.expectFaults(/status of 404/)
    const page = await here.page()
    const path = await asked(page, 'Soon gone')
    await field(page).fill('a draft')
    await api(page, 'DELETE', `conversations/${path.split('/').at(-1)}`)
    await page.evaluate(() => dispatchEvent(new Event('focus')))
    await page.getByText('This conversation was deleted.').first().waitFor()
    expect(new URL(page.url()).pathname).toBe('/')
  })

  it('has at most one stream open, and none in the background', async () => {
    const page = await here.page()
    const open = new Set<string>()
    page.on('request', (request) => request.url().endsWith('/stream') && open.add(request.url()))
    here.script(gated('One', 'first', '.'), gated('Two', 'second', '.'))
    await ask(page, 'First')
    await growing(page).getByText('One').waitFor()
    await ask(page, 'Second')
    await page.locator('.turn[data-state=waiting]').waitFor()
    expect(open.size).toBe(1)
    here.bedrock.open('first')
    await growing(page).getByText('Two').waitFor()
    expect(open.size).toBe(2)
    here.bedrock.open('second')
    await answered(page, 2)
  })
})
