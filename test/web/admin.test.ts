import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { keyOf } from '../../adapters/web/account/names.ts'
import type { User } from '../../src/types.ts'
import { type Browser, type Site, startSite } from '../support/web.ts'

const now = Date.UTC(2026, 10, 23, 12)

let site: Site
let boss: Browser
let ann: User
beforeEach(async () => {
  site = await startSite({
    now: () => now,
    left: async ({ name }) =>
      name === 'ann'
        ? [{ of: 'tokens', per: 'day', limit: 100, used: 85, endsAt: 0, text: '15 of 100 tokens left today' }]
        : [],
    workspaces: [
      { id: 'web:local', name: 'The web page', how: 'built in' },
      { id: 'slack:T1', name: 'Example & Co', how: 'installed', since: Date.UTC(2026, 0, 2) },
    ],
  })
  await site.addUser('boss', undefined, { roles: ['admin'] })
  ann = await site.addUser('ann', undefined, {
    identities: ['web:local:ann', 'slack:T1:U1', 'email:ann@example.com'],
    emails: [{ address: 'ann@example.com', verifiedBy: 'slack' }],
    timeZone: 'Europe/Berlin',
    createdAt: now,
    seenAt: now,
  })
  boss = await site.person('boss')
})
afterEach(() => site.close())

const at = (rest = '') => `/admin/users/${ann.id}${rest}`
const annNow = async (): Promise<User> => (await site.ports.users.get(ann.id))!
async function done(path: string, fields: Record<string, string>): Promise<string> {
  const response = await boss.form(path, fields)
  expect(response.status).toBe(303)
  return response.headers.get('location') ?? ''
}
const actions = async (): Promise<unknown[]> => (await site.audited()).map(({ data }) => data.action)

describe('the users', () => {
  test('are found by name, address and identity, and told when there is nobody', async () => {
    for (const q of ['ann', 'ANN@example', 'slack:T1'])
      expect(await boss.page(`/admin/users?${new URLSearchParams({ q })}`)).toContain(`href="${at()}"`)
    expect(await boss.page('/admin/users?q=%3Cb%3E')).toContain('Nobody was found for “&lt;b&gt;”.')
  })

  test('are many pages when they are many', async () => {
    for (let i = 0; i < 55; i++) await site.addUser(`user ${i}`, undefined, { identities: [`slack:T9:${i}`] })
    const first = await boss.page('/admin/users')
    const next = /href="(\?after=[^"]+)" rel="next"/.exec(first)?.[1]
    const second = await boss.page(`/admin/users${next}`)
    const names = [...(first + second).matchAll(/<b><bdi>([^<]+)<\/bdi><\/b>/g)].map(([, name]) => name)
    expect(new Set(names).size).toBe(57)
    expect(second).not.toContain('rel="next"')
  })

  test('have a page each, without their password', async () => {
    const html = await boss.page(at())
    for (const text of ['ann@example.com', 'vouched for by Slack', 'slack:T1:U1', 'Europe/Berlin', '15 of 100 tokens'])
      expect(html).toContain(text)
    expect(html).not.toContain('argon2')
    expect((await boss.get('/admin/users/nobody')).status).toBe(404)
  })

  test('have names that are text, whatever is in them', async () => {
    await site.ports.users.update(ann.id, { name: '<img src=x onerror=alert(1)>' })
    for (const path of ['/admin/users', at(), at('/delete')]) {
      const html = await boss.page(path)
      expect(html).toContain('&lt;img src=x')
      expect(html).not.toContain('<img')
    }
  })
})

