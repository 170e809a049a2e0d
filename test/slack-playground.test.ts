import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Json, JsonObject } from '../src/types.ts'
import { type SlackStandIn, startSlack } from './support/slack/index.ts'
import { rawCall } from './support/slack/rawCall.ts'
import { type Behaviour, type Heard, startStubApp } from './support/slack/stubApp.ts'
import { type Playground, startPage } from './support/slack-playground/page.ts'

// The page on which a newcomer tries the bot, over the stand-in, with an app that does one of everything.

const executable = process.env.CHROMIUM ?? '/usr/bin/chromium'
const missing = `Chromium was not found at ${executable}: install it (apt-get install chromium) or set CHROMIUM to run these tests.`
const here = existsSync(executable)
if (!here && process.env.CI === 'true') throw new Error(missing)
if (!here) console.warn(`Skipped the tests of the Slack playground: ${missing}`)

const plain = (text: string): JsonObject => ({ type: 'plain_text', text })
const feedback: Json = {
  type: 'context_actions',
  elements: [
    {
      type: 'feedback_buttons',
      action_id: 'rate',
      positive_button: { text: plain('Good'), value: 'up' },
      negative_button: { text: plain('Bad'), value: 'down' },
    },
  ],
}
const comment: Json = {
  type: 'modal',
  title: plain('What was wrong?'),
  submit: plain('Send'),
  blocks: [
    {
      type: 'input',
      block_id: 'why',
      label: plain('Comment'),
      element: { type: 'plain_text_input', action_id: 'why' },
    },
  ],
}

/** Answers in streams that end when told, rates, publishes a Home tab, knows `/ask`. */
function toyApp(slack: () => SlackStandIn) {
  const call = (method: string, args: Record<string, Json>) => rawCall(slack(), method, args)
  let stream: { channel: string; ts: string } | undefined

  async function answer(event: JsonObject): Promise<void> {
    const channel = String(event.channel)
    const thread_ts = String(event.thread_ts ?? event.ts)
    const human = { recipient_team_id: slack().team.id, recipient_user_id: String(event.user) }
    await call('assistant.threads.setStatus', { channel_id: channel, thread_ts, status: 'is thinking…' })
    const text =
      '## Hello\n\n- **one**\n- `two`\n\n<script>window.broken = true</script>\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n'
    const { body } = await call('chat.startStream', { channel, thread_ts, ...human, markdown_text: text })
    stream = { channel, ts: body.ts! }
  }

  function hear({ payload }: Heard): Behaviour {
    const event = (payload.event ?? {}) as JsonObject
    if (event.type === 'message' && event.channel_type === 'im' && !event.bot_id && !event.subtype) void answer(event)
    if (event.type === 'app_mention') void answer(event)
    if (event.type === 'app_home_opened' && event.tab === 'home') {
      const blocks = [{ type: 'header', text: plain('Welcome home') }]
      void call('views.publish', { user_id: String(event.user), view: { type: 'home', blocks } })
    }
    if (event.type === 'agent_session_stopped')
      void call('agents.sessions.setStatus', {
        channel_id: String(event.channel),
        thread_ts: String(event.thread_ts),
        status: 'active',
      })
    if (payload.type === 'block_actions')
      void call('views.open', { trigger_id: String(payload.trigger_id), view: comment })
    if (payload.command === '/ask') return { body: `You asked: ${String(payload.text)}` }
    return {}
  }

  return { hear, end: () => call('chat.stopStream', { ...stream!, markdown_text: 'The end.', blocks: [feedback] }) }
}

