import { describe, expect, test } from 'vitest'
import { zeroWidth } from '../../adapters/slack/guard.ts'
import { answers, cleanUp, saying, settled, startWorld } from './world.ts'

cleanUp()

describe('a direct message', () => {
  test('is answered in its thread by a stream with feedback below, and nothing is left thinking', async () => {
    const world = await startWorld({ config: { publicUrl: 'https://chat.example.com' } })
    const { slack } = world
    const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hello' })
    expect(await said.acked()).toBe(true)
    await settled(world)
    const { messages, status, session } = slack.screen(slack.dm.id, { thread: said.ts })
    const [answer, ...others] = messages.filter(({ ours }) => ours)
    expect(others).toEqual([])
    expect(answer).toMatchObject({ source: 'You said: Hello', state: 'final' })
    expect(answer!.buttons.map(({ label }) => label)).toEqual(['👍', '👎', 'Answer again', 'Continue on the web'])
    expect(answer!.buttons.at(-1)!.url).toMatch(/^https:\/\/chat\.example\.com\/c\/[\w-]+$/)
    expect(status).toBe('')
    expect(session).toBe('active')
    expect(slack.callsTo('chat.startStream')).toHaveLength(1)
    expect(slack.callsTo('chat.postMessage')).toHaveLength(0)
    expect(world.logged('warn')).toEqual([])
    expect(world.logged('error')).toEqual([])
  })

  test('is thought about for all to see until the first words come', async () => {
    const world = await startWorld()
    const { slack, model } = world
    const begin = Promise.withResolvers<void>()
    const answer = saying('Here it is.', 1)
    model.script = async function* (prompt, signal) {
      await begin.promise
      yield* answer(prompt, signal)
    }
    const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hello' })
    await slack.until(() => slack.screen(slack.dm.id, { thread: said.ts }).status === 'is thinking…')
    const { args } = slack.callsTo('assistant.threads.setStatus')[0]!
    expect(args).toMatchObject({ channel_id: slack.dm.id, thread_ts: said.ts })
    expect(args.loading_messages).toHaveLength(3)
    begin.resolve()
    await settled(world)
    expect(slack.screen(slack.dm.id, { thread: said.ts }).status).toBe('')
  })

  test('is remembered in its thread, and not elsewhere', async () => {
    const world = await startWorld()
    const { slack, model } = world
    const first = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'one' })
    await settled(world)
    slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'two', thread: first.ts })
    await settled(world)
    slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'three' })
    await settled(world)
    expect(model.prompts.map(({ messages }) => messages.length)).toEqual([1, 3, 1])
  })
})

describe('a mention', () => {
  test.each(['together', 'message-first', 'mention-first', 'mention-only', 'message-only'] as const)(
    'whose events come %s gets one answer',
    async (twins) => {
      const world = await startWorld()
      const { slack } = world
      const text = `<@${slack.install.botUser}> what is up?`
      const said = slack.say({ user: slack.ana.id, channel: slack.general.id, text, twins })
      expect(await said.acked()).toBe(true)
      await settled(world)
      expect(answers(slack, slack.general.id, said.ts).map(({ source }) => source)).toEqual([
        'You said: Ana Lima: what is up?',
      ])
      expect(slack.callsTo('chat.startStream')[0]!.args).toMatchObject({
        recipient_team_id: slack.team.id,
        recipient_user_id: slack.ana.id,
      })
    },
  )

  test('needs not be repeated in its thread, until someone says mute', async () => {
    const world = await startWorld()
    const { slack, model } = world
    const say = async (text: string, thread?: string) => {
      const said = slack.say({ user: slack.ben.id, channel: slack.general.id, text, ...(thread && { thread }) })
      await said.acked()
      await settled(world)
      return said.ts
    }
    const thread = await say(`<@${slack.install.botUser}> first`)
    await say('a line in the channel')
    await say('second', thread)
    await say(`<@${slack.ana.id}> what do you think?`, thread)
    await say('mute', thread)
    await say('not for you', thread)
    await say(`<@${slack.install.botUser}> third`, thread)
    await say('fourth', thread)
    expect(model.prompts.map(({ messages }) => messages.at(-1)!.text.split('\n').at(-1))).toEqual([
      expect.stringContaining('first'),
      expect.stringContaining('second'),
      expect.stringContaining('third'),
      expect.stringContaining('fourth'),
    ])
  })

  test('in the middle of a thread has what was said before as context, by name', async () => {
    const world = await startWorld()
    const { slack, model } = world
    const parent = slack.say({ user: slack.ben.id, channel: slack.general.id, text: 'We ship &lt;on&gt; Friday' })
    slack.say({ user: slack.ana.id, channel: slack.general.id, text: `<@${slack.ben.id}> or later`, thread: parent.ts })
    await slack.idle()
    slack.say({
      user: slack.ana.id,
      channel: slack.general.id,
      text: `<@${slack.install.botUser}> when, and does <@${slack.ben.id}> know <#${slack.general.id}>?`,
      thread: parent.ts,
    })
    await settled(world)
    const asked = model.prompts[0]!.messages.at(-1)!.text
    expect(asked).toContain('Ben Okri: We ship <on> Friday')
    expect(asked).toContain('Ana Lima: @Ben Okri or later')
    expect(asked).toContain('when, and does @Ben Okri know #general?')
  })

  test('in a long thread has its beginning and what was said last as context, read once', async () => {
    const world = await startWorld()
    const { slack, model } = world
    const line = { user: slack.ben.id, channel: slack.general.id }
    const parent = slack.say({ ...line, text: 'How it began' })
    for (let i = 1; i <= 60; i++) slack.say({ ...line, text: `Line ${i}. ${'word '.repeat(80)}`, thread: parent.ts })
    await slack.idle()
    const mention = { user: slack.ana.id, channel: slack.general.id, thread: parent.ts }
    slack.say({ ...mention, text: `<@${slack.install.botUser}> so?` })
    await settled(world)
    const asked = model.prompts[0]!.messages.at(-1)!.text
    expect(asked).toContain('Ben Okri: How it began')
    expect(asked).toContain('Line 60.')
    expect(asked).not.toContain('Line 2.')
    expect(asked.length).toBeLessThan(14_000)
    slack.say({ ...mention, text: 'and then?' })
    await settled(world)
    expect(slack.callsTo('conversations.replies')).toHaveLength(1)
  })

  test('longer than one page of Slack’s has what was said last as context', async () => {
    const world = await startWorld({ echo: 'none' })
    const { slack, model } = world
    const parent = slack.state.add({
      channel: slack.general.id,
      team: slack.team.id,
      user: slack.ben.id,
      text: 'How it began',
    })
    for (let i = 1; i <= 450; i++)
      slack.state.add({
        channel: slack.general.id,
        team: slack.team.id,
        user: slack.ben.id,
        text: `Line ${i}.`,
        thread: parent.ts,
      })
    const ask = async () => {
      const before = model.prompts.length
      const text = `<@${slack.install.botUser}> new`
      slack.say({ user: slack.ana.id, channel: slack.general.id, text, thread: parent.ts })
      await settled(world)
      slack.say({
        user: slack.ana.id,
        channel: slack.general.id,
        text: `<@${slack.install.botUser}> so?`,
        thread: parent.ts,
      })
      await settled(world)
      expect(model.prompts).toHaveLength(before + 1)
      return model.prompts.at(-1)!.messages.at(-1)!.text
    }
    const whole = await ask()
    expect(whole).toContain('Ben Okri: How it began')
    expect(whole).toContain('Line 450.')
    expect(whole).not.toContain('Line 200.')
    expect(slack.callsTo('conversations.replies')).toHaveLength(3)
    // A page that is not given at once is done without.
    slack.fail(
      'conversations.replies',
      { kind: 'ratelimited', retryAfter: 60 },
      { when: ({ cursor }) => Boolean(cursor) },
    )
    expect(await ask()).toContain('Line 199.')
  })

  test('works without the history scopes', async () => {
    const scopes = ['app_mentions:read', 'chat:write', 'users:read', 'assistant:write']
    const world = await startWorld({ scopes })
    const { slack } = world
    const parent = slack.say({ user: slack.ben.id, channel: slack.general.id, text: 'before' })
    const text = `<@${slack.install.botUser}> hello`
    slack.say({ user: slack.ana.id, channel: slack.general.id, text, thread: parent.ts })
    await settled(world)
    expect(answers(slack, slack.general.id, parent.ts).map(({ source }) => source)).toEqual([
      'You said: Ana Lima: hello',
    ])
  })
})