describe('an admin', () => {
  test('gives and takes the role', async () => {
    await boss.page(at())
    expect(await done(at('/role'), { role: 'admin' })).toBe(`${at()}?done=role`)
    expect((await annNow()).roles).toEqual(['admin'])
    expect(await boss.page(`${at()}?done=role`)).toContain('The role was changed.')
    await done(at('/role'), { role: 'member' })
    expect((await annNow()).roles).toEqual(['member'])
    expect((await boss.form(at('/role'), { role: 'owner' })).status).toBe(400)
  })

  test('who is the last one keeps the role, and reads why', async () => {
    const me = (await site.ports.users.find('web:local:boss'))!
    await boss.page(`/admin/users/${me.id}`)
    const location = await done(`/admin/users/${me.id}/role`, { role: 'member' })
    expect(await boss.page(location)).toContain('This is the last administrator')
    expect((await boss.get('/admin/users')).status).toBe(200)
  })

  test('switches somebody off, who is out at once, and on again', async () => {
    const annsBrowser = await site.person('ann')
    await boss.page(at())
    await done(at('/state'), { state: 'disabled' })
    expect((await annsBrowser.api('GET', '/me')).status).toBe(401)
    expect((await annsBrowser.signIn('ann')).status).toBe(403)
    await done(at('/state'), { state: 'active' })
    expect((await annsBrowser.signIn('ann')).status).toBe(303)
  })

  test('ends sessions', async () => {
    const annsBrowser = await site.person('ann')
    await boss.page(at())
    await done(at('/sessions'), {})
    expect((await annsBrowser.api('GET', '/me')).status).toBe(401)
  })

  test('unlinks an identity after a question', async () => {
    const way = keyOf('slack:T1:U1')
    const question = await boss.page(at(`/unlink?way=${way}`))
    expect(question).toContain('Unlink Slack?')
    expect((await annNow()).identities).toContain('slack:T1:U1')
    await done(at('/unlink'), { way })
    expect((await annNow()).identities).not.toContain('slack:T1:U1')
    expect((await boss.get(at(`/unlink?way=${way}`))).status).toBe(404)
    expect(await boss.page(await done(at('/unlink'), { way: keyOf('web:local:ann') }))).toContain('only way in')
  })

  test('deletes somebody when the words are typed, and never under a legal hold', async () => {
    await boss.page(at('/delete'))
    expect(await boss.page(await done(at('/delete'), { word: 'yes' }))).toContain('Nothing was deleted')
    await done(at('/hold'), { hold: 'on' })
    expect(await boss.page(at('/delete'))).toContain('is under a legal hold')
    expect(await boss.page(await done(at('/delete'), { word: 'delete everything' }))).toContain('under a legal hold')
    expect(await annNow()).not.toBeNull()
    await boss.page(at())
    await done(at('/hold'), { hold: 'off' })
    const location = await done(at('/delete'), { word: 'Delete everything' })
    expect(await boss.page(location)).toContain('Everything that was kept about them is deleted.')
    expect(await site.ports.users.get(ann.id)).toBeNull()
    expect((await actions()).toSorted()).toEqual(['delete', 'hold', 'hold', 'sign_in'])
    expect(await boss.page('/admin/audit')).toContain(`${ann.id} (deleted)`)
  })
})

describe('limits', () => {
  const fields = { messagesPerMinute: '', tokensPerDay: '', tokensPerMonth: '', costPerDay: '', costPerMonth: '' }

  test('are set, shown and lifted', async () => {
    await boss.page('/admin/limits')
    expect(await done('/admin/limits', { ...fields, of: 'everyone', name: '', tokensPerDay: '5000' })).toBe(
      '/admin/limits?done=limits',
    )
    await done('/admin/limits', { ...fields, of: 'role', name: 'admin', tokensPerDay: '-1' })
    await done('/admin/limits', { ...fields, of: 'workspace', name: 'slack:T1', costPerMonth: '12.5' })
    expect(await done('/admin/limits', { ...fields, of: 'user', name: ann.id, messagesPerMinute: '0' })).toBe(
      `${at()}?done=limits`,
    )
    const html = await boss.page('/admin/limits')
    for (const value of ['5000', '-1', '12.5']) expect(html).toContain(`value="${value}"`)
    expect(html).toContain(`href="${at()}"`)
    expect(await boss.page(at())).toContain(
      'name="messagesPerMinute" type="number" min="-1" step="1" inputmode="decimal" value="0"',
    )
    await done('/admin/limits', { ...fields, of: 'user', name: ann.id })
    expect(await boss.page('/admin/limits')).not.toContain(`href="${at()}"`)
  })

  test('are set for a workspace that is not listed, which is listed from then on', async () => {
    await boss.page('/admin/limits')
    await done('/admin/limits', { ...fields, of: 'workspace', name: 'slack:T0GRID', tokensPerDay: '77' })
    const html = await boss.page('/admin/limits')
    expect(html).toContain('name="name" value="slack:T0GRID"')
    expect(html).toContain('value="77"')
  })

  test.each([{ tokensPerDay: '-3' }, { tokensPerDay: '1.5' }, { costPerDay: '9999999999' }])(
    '%j is refused in words',
    async (wrong) => {
      await boss.page('/admin/limits')
      const location = await done('/admin/limits', { ...fields, of: 'everyone', ...wrong })
      expect(await boss.page(location)).toContain('Nothing was changed.')
      expect(await actions()).not.toContain('limit')
    },
  )

  test.each([
    { of: 'everyone', tokensPerDay: 'many' },
    { of: 'nobody' },
    { of: 'workspace', name: '__proto__' },
    { of: 'role', name: 'owner' },
    { of: 'user', name: 'nobody' },
  ])('a form with %j is no form of ours', async (wrong) => {
    await boss.page('/admin/limits')
    expect((await boss.form('/admin/limits', { ...fields, name: '', ...wrong })).status).toBeOneOf([400, 404])
    expect(await actions()).not.toContain('limit')
  })
})

