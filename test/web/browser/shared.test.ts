import { join } from 'node:path'
import { expect, test } from 'vitest'
import { homeOf, newConversationId, newId } from '../../../src/ids.ts'
import type { Store } from '../../../src/store.ts'
import { openSqlite } from '../../../src/stores/sqlite/index.ts'
import type { Place, User } from '../../../src/types.ts'
import { answerOf, newLease, newUser } from '../../contracts/store/kit.ts'
import { answered, describeBrowser, findings, phone, ready, site, tooWide } from './support.ts'

describeBrowser('a conversation of several, on the page', () => {
  const own = site()

  /** What was said in a channel of Slack before the app was started again. */
  async function said(): Promise<string> {
    await own.stopApp()
    const store = await openSqlite({ file: join(own.dataDir, 'chat.db') })
    try {
      const admin = (await store.users.list({ limit: 10 })).find(({ name }) => name.toLowerCase() === 'admin')!
      // Whoever has no account there would not be told of as leaving.
      await store.users.attach(admin.id, 'slack:T1:U1')
      const bob = await store.users.create(newUser({ name: 'Bartholomew Featherstonehaugh-Cholmondeley' }))
      const id = await turn(store, admin, 'What should we name the new release, given all that we know by now?')
      await turn(store, bob, 'Something with a bird in it.')
      return id
    } finally {
      await store.close()
      await own.startApp()
    }
  }

  async function turn(store: Store, { id, name }: User, text: string): Promise<string> {
    const place: Place = { surface: 'slack', workspace: 'T1', channel: 'C1', direct: false }
    const sender = { surface: 'slack' as const, workspace: 'T1', id }
    const incoming = { ids: [newId()], sender, place, text, sentAt: Date.now(), address: {} }
    const delivery = { incoming, turn: newId(), conversation: newConversationId(homeOf(place)) }
    const { claim } = await store.inbox.accept(delivery, newLease())
    if (!claim) throw new Error('the channel was not free')
    await store.conversations.join(claim.conversation, id)
    const common = { turn: claim.turn, at: Date.now(), surface: 'slack' as const }
    await store.leases.commit(claim, {
      messages: [
        { ...common, role: 'user', text, author: { user: id, name } },
        { ...common, role: 'assistant', text: `About: ${text}`, answer: { stop: 'end', model: 'm' } },
      ],
      delivered: true,
      answer: answerOf(''),
      participants: [id],
      title: text,
    })
    return claim.conversation
  }

  test('is read with everyone’s names, fits a small phone, and goes on in private', async () => {
    const id = await said()
    const page = await own.page(`/c/${id}`, { ...phone, viewport: { width: 320, height: 640 } })
    expect(await page.getByText('Bartholomew').isVisible()).toBe(true)
    expect(await page.locator('#composer').isVisible()).toBe(false)
    expect(await page.locator('.only-last:visible').count()).toBe(0)
    expect(await tooWide(page)).toEqual([])
    expect(await findings(page)).toEqual([])

    await page.getByRole('button', { name: 'Continue in private' }).click()
    await page.waitForURL((url) => url.pathname !== `/c/${id}`)
    await ready(page)
    expect(await page.locator('.turn').count()).toBe(2)
    own.script([{ text: 'Between us.' }])
    await page.getByLabel('Message', { exact: true }).fill('And what do you think?')
    await page.getByRole('button', { name: 'Send' }).click()
    await answered(page, 3)
    const asked = own.bedrock.requests.map((request) => JSON.stringify(request.body)).join('\n')
    expect(asked).toContain('Something with a bird in it.')
  })

  test('leaves the list, after a question that says what it means', async () => {
    const id = await said()
    const page = await own.page(`/c/${id}`)
    await page.locator('#more').click()
    expect(await page.locator('#menu [data-action=rename]').isVisible()).toBe(false)
    await page.locator('#menu [data-action=delete]').click()
    expect(await page.locator('#delete-dialog').innerText()).toContain('stays where the others are')
    await page.getByRole('button', { name: 'Take off' }).click()
    await page.locator(`.conversation[data-id="${id}"]`).waitFor({ state: 'detached' })
    expect(await page.locator('#composer').isVisible()).toBe(true)
  })

  test('is read without scripts, too', async () => {
    const id = await said()
    const page = await own.page(`/c/${id}`, { javaScriptEnabled: false })
    expect(await page.locator('#composer').isVisible()).toBe(false)
    await page.getByRole('button', { name: 'Continue in private' }).click()
    expect(await page.locator('#composer').isVisible()).toBe(true)
    expect(await page.locator('body').innerText()).toContain('Something with a bird in it.')
  })
})
