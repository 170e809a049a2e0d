import { describe, expect, test } from 'vitest'
import { answers, askedOnTheWeb, cleanUp, settled, startWorld, userOf, type World, webUser } from './world.ts'

cleanUp()

function said({ slack }: World, channel: string, words: string, thread?: string) {
  return slack.until(() => answers(slack, channel, thread).findLast(({ text }) => text.includes(words)))
}

/** Ana in Slack, with a conversation, and the same Ana on the web page, with another one. */
async function startSides() {
  const world = await startWorld({ config: { publicUrl: 'https://chat.example.com' } })
  const { slack } = world
  slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hello' })
  await settled(world)
  const web = await webUser(world, 'anna')
  await askedOnTheWeb(world, web, 'On the web')
  const { linking } = world.app.instance.chat
  const write = (text: string) => slack.say({ user: slack.ana.id, channel: slack.dm.id, text })
  const click = (ts: string, button: string) =>
    slack.click({ user: slack.ana.id, channel: slack.dm.id, ts, button }).answer
  const listed = async () => {
    const { id } = await userOf(world, slack.ana.id)
    return (await world.app.instance.chat.conversations.list(id, { limit: 9 })).items.length
  }
  return { world, slack, web, linking, write, click, listed }
}

async function codeIn(world: World, thread: string): Promise<{ code: string; ts: string }> {
  const { text, ts } = await said(world, world.slack.dm.id, 'Your code is', thread)
  return { code: /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(text)![0], ts }
}

describe('a code that is shown in Slack', () => {
  test('and entered elsewhere joins both, when both have said yes', async () => {
    const { world, slack, web, linking, write, click, listed } = await startSides()
    const { ts: thread } = write('link')
    const { code, ts } = await codeIn(world, thread)
    await click(ts, 'I have entered it')
    await said(world, slack.dm.id, 'Nobody has entered the code yet')
    await linking.enter(web, code)
    await click(ts, 'I have entered it')
    const sides = await said(world, slack.dm.id, 'These two become one', thread)
    expect(sides.text).toContain('this side: *Ana Lima* (Slack), 1 conversation')
    expect(sides.text).toContain('the other side: *anna* (the web as “anna”), 1 conversation')
    await click(ts, 'Join both')
    const waiting = await said(world, slack.dm.id, 'You said yes', thread)
    expect(await listed()).toBe(1)
    await linking.agree(web, code)
    await click(waiting.ts, 'I have said yes there')
    const done = await said(world, slack.dm.id, 'Done:', thread)
    expect(done.text).toContain('(Slack, the web as “anna”)')
    expect(done.buttons).toEqual([])
    expect(await listed()).toBe(2)
  })

  test('is over after a no', async () => {
    const { world, slack, web, linking, write, click, listed } = await startSides()
    const { ts: thread } = write('link')
    const { code, ts } = await codeIn(world, thread)
    await linking.enter(web, code)
    await click(ts, 'I have entered it')
    await said(world, slack.dm.id, 'These two become one', thread)
    await click(ts, 'No, stop')
    await said(world, slack.dm.id, 'nothing was joined', thread)
    await expect(linking.agree(web, code)).rejects.toMatchObject({ code: 'link_code' })
    expect(await listed()).toBe(1)
  })

  test('does not say that nothing was joined, where both have said yes before the no', async () => {
    const { world, slack, web, linking, write, click, listed } = await startSides()
    const { ts: thread } = write('link')
    const { code, ts } = await codeIn(world, thread)
    await linking.enter(web, code)
    await click(ts, 'I have entered it')
    await said(world, slack.dm.id, 'These two become one', thread)
    await click(ts, 'Join both')
    await said(world, slack.dm.id, 'You said yes', thread)
    await linking.agree(web, code)
    await click(ts, 'No, stop')
    await said(world, slack.dm.id, 'Done:', thread)
    expect(await listed()).toBe(2)
  })

  test('that is over is told so', async () => {
    const { world, slack, web, linking, write, click } = await startSides()
    const { ts: thread } = write('link')
    const { code, ts } = await codeIn(world, thread)
    await linking.enter(web, code)
    await linking.decline(web, code)
    await click(ts, 'I have entered it')
    await said(world, slack.dm.id, 'This code has run out, was used or was stopped', thread)
  })
})

describe('a code that was shown elsewhere', () => {
  test('joins both by a press, where the other side has agreed', async () => {
    const { world, slack, web, linking, write, click, listed } = await startSides()
    const { code } = await linking.offer(web)
    const { ts: thread } = write(`link ${code.toLowerCase()}`)
    const sides = await said(world, slack.dm.id, 'These two become one', thread)
    await linking.agree(web, code)
    await click(sides.ts, 'Join both')
    await said(world, slack.dm.id, 'Done:', thread)
    expect(await listed()).toBe(2)
  })

  test('pressed twice joins once, and the second press says nothing', async () => {
    const { world, slack, web, linking, write, click, listed } = await startSides()
    const { code } = await linking.offer(web)
    const { ts: thread } = write(`link ${code}`)
    const { ts } = await said(world, slack.dm.id, 'These two become one', thread)
    await linking.agree(web, code)
    await Promise.all([click(ts, 'Join both'), click(ts, 'Join both')])
    await said(world, slack.dm.id, 'Done:', thread)
    expect(await listed()).toBe(2)
    expect(answers(slack, slack.dm.id, thread)).toHaveLength(1)
  })

  test('that is wrong, or one’s own, is refused in plain words', async () => {
    const { world, slack, linking, write } = await startSides()
    const { code } = await linking.offer(await userOf(world, slack.ana.id))
    const own = write(`link ${code}`)
    await said(world, slack.dm.id, 'This is your own code', own.ts)
    const wrong = write('link AAAA-AAAA')
    await said(world, slack.dm.id, 'This code is wrong', wrong.ts)
  })
})

test('“link” in a channel shows no code to anyone, only where to write it, to that person alone', async () => {
  const { world, slack } = await startSides()
  slack.say({ user: slack.ana.id, channel: slack.general.id, text: `<@${slack.install.botUser}> link` })
  const hint = await said(world, slack.general.id, 'in a direct message')
  expect([hint.ephemeral, hint.buttons]).toEqual([true, []])
})

test('/ask link shows a code to that person alone, and /ask link with a code enters it', async () => {
  const { world, slack, web, linking } = await startSides()
  const run = (text: string) =>
    slack.command({ user: slack.ana.id, channel: slack.random.id, command: '/ask', text }).answer
  await run('link')
  expect((await said(world, slack.random.id, 'Your code is')).ephemeral).toBe(true)
  const { code } = await linking.offer(web)
  await run(`link ${code}`)
  const sides = await said(world, slack.random.id, 'These two become one')
  await linking.agree(web, code)
  await slack.click({ user: slack.ana.id, channel: slack.random.id, ts: sides.ts, button: 'Join both' }).answer
  await said(world, slack.random.id, 'Done:')
})