describe.skipIf(!here)('the Slack playground', () => {
  let browser: Browser
  let slack: SlackStandIn
  let app: Awaited<ReturnType<typeof startStubApp>>
  let toy: ReturnType<typeof toyApp>
  let playground: Playground
  let page: Page
  const faults: string[] = []

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: executable,
      args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    })
  })
  afterAll(() => browser?.close())

  beforeEach(async () => {
    toy = toyApp(() => slack)
    app = await startStubApp((heard) => toy.hear(heard))
    slack = await startSlack({ appUrl: app.url, limits: false })
    const offers = {
      commands: [{ command: '/ask', hint: 'a question', description: '' }],
      shortcuts: [{ name: 'Ask about this', callback: 'ask_about' }],
    }
    playground = await startPage({ slack, offers, port: 0 })
    page = await browser.newPage()
    page.on('pageerror', (error) => faults.push(error.message))
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
    await page.goto(playground.url)
  })
  afterEach(async () => {
    await page.close()
    await playground.close()
    await slack.close()
    await app.close()
    expect(faults.splice(0)).toEqual([])
  })

  const thread = () => page.getByRole('complementary', { name: 'Thread' })
  const compose = async (label: 'Message' | 'Reply', text: string) => {
    await page.getByRole('textbox', { name: label }).fill(text)
    await page.getByRole('textbox', { name: label }).press('Enter')
  }

  test('shows an answer grow in a direct message, rates it, and sends a comment', async () => {
    await compose('Message', 'Hi there')
    await thread().getByRole('heading', { name: 'Hello' }).waitFor()
    expect(await thread().getByRole('button', { name: 'Stop' }).isVisible()).toBe(true)
    await toy.end()
    await thread().getByText('The end.').waitFor()
    expect(await thread().getByRole('cell', { name: '2' }).count()).toBe(1)
    // What the model wrote as markup is text.
    expect(await thread().getByText('<script>window.broken = true</script>').count()).toBe(1)
    await thread().getByRole('button', { name: 'Stop' }).waitFor({ state: 'detached' })
    await thread().getByRole('button', { name: 'Bad' }).click()
    await page.getByLabel('Comment').fill('Too short')
    await page.getByRole('dialog').getByRole('button', { name: 'Send' }).click()
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    const submitted = app.heard.find((heard) => heard.payload.type === 'view_submission')!
    expect(submitted.payload).toMatchObject({ view: { state: { values: { why: { why: { value: 'Too short' } } } } } })
  })

  test('mentions in a channel, answers in its thread, stops', async () => {
    await page.getByRole('button', { name: '# general' }).click()
    await compose('Message', 'Hey @Aide, 1 < 2?')
    await page.getByRole('button', { name: '1 reply' }).click()
    await thread().getByRole('heading', { name: 'Hello' }).waitFor()
    expect(app.events().find((event) => event.type === 'app_mention')!.text).toBe(
      `Hey <@${slack.install.botUser}>, 1 &lt; 2?`,
    )
    await thread().getByRole('button', { name: 'Stop' }).click()
    await thread().getByText('stopped').waitFor()
    expect(await thread().getByRole('button', { name: 'Stop' }).count()).toBe(0)
    await compose('Reply', 'Thanks')
    await thread().getByText('Thanks').waitFor()
    expect(slack.screen(slack.general.id).messages).toHaveLength(1)
  })

  test('runs a command, opens the Home tab, edits and deletes, plays someone else', async () => {
    await page.getByRole('button', { name: '# general' }).click()
    await compose('Message', '/ask what time it is')
    await page.getByText('You asked: what time it is').waitFor()
    expect(await page.getByText('only visible to you').count()).toBe(1)
    await compose('Message', 'A typo')
    const mine = page.getByRole('listitem').filter({ hasText: 'A typo' })
    await mine.getByRole('button', { name: 'Edit' }).click()
    await compose('Message', 'No typo')
    await page.getByText('edited').waitFor()
    await page.getByRole('listitem').filter({ hasText: 'No typo' }).getByRole('button', { name: 'Delete' }).click()
    await page.getByText('No typo').waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Aide: Home' }).click()
    await page.getByRole('heading', { name: 'Welcome home' }).waitFor()
    await page.getByLabel('You are').selectOption('Ben Okri')
    await page.getByRole('button', { name: '# general' }).click()
    await page.getByRole('heading', { name: '# general' }).waitFor()
    expect(await page.getByText('You asked').count()).toBe(0)
  })

  test('works on a phone and shows what goes over the wire', async () => {
    await page.setViewportSize({ width: 390, height: 844 })
    await page.getByRole('button', { name: 'Places', exact: true }).click()
    await page.getByRole('button', { name: '# general' }).click()
    await compose('Message', 'Hello')
    await page.getByRole('listitem').filter({ hasText: 'Hello' }).first().waitFor()
    await page.getByRole('button', { name: 'Places', exact: true }).click()
    await page.getByRole('button', { name: 'What goes over the wire' }).click()
    await page
      .getByRole('listitem')
      .filter({ hasText: /200 in \d+ ms/ })
      .first()
      .waitFor()
    const width = await page.locator('body').evaluate((body) => body.scrollWidth)
    expect(width).toBeLessThanOrEqual(390)
  })

  test('is only for this machine and its own page', async () => {
    const send = (headers: Record<string, string>) =>
      fetch(`${playground.url}do`, { method: 'POST', headers, body: '{"do":"say"}' }).then((answer) => answer.status)
    expect(await send({ 'content-type': 'application/json', origin: 'https://evil.example' })).toBe(403)
    expect(await send({ 'content-type': 'text/plain' })).toBe(415)
    const { headers } = await fetch(playground.url)
    expect(headers.get('content-security-policy')).toContain("script-src 'self'")
  })
})

