import { afterEach, expect, test, vi } from 'vitest'
import { type RunningApp, startApp, temporaryFolder } from '../support/app.ts'
import { Browser } from '../support/web.ts'

vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 })

let app: RunningApp | undefined
let folder: Awaited<ReturnType<typeof temporaryFolder>> | undefined
afterEach(async () => {
  await app?.stop()
  await folder?.remove()
})

const guid = '11111111-2222-3333-4444-555555555555'

test.each([
  ['with its credentials', { MicrosoftAppId: guid, MicrosoftAppPassword: 'x', MicrosoftAppTenantId: guid }],
  ['for the Playground', { TEAMS_ANONYMOUS: 'on' }],
])('messages of the web page are heard beside Teams %s, which is asked at the same address', async (_, env) => {
  folder = await temporaryFolder()
  app = await startApp({ dataDir: folder.path, env })
  const browser = new Browser(app.url)
  expect((await browser.signIn('admin', 'secret')).status).toBe(303)
  const { turn } = await browser.send('Do you hear me?')
  expect(turn).toMatch(/^[\w-]{8,}$/)
  // Without the page's header it is for Teams, which does not know who asks, or what.
  const bare = await fetch(`${app.url}/api/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  })
  expect(bare.status).toBe('TEAMS_ANONYMOUS' in env ? 400 : 401)
  expect(await bare.text()).toBe('')
})
