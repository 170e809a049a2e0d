import { describe, expect, test } from 'vitest'
import { startPeople } from './people.ts'
import { cleanUp } from './world.ts'

cleanUp()

/** Ana in Teams, and her other account in Slack, each with a conversation. */
async function startTwo() {
  const world = await startPeople()
  const { teams, app } = world
  const personal = teams.personal.id
  await world.says(personal, 'Hello from Teams')
  await world.inSlack('Hello from Slack')
  const { linking } = app.instance.chat
  const there = () => app.instance.chat.who({ surface: 'slack', workspace: 'T1', id: 'U1' })
  const here = () => app.instance.chat.who(world.senderOf(teams.ana))
  const last = (chat = personal) => teams.screen(chat).answers.at(-1)!
  const codeIn = (text: string) => /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(text)![0]
  return { ...world, personal, linking, there, here, last, codeIn }
}

describe('a code that is made in Teams', () => {
  test('joins both sides when both said yes', async () => {
    const { personal, says, presses, last, codeIn, linking, there, here, listOf } = await startTwo()
    await says(personal, 'link')
    expect(last().text).toContain('Give the code to nobody else')
    const code = codeIn(last().text)
    expect(last().text).toContain(`\`link ${code}\``)
    await presses(personal, 'I have entered it')
    expect(last().text).toContain(`Nobody has entered this code yet. Your code is **${code}**.`)
    await linking.enter(await there(), code)
    await presses(personal, 'I have entered it')
    const shown = last()
    expect(shown.text).toContain('Shall these two become one?')
    expect(shown.cards[0]).toBe(
      'Here: Ana Marsh (Microsoft Teams), 1 conversation\nThere: Name of U1 (Slack), 1 conversation',
    )
    expect(shown.buttons.map(({ title }) => title)).toEqual(['Join both', 'No, stop'])
    await presses(personal, 'Join both')
    expect(last()).toMatchObject({ text: expect.stringContaining('You said yes here. Now say yes on the other side') })
    expect((await here()).id).not.toBe((await there()).id)
    const { joined } = await linking.agree(await there(), code)
    expect((await here()).id).toBe(joined?.id)
    expect(await listOf(joined!)).toHaveLength(2)
    await presses(personal, 'See how it stands')
    expect(last().text).toBe(
      'This code is over: both said yes already, someone said no, or its time is up. Your accounts are: Microsoft Teams, Slack.',
    )
  })

  test('is over when one side says no', async () => {
    const { personal, says, presses, last, codeIn, linking, there, here } = await startTwo()
    await says(personal, 'link')
    const code = codeIn(last().text)
    await linking.enter(await there(), code)
    await presses(personal, 'No, stop')
    expect(last()).toMatchObject({ text: 'Stopped: nothing was joined, and the code is over.', buttons: [] })
    await expect(linking.agree(await there(), code)).rejects.toMatchObject({ code: 'link_code' })
    expect((await here()).identities).toHaveLength(1)
  })
})

describe('a code that is entered in Teams', () => {
  test('shows both sides, and joins them when this one is the second to say yes', async () => {
    const { personal, says, presses, last, linking, there, here } = await startTwo()
    const { code } = await linking.offer(await there())
    await says(personal, `link ${code.toLowerCase()}`)
    expect(last().cards[0]).toContain('There: Name of U1 (Slack), 1 conversation')
    await linking.agree(await there(), code)
    await presses(personal, 'Join both')
    expect(last()).toMatchObject({ text: 'Done: these accounts are one now: Microsoft Teams, Slack.', buttons: [] })
    expect((await here()).id).toBe((await there()).id)
  })

  test('by two presses at once is joined once', async () => {
    const { personal, says, press, settled, last, linking, there, here, logged } = await startTwo()
    const { code } = await linking.offer(await there())
    await says(personal, `link ${code}`)
    await linking.agree(await there(), code)
    await Promise.all([press(personal, 'Join both').first, press(personal, 'Join both').first])
    await settled()
    expect((await here()).identities.toSorted()).toEqual((await there()).identities.toSorted())
    expect((await here()).identities).toHaveLength(2)
    expect(last().text).toMatch(/accounts (?:are one now|are): Microsoft Teams, Slack\.|used already/)
    expect(logged('error')).toEqual([])
  })

  test('that is wrong, or one’s own, is refused in plain words', async () => {
    const { personal, says, last, codeIn } = await startTwo()
    await says(personal, 'link ABCD-2345')
    expect(last().text).toContain('This code is wrong, was used already or has run out.')
    await says(personal, 'link')
    await says(personal, `link ${codeIn(last().text)}`)
    expect(last().text).toContain('This is your own code.')
  })

  test('too often is refused', async () => {
    const { personal, says, last } = await startTwo()
    for (let i = 0; i < 11; i++) await says(personal, 'link ABCD-2345')
    expect(last().text).toContain('Too many attempts.')
  })

  test('by a stranger to the link moves nothing, whatever they press', async () => {
    const { teams, personal, says, settled, last, codeIn, linking, there, userOf } = await startTwo()
    await says(personal, 'link')
    const code = codeIn(last().text)
    await linking.enter(await there(), code)
    await says(teams.bensPersonal.id, 'Hi')
    for (const choose of ['look', 'join', 'part'])
      await teams.say({ in: teams.bensPersonal.id, value: { choose, code } }).first
    await settled()
    expect(last(teams.bensPersonal.id).text).toContain('This code is over')
    expect(await linking.link(await there(), code)).toMatchObject({ own: { agreed: false }, other: { agreed: false } })
    expect((await userOf(teams.ben)).identities).toHaveLength(1)
  })
})

test.each(['group', 'general'] as const)('between others (%s) a code is neither shown nor taken', async (where) => {
  const { teams, app, says, last, linking, there, here } = await startTwo()
  const chat = teams[where].id
  const { code } = await linking.offer(await there())
  await says(chat, 'link', teams.ana.id)
  expect(last(chat).text).toBe('That is between us: write “link” to me in our personal chat.')
  await says(chat, `link ${code}`, teams.ana.id)
  expect(last(chat).text).toContain('Others can read this code here, so I do not take it.')
  expect(await app.instance.chat.linking.link(await there(), code)).not.toHaveProperty('other')
  expect((await here()).identities).toHaveLength(1)
})
