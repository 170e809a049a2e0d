import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Install } from '../support/slack/state.ts'
import { answers, cleanUp, settled, startWorld, type World, type WorldOptions } from './world.ts'

cleanUp()

/** Two companies with the app, and a channel that both share. Each has a bot of its own, and each hears of everything there. */
async function startShared(options: WorldOptions = {}) {
  const oauth = {
    clientId: '',
    clientSecret: '',
    stateSecret: 'a secret for states',
    encryptionKeys: [randomBytes(32).toString('base64')],
  }
  const world = await startWorld({
    ...options,
    config: { oauth, ...options.config },
    prepare: (slack) => Object.assign(oauth, { clientId: slack.app.clientId, clientSecret: slack.app.clientSecret }),
  })
  const { slack } = world
  const other = slack.addTeam({ name: 'Other' })
  const xena = slack.addPerson({ team: other.id, realName: 'Xena Ray' })
  const here = await installInto(world, slack.team.id)
  const there = await installInto(world, other.id)
  const channel = slack.addChannel({
    name: 'shared',
    members: [slack.ana.id, xena.id, here.botUser, there.botUser],
    sharedWith: [other.id],
  })
  return { world, slack, other, xena, here, there, channel }
}

async function installInto({ slack, app }: World, team: string): Promise<Install> {
  const begun = await fetch(`${app.url}/slack/install`, { redirect: 'manual' })
  const cookie = begun.headers.get('set-cookie')?.split(';')[0] ?? ''
  const done = await fetch(slack.authorize(begun.headers.get('location') ?? '', { team }), { headers: { cookie } })
  expect(done.status).toBe(200)
  return slack.state.installs.findLast((install) => install.team === team && install.state === 'active')!
}

describe('in a channel that two companies share, both with the app', () => {
  test.each(['together', 'message-first', 'mention-first'] as const)(
    'a mention (%s) and what follows in its thread get one answer each',
    async (twins) => {
      const { world, slack, xena, here, channel } = await startShared()
      const first = slack.say({ user: slack.ana.id, channel: channel.id, text: `<@${here.botUser}> hi`, twins })
      expect(await first.acked()).toBe(true)
      await settled(world)
      // Told to both companies, and as a mention as well.
      expect(first.deliveries.length).toBeGreaterThanOrEqual(3)
      expect(answers(slack, channel.id, first.ts)).toHaveLength(1)
      const second = slack.say({ user: xena.id, channel: channel.id, text: 'and then?', thread: first.ts })
      expect(await second.acked()).toBe(true)
      await settled(world)
      expect(answers(slack, channel.id, first.ts)).toHaveLength(2)
      expect(world.model.prompts.map(({ messages }) => messages.length)).toEqual([1, 3])
    },
  )
})

describe('in a shared channel', () => {
  test('an edit, told to both companies, offers another answer once', async () => {
    const { world, slack, here, channel } = await startShared()
    const said = slack.say({ user: slack.ana.id, channel: channel.id, text: `<@${here.botUser}> helo` })
    await settled(world)
    slack.edit({ channel: channel.id, ts: said.ts, text: `<@${here.botUser}> hello` })
    await slack.until(() => answers(slack, channel.id, said.ts).length > 1)
    await settled(world)
    expect(answers(slack, channel.id, said.ts).map(({ ephemeral }) => ephemeral)).toEqual([false, true])
  })

  test('people of either company stop, rate and ask again what they were answered', async () => {
    const { world, slack, xena, there, channel } = await startShared()
    const said = slack.say({ user: xena.id, channel: channel.id, text: `<@${there.botUser}> hi` })
    await settled(world)
    const [answer] = answers(slack, channel.id, said.ts)
    const click = (user: string, button: string) =>
      slack.click({ user, channel: channel.id, ts: answer!.ts, button }).answer
    expect((await click(xena.id, '👍')).status).toBe(200)
    expect((await click(xena.id, 'Answer again')).status).toBe(200)
    await settled(world)
    const shown = answers(slack, channel.id, said.ts)
    expect(shown.map(({ ephemeral }) => ephemeral)).toEqual([false, false])
    // What follows goes on in the same conversation.
    slack.say({ user: xena.id, channel: channel.id, text: 'and then?', thread: said.ts })
    await settled(world)
    expect(world.model.prompts.map(({ messages }) => messages.length)).toEqual([1, 1, 3])
  })

  test('a question by the shortcut begins what follows in that thread', async () => {
    const { world, slack, xena, channel } = await startShared()
    const said = slack.say({ user: xena.id, channel: channel.id, text: 'Wir liefern am Freitag' })
    slack.messageShortcut({ user: slack.ana.id, channel: channel.id, ts: said.ts, callback: 'ask_about' })
    await slack.until(() => slack.modal(slack.ana.id))
    expect((await slack.submit(slack.ana.id, { question: 'What does it say?' })).errors).toEqual({})
    await settled(world)
    slack.say({ user: slack.ana.id, channel: channel.id, text: 'and in French?', thread: said.ts })
    await settled(world)
    expect(answers(slack, channel.id, said.ts)).toHaveLength(2)
    expect(world.model.prompts.map(({ messages }) => messages.length)).toEqual([1, 3])
  })
})
