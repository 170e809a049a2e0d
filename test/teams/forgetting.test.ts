import { describe, expect, test, vi } from 'vitest'
import { accountsText } from '../../adapters/teams/accounts.ts'
import { Fault } from '../../src/errors.ts'
import { fakeClock } from '../support/teams/index.ts'
import { startPeople } from './people.ts'
import { cleanUp, type WorldOptions } from './world.ts'

cleanUp()

/** Ana, with a conversation of her own and one with others. */
async function startAna(options: WorldOptions = {}) {
  const world = await startPeople(options)
  const { teams, store } = world
  const personal = teams.personal.id
  await world.says(personal, 'Something private')
  await world.says(teams.group.id, 'Something for all')
  const last = (chat = personal) => teams.screen(chat).answers.at(-1)!
  const found = () => store.users.find(`teams:${teams.tenantId}:${teams.ana.aadObjectId}`)
  return { ...world, personal, last, found }
}

describe('“forget me”', () => {
  test('says what it means first, and then deletes everything', async () => {
    const { personal, teams, store, says, presses, last, found, listOf } = await startAna()
    const before = (await found())!
    const shared = (await listOf(before)).find(({ direct }) => !direct)!
    const account = `teams:account:${teams.tenantId}:${teams.ana.id}`
    expect(await store.cache.get(account)).toBe(teams.ana.aadObjectId)
    await says(personal, 'forget me')
    expect(last()).toMatchObject({
      text: expect.stringContaining('It cannot be undone.'),
      buttons: [{ title: 'Delete everything about me' }, { title: 'Cancel' }],
    })
    expect(await found()).toEqual(before)
    await presses(personal, 'Delete everything about me')
    expect(last()).toMatchObject({ text: expect.stringContaining('Done: everything I kept'), buttons: [] })
    expect(await found()).toBeNull()
    expect(await store.cache.get(account)).toBeNull()
    expect(await store.conversations.list(before.id, { limit: 10 })).toMatchObject({ items: [] })
    const kept = await store.conversations.read(shared.id, { messages: 10 })
    expect(JSON.stringify(kept)).not.toContain('Something for all')
    await says(personal, 'Hello again')
    expect((await found())!.id).not.toBe(before.id)
    expect(teams.screen(personal).answers.at(-1)!.text).toBe('You said: Hello again')
  })

  test('pressed twice deletes once, and makes nobody anew', async () => {
    const { personal, app, says, press, settled, last, found } = await startAna()
    await says(personal, 'forget me')
    const forget = vi.spyOn(app.instance.chat, 'forget')
    const title = 'Delete everything about me'
    await Promise.all([press(personal, title).first, press(personal, title).first])
    await settled()
    expect(forget).toHaveBeenCalledTimes(1)
    expect(await found()).toBeNull()
    expect(last().buttons).toEqual([])
  })

  test('is called off', async () => {
    const { personal, says, presses, last, found } = await startAna()
    await says(personal, 'forget me')
    await presses(personal, 'Cancel')
    expect(last()).toMatchObject({ text: 'All right: nothing was changed.', buttons: [] })
    expect(await found()).not.toBeNull()
  })

  test('pressed by somebody else, or where others read, deletes nobody', async () => {
    const { personal, teams, says, settled, last, found, userOf, store } = await startAna()
    await says(personal, 'forget me')
    const value = last().buttons[0]!.action.data!
    const ben = await userOf(teams.ben)
    await teams.say({ in: teams.bensPersonal.id, value }).first
    await teams.say({ in: teams.group.id, value }).first
    await settled()
    expect(last(teams.bensPersonal.id).text).toContain('Nothing is deleted by this.')
    expect(last(teams.group.id).text).toContain('not yours to see')
    expect(await found()).not.toBeNull()
    expect(await store.users.get(ben.id)).not.toBeNull()
  })

  test('asked too long ago deletes nothing', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    try {
      const { personal, says, presses, last, found } = await startAna()
      await says(personal, 'forget me')
      vi.setSystemTime(Date.now() + 16 * 60_000)
      await presses(personal, 'Delete everything about me')
      expect(last().text).toContain('asked too long ago. Nothing is deleted by this.')
      expect(await found()).not.toBeNull()
    } finally {
      vi.useRealTimers()
    }
  })

  test('under a legal hold says so, before and after the question', async () => {
    const { personal, store, says, presses, last, found, app } = await startAna()
    await says(personal, 'forget me')
    const { id } = (await found())!
    await store.users.update(id, { hold: true })
    vi.spyOn(app.instance.chat, 'forget').mockRejectedValue(new Fault('on_hold'))
    await presses(personal, 'Delete everything about me')
    expect(last().text).toContain('under a legal hold')
    expect(await found()).toMatchObject({ id, hold: true })
    vi.spyOn(app.instance.chat, 'who').mockResolvedValue((await found())!)
    await says(personal, 'forget me')
    expect(last()).toMatchObject({ text: expect.stringContaining('under a legal hold'), buttons: [] })
  })

  test('that fails is told, and can be asked for again', async () => {
    const { personal, says, presses, last, found, app } = await startAna()
    await says(personal, 'forget me')
    const forget = vi.spyOn(app.instance.chat, 'forget').mockRejectedValueOnce(new Error('a secret of the store'))
    await presses(personal, 'Delete everything about me')
    expect(last()).toMatchObject({ text: expect.stringContaining('Something went wrong on our side.'), buttons: [] })
    expect(last().text).not.toContain('secret')
    await says(personal, 'forget me')
    await presses(personal, 'Delete everything about me')
    expect(forget).toHaveBeenCalledTimes(2)
    expect(await found()).toBeNull()
  })

  test('that takes longer than Teams waits is acknowledged and told when it is done', async () => {
    const clock = fakeClock()
    const { personal, press, last, teams, settled, app, says } = await startAna({ clock })
    await says(personal, 'forget me')
    const open = Promise.withResolvers<void>()
    vi.spyOn(app.instance.chat, 'forget').mockReturnValue(open.promise)
    const pressed = press(personal, 'Delete everything about me')
    let acknowledged = false
    pressed.first.then(() => {
      acknowledged = true
    })
    await teams.until(() => vi.mocked(app.instance.chat.forget).mock.calls.length > 0)
    while (!acknowledged) {
      await clock.advance(1_000)
      await new Promise(setImmediate)
    }
    expect((await pressed.first).status).toBe(202)
    expect(last().buttons).not.toEqual([])
    open.resolve()
    await settled()
    expect(last().text).toContain('Done: everything I kept about you is deleted.')
  })

  test('between others is only told where to write it', async () => {
    const { teams, says, last, found } = await startAna()
    await says(teams.group.id, 'forget me')
    expect(last(teams.group.id)).toMatchObject({
      text: 'That is between us: write “forget me” to me in our personal chat.',
      buttons: [],
    })
    expect(await found()).not.toBeNull()
  })
})

