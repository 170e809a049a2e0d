import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'
import { whole } from '../../support/bedrock.ts'
import { hostile } from '../../views/hostile.ts'
import { answers, api, asked, describeBrowser, ready, site } from './support.ts'

/** What must not come of any text: code that ran, an address asked for, a policy that had to step in. */
async function guard(page: Page, url: string): Promise<string[]> {
  const seen: string[] = []
  page.on('dialog', (dialog) => {
    seen.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(url)) seen.push(`request: ${request.url()}`)
  })
  await page.exposeFunction('xss', (text: unknown) => seen.push(`ran: ${text}`))
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => {
      const report = (globalThis as unknown as { xss(text: string): void }).xss
      report(`${event.violatedDirective}: ${event.blockedURI}`)
    })
  })
  return seen
}

/** Elements and attributes in an answer that we never make. */
const foreign = (page: Page) =>
  page.locator('.prose, .bubble, .conversation-title, h1').evaluateAll((roots) =>
    roots.flatMap((root) =>
      [...root.querySelectorAll('*')]
        .filter(
          (element) =>
            /^(script|style|iframe|object|embed|img|svg|math|form|input|link|meta|base|video|audio|template)$/i.test(
              element.tagName,
            ) && !element.closest('.code-copy'),
        )
        .concat(
          [...root.querySelectorAll('*')].filter(
            (element) =>
              [...element.attributes].some(({ name }) => /^on|^style$|^srcdoc$/i.test(name)) ||
              (element instanceof HTMLAnchorElement && !/^(https?|mailto):$/.test(element.protocol)),
          ),
        )
        .map((element) => element.outerHTML),
    ),
  )

describeBrowser('whatever is written', () => {
  const here = site()

  it('is only ever shown, while it grows, when it is done, after a reload and without scripts', async () => {
    const page = await here.page('/', { signedIn: true })
    const seen = await guard(page, here.url)
    await page.reload()
    await ready(page)
    const all = hostile.join('\n\n')
    here.script(whole(...(all.match(/[\s\S]{1,200}/g) ?? [])))
    const path = await asked(page, all)
    expect(await foreign(page)).toEqual([])
    await page.reload()
    await ready(page)
    expect(await foreign(page)).toEqual([])
    await api(page, 'PATCH', `conversations/${path.split('/').at(-1)}`, {
      title: '</script><img src=x onerror=xss(1)>',
    })
    await page.reload()
    await ready(page)
    expect(await page.locator('h1').innerText()).toBe('</script><img src=x onerror=xss(1)>')
    expect(await foreign(page)).toEqual([])
    await page.getByRole('searchbox').fill('onerror')
    await page.locator('.snippet').first().waitFor()
    expect(await foreign(page)).toEqual([])
    expect(seen).toEqual([])
  })

  it('one by one, each in an answer of its own', async () => {
    const page = await here.page('/')
    const seen = await guard(page, here.url)
    await page.reload()
    await ready(page)
    // By the page's own renderer and sanitizer, into the page's own document.
    // As a string: what the tests are built with would rewrite the import.
    const made: string[] = await page.evaluate(`(async (texts) => {
      const app = [...document.scripts].find((script) => script.src.endsWith('/app.js'))
      const { render } = await import(app.src.slice(0, -'app.js'.length) + 'render.js')
      return texts.map((text) => {
        const prose = document.createElement('div')
        prose.className = 'prose'
        prose.append(render(text))
        document.querySelector('#turns').append(prose)
        return prose.textContent
      })
    })(${JSON.stringify(hostile)})`)
    expect(made.length).toBe(hostile.length)
    expect(await foreign(page)).toEqual([])
    for (const link of await page.locator('.prose a').all()) {
      expect(await link.getAttribute('rel')).toBe('noopener noreferrer nofollow')
      expect(await link.getAttribute('target')).toBe('_blank')
    }
    expect(seen).toEqual([])
  })

  it('is what the server renders too, letter by letter', async () => {
    const page = await here.page('/')
    here.script(whole('# Heading\n\n- a\n- b\n\n`x < y` & **b** <i>raw</i>\n\n| a | b |\n|---|---|\n| 1 | 2 |'))
    const path = await asked(page, 'Show me')
    const live = await answers(page).evaluate((prose) => prose.innerHTML.replaceAll(/\s+/g, ' ').trim())
    const plain = await here.page(path, { javaScriptEnabled: false })
    const rendered = await plain.locator('.prose').innerHTML()
    expect(rendered.replaceAll(/\s+/g, ' ').trim()).toBe(live)
  })
})

describeBrowser('the page', () => {
  const here = site()

  it('is ready in one round of requests, of less than 120 kB, and keeps its files', async () => {
    const context = await here.context()
    const page = await context.newPage()
    const devtools = await context.newCDPSession(page)
    await devtools.send('Network.enable')
    const sizes: Record<string, number> = {}
    const addresses = new Map<string, string>()
    const initiators = new Map<string, string>()
    devtools.on('Network.requestWillBeSent', ({ requestId, request, initiator }) => {
      addresses.set(requestId, request.url)
      initiators.set(request.url, initiator.url ?? initiator.type)
    })
    devtools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
      sizes[addresses.get(requestId) ?? ''] = encodedDataLength
    })
    await page.goto(`${here.url}/`)
    await ready(page)
    const files = Object.keys(sizes).filter((address) => address.includes('/assets/'))
    const all = Object.values(sizes).reduce((sum, size) => sum + size, 0)
    expect(all).toBeLessThan(120_000)
    expect(files.length).toBeGreaterThan(20)
    // All are named in the page itself: none is found out about only in another file.
    const late = [...initiators].filter(([address, by]) => address.includes('/assets/') && by.includes('/assets/'))
    expect(late).toEqual([])
    const again = await page.request.get(files[0] ?? '')
    expect(again.headers()['cache-control']).toBe('public, max-age=31536000, immutable')
  })

  it('has no fault in a path behind a proxy', async () => {
    const page = await here.page('/')
    const foreignPaths = await page.evaluate(() =>
      [...document.querySelectorAll('[href], [src], [action]')]
        .map((element) => element.getAttribute('href') ?? element.getAttribute('src') ?? element.getAttribute('action'))
        .filter((address) => address && !/^(\/|#)/.test(address)),
    )
    expect(foreignPaths).toEqual([])
  })
})

describeBrowser('under a path of its own', () => {
  const here = site({ env: { BASE_PATH: '/bot' } })

  it('works the same', async () => {
    const page = await here.page('/')
    const path = await asked(page, 'Where are we?')
    expect(path).toMatch(/^\/bot\/c\/[\w-]+$/)
    await page.reload()
    await ready(page)
    await page.getByRole('link', { name: 'New chat' }).last().click()
    await page.getByText('What can I help you with?').waitFor()
    expect(new URL(page.url()).pathname).toBe('/bot/')
    await page.goBack()
    await answers(page).getByText('You said').waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL('**/bot/login')
  })
})
