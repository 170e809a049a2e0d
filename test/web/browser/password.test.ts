import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { BrowserContextOptions } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { temporaryFolder } from '../../support/app.ts'
import { describeBrowser, findings, phone, ready, signIn, site, tooWide } from './support.ts'

const command = fileURLToPath(new URL('../../../src/cli/user.ts', import.meta.url))
const first = 'the first good password'
const second = 'the second good password'

describeBrowser('changing one’s password', () => {
  const env: Record<string, string> = {}
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  beforeAll(async () => {
    folder = await temporaryFolder()
    env.DATA_DIR = folder.path
    for (const name of ['ada', 'grace', 'mary']) {
      const { status, stderr } = spawnSync(process.execPath, [command, 'add', name], {
        cwd: folder.path,
        env: { PATH: process.env.PATH, DATA_DIR: folder.path },
        input: first,
        encoding: 'utf8',
      })
      expect([status, stderr]).toEqual([0, expect.any(String)])
    }
  })
  const here = site({ env })
  afterAll(() => folder?.remove())

  const looks: [string, string, BrowserContextOptions][] = [
    ['light', 'ada', { colorScheme: 'light' }],
    ['dark', 'grace', { colorScheme: 'dark' }],
    ['on a phone', 'mary', { ...phone, colorScheme: 'light' }],
  ]
  it.each(looks)('says what is wrong, then does it: %s', async (_, name, look) => {
    here.expectFaults(/status of 40[13]/)
    const page = await here.page('/login', { signedIn: false, ...look })
    await signIn(page, here.url, name, first)
    await ready(page)
    await page.goto(`${here.url}/account`)
    const change = async (current: string): Promise<void> => {
      await page.getByLabel('Current password').fill(current)
      await page.getByLabel('New password', { exact: true }).fill(second)
      await page.getByLabel('New password, again').fill(second)
      await page.getByRole('button', { name: 'Change password' }).click()
    }
    await change('wrong password')
    await page.getByText('The current password is not right.').waitFor()
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('current')
    expect([await findings(page), await tooWide(page)]).toEqual([[], []])
    await change(first)
    await page.getByText('Your password was changed').waitFor()
    expect([await findings(page), await tooWide(page)]).toEqual([[], []])

    const other = await here.page('/login', { signedIn: false })
    await signIn(other, here.url, name, first)
    await other.getByText('The name or the password is not right.').waitFor()
    await signIn(other, here.url, name, second)
    await ready(other)
  })
})