describe('“me”', () => {
  test('shows who somebody is here, their accounts and what is left', async () => {
    const { personal, teams, says, last, joined, app } = await startAna({
      config: { publicUrl: 'https://chat.example.com' },
    })
    await joined(teams.ana)
    const window = {
      of: 'tokens',
      per: 'day',
      limit: 10,
      used: 4,
      endsAt: 0,
      text: '6 of 10 tokens left today',
    } as const
    vi.spyOn(app.instance.chat, 'left').mockResolvedValue([window])
    vi.spyOn(app.instance.chat, 'who').mockResolvedValue(await joined(teams.ana))
    await says(personal, 'me')
    expect(last()).toMatchObject({
      cards: ['Ana Marsh\nConnected accounts: Microsoft Teams, Slack\nYour limit: 6 of 10 tokens left today'],
      buttons: [{ title: 'Your account on the web', action: { url: 'https://chat.example.com/account' } }],
    })
    await says(teams.group.id, 'me')
    expect(last(teams.group.id).text).toBe('That is between us: write “me” to me in our personal chat.')
  })

  test('without limits names none', async () => {
    const { personal, says, last } = await startAna()
    await says(personal, 'me')
    expect(last()).toMatchObject({ cards: ['Ana Marsh\nConnected accounts: Microsoft Teams'], buttons: [] })
  })

  test('names accounts as their person knows them, each once, and no addresses', () => {
    const some = [
      'teams:t1:o1',
      'teams:t2:o2',
      'slack:T1:U1',
      'slack:T2:U2',
      'web:local:ana',
      'oidc:https://x.example:7',
    ]
    expect(accountsText(['email:ana@contoso.example', ...some], 't1')).toBe(
      'Microsoft Teams, Microsoft Teams of another organisation, Slack, the web as “ana”, single sign-on',
    )
  })
})

test('“help” lists the words that are for the place', async () => {
  const { personal, teams, says, last } = await startAna()
  await says(personal, 'help')
  for (const word of ['continue', 'link', 'me', 'forget me']) expect(last().text).toContain(`- **${word}** `)
  await says(teams.group.id, 'help')
  expect(last(teams.group.id).text).toContain('- **continue** ')
  for (const word of ['link', 'me', 'forget me']) expect(last(teams.group.id).text).not.toContain(`- **${word}** `)
})
