import { describe, expect, test } from 'vitest'
import { plainBlocks } from '../support/slack/markup.ts'
import { buttonsOf, namesIn } from '../support/slack/screen.ts'
import { answers, askedOnTheWeb, cleanUp, settled, startWorld, userOf, type World } from './world.ts'

cleanUp()

const publicUrl = 'https://chat.example.com'

/** The Home tab as Ana sees it, once it holds these words. */
async function home({ slack }: World, words: string) {
  slack.openApp(slack.ana.id, 'home')
  return slack.until(() => {
    const blocks = slack.state.homes.get(slack.ana.id)?.content.blocks as Parameters<typeof plainBlocks>[0] | undefined
    if (!blocks) return undefined
    const text = plainBlocks(blocks, namesIn(slack.state))
    return text.includes(words) && { text, source: JSON.stringify(blocks), buttons: buttonsOf(blocks) }
  })
}

describe('the Home tab', () => {
  test('says who one is, what is left, and what was talked about everywhere', async () => {
    const world = await startWorld({ config: { publicUrl } })
    const ana = await userOf(world, world.slack.ana.id)
    const web = await askedOnTheWeb(world, ana, 'A <question> on the web')
    await world.store.users.attach(ana.id, 'teams:tenant:object')
    const allowance = {
      of: 'tokens',
      per: 'day',
      limit: 10,
      used: 2,
      endsAt: 0,
      text: 'Today you have 8 of 10 tokens left.',
    }
    Object.assign(world.app.instance.chat, { left: async () => [allowance] })
    const other = await world.another()
    Object.assign(other.instance.chat, { left: async () => [allowance] })
    world.slack.connect(`${other.url}/slack/events`)
    const { text, source, buttons } = await home(world, 'Hello Ana Lima')
    expect(text).toContain('I know you from Slack, Microsoft Teams.')
    expect(text).toContain('Today you have 8 of 10 tokens left.')
    expect(text).toContain('A <question> on the web')
    expect(text).toContain('from the web · 2 messages')
    expect(source).toContain(`<${publicUrl}/c/${web}|A &lt;question&gt; on the web>`)
    expect(buttons.map(({ label }) => label)).toEqual(['Continue here'])
  })

  test('lets a conversation go on in a thread of the direct messages, once for two presses', async () => {
    const world = await startWorld()
    const { slack } = world
    const ana = await userOf(world, slack.ana.id)
    await askedOnTheWeb(world, ana, 'A question on the web')
    await home(world, 'A question on the web')
    await Promise.all([
      slack.clickHome(slack.ana.id, 'Continue here').answer,
      slack.clickHome(slack.ana.id, 'Continue here').answer,
    ])
    const root = await slack.until(() => answers(slack, slack.dm.id).find(({ replies }) => replies > 0))
    expect(root.text).toContain('A question on the web')
    const [, done] = answers(slack, slack.dm.id, root.ts)
    expect(done!.text).toContain('goes on in this thread. Write here to go on with it.')
    slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'and then?', thread: root.ts })
    await settled(world)
    expect(world.model.prompts.at(-1)!.messages).toHaveLength(3)
    expect(answers(slack, slack.dm.id)).toHaveLength(1)
  })

  test('tells in plain words of a conversation that was deleted since', async () => {
    const world = await startWorld()
    const { slack } = world
    const ana = await userOf(world, slack.ana.id)
    const web = await askedOnTheWeb(world, ana, 'A question on the web')
    await home(world, 'A question on the web')
    await world.app.instance.chat.conversations.remove(ana.id, web)
    await slack.clickHome(slack.ana.id, 'Continue here').answer
    await slack.until(() => answers(slack, slack.dm.id).find(({ text }) => text.includes('not yours to see')))
    await home(world, 'None yet.')
  })
})