test('`npm run slack:playground` starts the real app behind the page, and ends it', async () => {
  const env = {
    ...process.env,
    PLAYGROUND_PORT: '0',
    LOG_LEVEL: 'warn',
    NODE_ENV: 'development',
    AWS_EC2_METADATA_DISABLED: 'true',
  }
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE', 'AWS_BEARER_TOKEN_BEDROCK'])
    Reflect.deleteProperty(env, name)
  const child = spawn(process.execPath, ['test/support/slack-playground/main.ts'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new Error(`the playground ended: ${output}`)))
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8')
      const [, found] = /Slack playground: (\S+)/.exec(output) ?? []
      if (found) resolve(found)
    })
  })
  const looking = new AbortController()
  try {
    const act = async (order: JsonObject) => {
      const headers = { 'content-type': 'application/json' }
      return (
        await fetch(`${url}do`, { method: 'POST', headers, body: JSON.stringify(order) })
      ).json() as Promise<JsonObject>
    }
    const picture = async (query: string, enough: (view: JsonObject) => boolean): Promise<JsonObject> => {
      const response = await fetch(`${url}live?${query}`, { signal: looking.signal })
      let text = ''
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        text += chunk
        const whole = text.split('\n\n').at(-2)?.slice('data: '.length)
        if (whole && enough(JSON.parse(whole))) return JSON.parse(whole)
      }
      throw new Error('the page ended')
    }
    const { me, places } = await picture('', () => true)
    const dm = (places as JsonObject[]).find((place) => place.kind === 'im')!
    const { ts } = await act({ do: 'say', as: me!, channel: dm.id!, text: 'Hello' })
    const answered = (view: JsonObject) => {
      const { messages = [] } = (view.thread ?? {}) as { messages?: JsonObject[] }
      const [, answer] = messages
      return answer?.state === 'final' && String(answer.html).includes('data-button')
    }
    const { thread } = await picture(`as=${me}&channel=${dm.id}&thread=${ts}`, answered)
    expect((thread as { messages: JsonObject[] }).messages[1]!.html).toContain('demo model')
    expect(thread).toMatchObject({ status: '', stoppable: false })
  } finally {
    looking.abort()
    child.removeAllListeners('exit')
    child.kill('SIGTERM')
    const [code] = await once(child, 'exit')
    expect(code).toBe(0)
  }
})
