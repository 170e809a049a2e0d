import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Browser, type Site, startSite } from '../support/web.ts'

let site: Site
let ada: Browser
let userId: string
beforeEach(async () => {
  site = await startSite({
    left: async () => [
      { of: 'tokens', per: 'day', limit: 1_000, used: 850, endsAt: 0, text: '150 of 1,000 tokens left today' },
    ],
  })
  ada = await site.person('ada')
  userId = (await ada.json<{ user: { id: string } }>('/me')).user.id
})
afterEach(() => site.close())

describe('one’s own data', () => {
  test('is downloaded whole, as a file, and written down in the audit log', async () => {
    const response = await ada.get('/account/export')
    expect(response.headers.get('content-disposition')).toBe('attachment; filename=my-data.json')
    expect(response.headers.get('cache-control')).toContain('no-store')
    const data = (await response.json()) as { user: { name: string; identities: string[] }; conversations: unknown[] }
    expect(data.user).toMatchObject({ name: 'ada', identities: ['web:local:ada'] })
    expect(data.conversations).toEqual([])
    expect((await site.audited()).map((entry) => entry.data.action)).toContain('export')
  })

  test('is deleted for good when the words are typed, and one is signed out', async () => {
    await ada.page('/account/delete')
    const kept = await ada.form('/account/delete', { word: 'yes' })
    expect(kept.headers.get('location')).toBe('/account?failed=forget_word')
    expect(await ada.page('/account?failed=forget_word')).toContain('Nothing was deleted')
    const gone = await ada.form('/account/delete', { word: ' Delete everything ' })
    expect(gone.headers.get('location')).toBe('/login?gone=yes')
    expect(await ada.page('/login?gone=yes')).toContain('Everything that was kept about you is deleted.')
    expect(await site.ports.users.get(userId)).toBeNull()
    expect((await ada.api('GET', '/me')).status).toBe(401)
    expect((await ada.signIn('ada')).status).toBe(401)
  })

  test('stays under a legal hold, and it is said why', async () => {
    await site.ports.users.update(userId, { hold: true })
    expect(await ada.page('/account/delete')).toContain('legal hold')
    await ada.page('/account')
    expect((await ada.form('/account/delete', { word: 'delete everything' })).status).toBe(409)
    expect(await site.ports.users.get(userId)).not.toBeNull()
  })

  test('is nobody else’s: without a token, or signed out, nothing is deleted or told', async () => {
    expect((await ada.form('/account/delete', { word: 'delete everything', _csrf: 'forged' })).status).toBe(403)
    const visitor = site.visitor()
    expect((await visitor.get('/account/export')).status).toBe(303)
    expect(await site.ports.users.get(userId)).not.toBeNull()
  })
})

test('the account page says what is left of the limits', async () => {
  const html = await ada.page('/account')
  expect(html).toContain('150 of 1,000 tokens left today')
  expect(html).toMatch(/<progress class="high" max="100" value="85"/)
})
