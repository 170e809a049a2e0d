import { describe, expect, it } from 'vitest'
import type { Store } from '../../src/store.ts'
import { service } from '../support/service.ts'
import { beside, listOf, storedHistory, storedTurn, storedUser } from '../support/stored.ts'
import { Browser } from '../support/web.ts'
import { until } from '../support/world.ts'

const day = 24 * 3_600_000

describe('what is kept of people, by a running process', () => {
  const own = service()

  /** Looks into the data beside the process. */
  async function looking<T>(look: (store: Store) => Promise<T>, now?: () => number): Promise<T> {
    const store = await beside(own, now)
    try {
      return await look(store)
    } finally {
      await store.close()
    }
  }

  it('goes when it is too old for its surface, but not under a legal hold, and not what others keep', async () => {
    const at = { slack: { surface: 'slack', workspace: 'T1' }, shared: { direct: false, channel: 'c1' } } as const
    const [ann, held] = await looking(
      async (store) => {
        const users = [await storedUser(store, 'ann'), await storedUser(store, 'held', { hold: true })] as const
        for (const user of users) {
          await storedTurn(store, user, `${user.name}: old`)
          await storedTurn(store, user, `${user.name}: old in Slack`, at.slack)
        }
        await storedTurn(store, users[0], 'ann: before held', at.shared)
        await storedTurn(store, users[1], 'held: after ann', at.shared)
        return users
      },
      () => Date.now() - 20 * day,
    )
    await looking((store) => storedTurn(store, ann, 'ann: new'))
    await own.run({ RETENTION_DAYS: '10', RETENTION_DAYS_SLACK: '30' })
    const titles = (user: string) =>
      looking(async (store) =>
        (await store.conversations.list(user, { limit: 50 })).items.map(({ conversation }) => conversation.title),
      )
    await until(async () => !(await titles(ann.id)).includes('ann: old'))
    expect((await titles(ann.id)).toSorted()).toEqual(['ann: before held', 'ann: new', 'ann: old in Slack'])
    expect((await titles(held.id)).toSorted()).toEqual(['ann: before held', 'held: old', 'held: old in Slack'])
    const entry = await until(() =>
      looking(async (store) => {
        const entries = await store.records.list('audit', { limit: 10 })
        return entries.find(({ data }) => data.actor === 'retention')
      }),
    )
    expect(entry.data).toMatchObject({ action: 'delete', details: { what: 'old', surface: 'web', removed: 1 } })
    expect(JSON.stringify(entry)).not.toContain('ann:')
  })

  it('is deleted to its end by the next process when the first is killed in the midst of it', async () => {
    const count = 400
    const [ann, bob, bobs] = await looking(async (store) => {
      const users = [await storedUser(store, 'ann'), await storedUser(store, 'bob')] as const
      await storedHistory(store, users[0], count)
      const shared = { direct: false, channel: 'c1' }
      await storedTurn(store, users[0], 'ann asks all', shared)
      const together = await storedTurn(store, users[1], 'bob asks all', shared)
      return [...users, [together, await storedTurn(store, users[1], 'bob alone')]] as const
    })
    const app = await own.run()
    const browser = new Browser(app.url)
    await browser.signIn('ann')
    await browser.page('/account/delete')
    const deleting = browser.form('/account/delete', { word: 'delete everything' }).catch(() => 'cut')
    const store = await beside(own)
    try {
      const left = await until(async () => {
        const ids = await listOf(store, ann.id)
        return ids.length < count ? ids : undefined
      })
      expect(await app.stop('SIGKILL')).toBeNull()
      expect(await deleting).toBe('cut')
      expect(left).not.toEqual([])
      expect(await store.users.get(ann.id)).not.toBeNull()
      expect(await store.records.list('deletion', { limit: 5 })).toHaveLength(1)

      const again = await own.run()
      await until(async () => (await store.users.get(ann.id)) === null)
      expect(await listOf(store, ann.id)).toEqual([])
      for (const id of left) {
        const found = await store.conversations.read(id, { messages: 5 })
        expect(found === null || found.conversation.id === bobs[0]).toBe(true)
      }
      expect((await listOf(store, bob.id)).toSorted()).toEqual(bobs.toSorted())
      const together = JSON.stringify(await store.conversations.read(bobs[0]!, { messages: 9 }))
      expect(together).toContain('bob asks all')
      expect(together).not.toContain('ann')
      await until(async () => (await store.records.list('deletion', { limit: 5 })).length === 0)
      expect((await new Browser(again.url).signIn('ann')).status).toBe(401)
      expect((await new Browser(again.url).signIn('bob')).status).toBe(303)
    } finally {
      await store.close()
    }
  })
})