describe('what the person ends up seeing is the stored answer', () => {
  const prose = (length: number): string => {
    let text = ''
    for (let i = 0; text.length < length; i++) text += `Paragraph ${i} has some words, äöü and 日本語 in it.\n\n`
    return text.slice(0, length)
  }

  test.each([1, 500, 8_900, 12_000, 40_000, 100_000])('for %d characters', async (length) => {
    const world = await startWorld()
    const { slack, model } = world
    const text = prose(length)
    model.script = saying(text, 20)
    const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Tell me' })
    await settled(world)
    const shown = answers(slack, slack.dm.id, said.ts)
    expect(
      shown
        .map(({ source }) => source)
        .join('')
        .replaceAll(zeroWidth, ''),
    ).toBe(text)
    expect(shown.every(({ state }) => state === 'final')).toBe(true)
    expect(shown.filter(({ buttons }) => buttons.length > 0)).toHaveLength(1)
    expect(shown.length).toBeLessThanOrEqual(Math.ceil(length / 8_000) + 1)
    expect(world.logged('warn')).toEqual([])
  })

  test('with code that is cut, and tables', async () => {
    const world = await startWorld()
    const { slack, model } = world
    const code = `\`\`\`ts\n${'const answer: number = 42\n'.repeat(600)}\`\`\`\n`
    const table = '| Name | Count |\n|---|---:|\n| apples | 3 |\n'
    model.script = saying(`Look:\n\n${table}\n${code}\n${table}\nDone.`, 30)
    const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Tell me' })
    await settled(world)
    const shown = answers(slack, slack.dm.id, said.ts)
    expect(shown.length).toBeGreaterThan(1)
    expect(
      shown
        .map(({ source }) => source)
        .join('')
        .match(/const answer: number = 42\n/g),
    ).toHaveLength(600)
    const blocks = slack.state.channels.get(slack.dm.id)!.messages.flatMap((message) => message.blocks ?? [])
    expect(blocks.filter(({ type }) => type === 'table').length).toBe(2)
    expect(world.logged('warn')).toEqual([])
  })

  test('and nothing in it pings', async () => {
    const world = await startWorld()
    const { slack, model } = world
    model.script = saying(`<!channel> <@${slack.ben.id}> @here [bank.com](https://evil.example)`, 40)
    const text = `<@${slack.install.botUser}> hi`
    const said = slack.say({ user: slack.ana.id, channel: slack.general.id, text })
    await settled(world)
    const [answer] = answers(slack, slack.general.id, said.ts)
    expect(answer!.pings).toEqual([])
    expect(answer!.text).toContain('evil.example')
  })
})
