import { describe, expect, test } from 'vitest'
import { age, answers, cleanUp, settled, startWorld, userOf, type World } from './world.ts'

cleanUp()

function said({ slack }: World, channel: string, words: string, thread?: string) {
  return slack.until(() => answers(slack, channel, thread).findLast(({ text }) => text.includes(words)))
}

async function startKnown() {
  const world = await startWorld()
  const { slack } = world
  slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'My secret' })
  await settled(world)
  const before = await userOf(world, slack.ana.id)
  const click = (ts: string, button: string) =>
    slack.click({ user: slack.ana.id, channel: slack.dm.id, ts, button }).answer
  return { world, slack, before, click }
}

const deleting = 'Delete everything about me'

describe('“forget me”', () => {
  test('says what will be deleted, and deletes it after a yes, once', async () => {
    const { world, slack, before, click } = await startKnown()
    const order = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Forget me' })
    const asked = await said(world, slack.dm.id, 'This cannot be undone', order.ts)
    expect(asked.buttons.map(({ label, style }) => [label, style])).toEqual([
      [deleting, 'danger'],
      ['Cancel', undefined],
    ])
    expect(await world.store.users.get(before.id)).not.toBeNull()
    await Promise.all([click(asked.ts, deleting), click(asked.ts, deleting)])
    const done = await said(world, slack.dm.id, 'Done: everything I kept about you is deleted', order.ts)
    expect(done.buttons).toEqual([])
    expect(await world.store.users.get(before.id)).toBeNull()
    const now = await userOf(world, slack.ana.id)
    expect((await world.app.instance.chat.conversations.list(now.id, { limit: 9 })).items).toEqual([])
  })

  test('changes nothing after a no', async () => {
    const { world, slack, before, click } = await startKnown()
    const order = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'forget me' })
    const { ts } = await said(world, slack.dm.id, 'This cannot be undone', order.ts)
    await click(ts, 'Cancel')
    await said(world, slack.dm.id, 'Cancelled: nothing was changed.', order.ts)
    expect(await world.store.users.get(before.id)).not.toBeNull()
  })

  test('an old question is not answered by accident', async () => {
    const { world, slack, before, click } = await startKnown()
    const order = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'forget me' })
    const { ts } = await said(world, slack.dm.id, 'This cannot be undone', order.ts)
    age(world, slack.dm.id, ts)
    await click(ts, deleting)
    await said(world, slack.dm.id, 'too old', order.ts)
    expect(await world.store.users.get(before.id)).not.toBeNull()
  })

  test('under a legal hold is refused in plain words, also when it came after the question', async () => {
    const { world, slack, before, click } = await startKnown()
    const order = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'forget me' })
    const { ts } = await said(world, slack.dm.id, 'This cannot be undone', order.ts)
    await world.store.users.update(before.id, { hold: true })
    const other = await world.another()
    slack.connect(`${other.url}/slack/events`)
    await click(ts, deleting)
    await said(world, slack.dm.id, 'under a legal hold')
    expect(await world.store.users.get(before.id)).not.toBeNull()
    const again = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'forget me' })
    const refused = await said(world, slack.dm.id, 'under a legal hold', again.ts)
    expect(refused.buttons).toEqual([])
  })

  test('in a channel is only told where to write it, to that person alone', async () => {
    const { world, slack } = await startKnown()
    slack.say({ user: slack.ana.id, channel: slack.general.id, text: `<@${slack.install.botUser}> forget me` })
    const hint = await said(world, slack.general.id, 'in a direct message')
    expect([hint.ephemeral, hint.buttons]).toEqual([true, []])
  })

  test('works by command as well', async () => {
    const { world, slack, before } = await startKnown()
    await slack.command({ user: slack.ana.id, channel: slack.random.id, command: '/ask', text: 'forget me' }).answer
    const { ts } = await said(world, slack.random.id, 'This cannot be undone')
    await slack.click({ user: slack.ana.id, channel: slack.random.id, ts, button: deleting }).answer
    await said(world, slack.random.id, 'Done:')
    expect(await world.store.users.get(before.id)).toBeNull()
  })
})