describe('usage', () => {
  beforeEach(async () => {
    const row = {
      user: ann.id,
      surface: 'slack',
      workspace: 'T1',
      model: 'model-a',
      cacheRead: 0,
      cacheWrite: 0,
    } as const
    await site.ports.usage.add({ ...row, day: '2026-11-23', turns: 2, input: 900, output: 334, cost: 1_250_000 })
    await site.ports.usage.add({
      ...row,
      day: '2026-11-20',
      turns: 1,
      input: 10,
      output: 5,
      cost: 0,
      surface: 'web',
      workspace: 'local',
    })
    await site.ports.usage.add({ ...row, day: '2026-09-01', turns: 7, input: 1, output: 1, cost: 0, user: '' })
  })

  test('of the last thirty days is summed by user, surface, model and day, and plotted', async () => {
    const html = await boss.page('/admin/usage')
    for (const text of ['1,249', '$1.25', 'model-a', 'slack:T1', '2026-11-20', `href="${at()}"`])
      expect(html).toContain(text)
    expect(html.match(/<rect class="part-/g)).toHaveLength(2)
    expect(html).toContain('The most was 1,234, on 2026-11-23.')
    expect(html).not.toContain('2026-09-01')
  })

  test('of any days may be asked for, and of turns or cost', async () => {
    const html = await boss.page('/admin/usage?from=2026-09-02&to=2026-08-30&of=turns')
    expect(html).toContain('The most was 7, on 2026-09-01.')
    expect(html).toContain('Deleted users')
    expect(await boss.page('/admin/usage?from=2020-01-01&to=2020-01-02')).toContain('Nothing was used in these days.')
    // Nonsense is left aside.
    expect(await boss.page('/admin/usage?from=nonsense&to=2026-13-45&of=x')).toContain('1,249')
    expect((await boss.get('/admin/usage?from=0001-01-01&to=9999-12-31')).status).toBe(200)
  })

  test('comes as a file', async () => {
    const response = await boss.get('/admin/usage.csv?from=2026-11-01&to=2026-11-30')
    expect(response.headers.get('content-disposition')).toBe('attachment; filename=usage-2026-11-01-2026-11-30.csv')
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8')
    expect((await response.text()).trimEnd().split('\r\n')).toHaveLength(3)
    expect(await actions()).toContain('export')
  })
})

describe('the logs', () => {
  test('show who did what to whom, and are narrowed down', async () => {
    await boss.page(at())
    await done(at('/hold'), { hold: 'on' })
    await done(at('/hold'), { hold: 'off' })
    const html = await boss.page(`/admin/audit?${new URLSearchParams({ user: 'ann', action: 'hold' })}`)
    expect(html.match(/<b>Legal hold<\/b>/g)).toHaveLength(2)
    expect(html).toContain('<bdi>boss</bdi>')
    expect(html).not.toContain('<b>Signed in</b>')
    const file = await (await boss.get(`/admin/audit.csv?action=hold&user=${ann.id}`)).text()
    expect(file.trimEnd().split('\r\n')).toHaveLength(3)
    expect(await boss.page('/admin/audit?action=join')).toContain('There is nothing here.')
  })

  test('of feedback show what was said of an answer, a page at a time', async () => {
    for (let i = 10; i < 70; i++) {
      const data = { value: i % 2 ? 'up' : 'down', surface: 'slack', comment: `comment <${i}>` }
      await site.ports.records.put('feedback', { id: `${i}`.padEnd(20, '0'), at: now, user: ann.id, data })
    }
    const first = await boss.page('/admin/feedback')
    expect(first).toContain('comment &lt;69&gt;')
    expect(first).not.toContain('comment &lt;19&gt;')
    const next = /href="(\?before=[^"]+)" rel="next"/.exec(first)?.[1]
    const second = await boss.page(`/admin/feedback${next}`)
    expect(second).toContain('comment &lt;19&gt;')
    expect(second).toContain('comment &lt;10&gt;')
    expect(second).not.toContain('rel="next"')
    expect((await (await boss.get('/admin/feedback.csv')).text()).trimEnd().split('\r\n')).toHaveLength(61)
  })
})

test('the workspaces are listed with how they came to be there', async () => {
  const html = await boss.page('/admin/workspaces')
  expect(html).toContain('Example &amp; Co')
  expect(html).toMatch(/Slack · Installed,\s+<time datetime="2026-01-02/)
})

describe('to everybody else', () => {
  test('there is nothing, as at any address without a page, and it is in the audit log once', async () => {
    const annsBrowser = await site.person('ann')
    const nothing = await (await annsBrowser.get('/nothing-here')).text()
    for (let i = 0; i < 5; i++) {
      const response = await annsBrowser.get('/admin/users')
      expect([response.status, await response.text()]).toEqual([404, nothing])
    }
    expect((await actions()).filter((action) => action === 'access_refused')).toHaveLength(1)
    expect(await annsBrowser.page('/')).not.toContain('/admin')
    expect(await boss.page('/')).toContain('href="/admin"')
  })

  test('there is nothing any more from the moment they are no admin, with the page still open', async () => {
    await boss.page(at())
    await site.ports.users.update((await site.ports.users.find('web:local:boss'))!.id, { roles: ['member'] })
    expect((await boss.form(at('/role'), { role: 'admin' })).status).toBe(404)
    expect((await annNow()).roles).toEqual(['member'])
  })
})
