import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { service } from '../support/service.ts'
import { type Surfaces, startSurfaces } from '../support/surfaces.ts'
import type { Browser } from '../support/web.ts'

const code = /[0-9A-Z]{4}-[0-9A-Z]{4}/

describe('one conversation on Slack, on Teams and on the web', () => {
  const own = service({ shared: true })
  let at: Surfaces
  beforeAll(async () => {
    at = await startSurfaces()
  })
  afterAll(() => at.close())

  /** What the model was told by both sides before it answered last. */
  const remembered = (): string[] => {
    const asked = own.bedrock.requests.filter(({ body }) => (body.inferenceConfig?.maxTokens ?? 0) > 100)
    return (asked.at(-1)?.body.messages ?? []).map(({ content }) =>
      (content ?? []).map((block) => (typeof block.text === 'string' ? block.text : '')).join(''),
    )
  }
  const agreeOnTheWeb = async (browser: Browser) =>
    (await browser.form('/account/link/agree', {})).headers.get('location')

  it('goes on wherever its person is, once they are known to be one', async () => {
    const app = await own.run(at.env)
    at.connect(app)
    const thread = at.inSlack('The number is seven')
    await at.slackSays('You said: “The number is seven”', thread)

    // Teams, by a code that Slack shows.
    const linking = at.inSlack('link')
    const shown = await at.slackSays('Your code is', linking)
    await at.inTeams(`link ${code.exec(shown.text)![0]}`)
    await at.press('Join both')
    await at.teamsSays('You said yes')
    await at.click(shown, 'I have entered it')
    await at.click(await at.slackSays('These two become one', linking), 'Join both')
    await at.slackSays('Done:', linking)

    await at.inTeams('continue')
    await at.teamsSays('Which conversation shall go on?')
    await at.press('Continue here')
    await at.teamsSays('Done: this chat goes on with it')
    await at.inTeams('What was it?')
    await at.teamsSays('You said: “What was it?”')
    expect(remembered()).toEqual([
      'The number is seven',
      expect.stringContaining('You said: “The number is seven”'),
      'What was it?',
    ])

    // The web page, by a code that it shows itself.
    const browser = await own.signedIn(app)
    await browser.page('/account')
    await browser.form('/account/code', {})
    const onThePage = /id="code"[^>]*>([0-9A-Z-]{9})</.exec(await browser.page('/account/link'))![1]!
    const entering = at.inSlack(`link ${onThePage}`)
    await at.click(await at.slackSays('These two become one', entering), 'Join both')
    await at.slackSays('You said yes', entering)
    expect(await agreeOnTheWeb(browser)).toBe('/account?done=joined')

    const { items } = await browser.json<{ items: { id: string; count: number }[] }>('/conversations')
    const { id } = items.find(({ count }) => count === 4)!
    const { messages } = await own.opened(browser, id)
    expect(messages.map(({ text }) => text)).toEqual([
      'The number is seven',
      expect.stringContaining('You said: “The number is seven”'),
      'What was it?',
      expect.stringContaining('You said: “What was it?”'),
    ])
    await browser.send('And on the web?', { conversation: id })
    await own.answered(browser, id, 6)
    expect(remembered()).toHaveLength(5)

    // Back where it began; nothing of the web was shown there.
    at.inSlack('And here?', thread)
    await at.slackSays('You said: “And here?”', thread)
    expect(remembered()).toEqual([
      ...messages.map(({ text }) => text),
      'And on the web?',
      expect.anything(),
      'And here?',
    ])
    const seen = at.slack.screen(at.slack.dm.id, { thread }).messages.map(({ text }) => text)
    expect(seen.join('\n')).not.toContain('And on the web?')
  })
})
