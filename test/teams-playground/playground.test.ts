import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningApp, startApp, temporaryFolder } from '../support/app.ts'
import { type Client, chromiumMissing, exchanged, launch, openClient } from './page.ts'
import { type Exchange, installed, missing, type Playground, startPlayground } from './playground.ts'

// The real app with its demo model, spoken to through a Teams-like client that this project did not write.

const reason = installed ? chromiumMissing : missing
if (reason && process.env.CI === 'true') throw new Error(reason)
if (reason) console.warn(`Skipped "in the Microsoft 365 Agents Playground": ${reason}`)

const toBot = (type: string) => (each: Exchange) =>
  each.direction.endsWith('-> User Application') && each.activityName === type

describe.skipIf(reason !== undefined)('in the Microsoft 365 Agents Playground', { timeout: 60_000 }, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let app: RunningApp
  let playground: Playground
  let browser: Browser
  let client: Client

  beforeAll(async () => {
    folder = await temporaryFolder()
    app = await startApp({ dataDir: folder.path, env: { TEAMS_ANONYMOUS: 'true', HOST: '127.0.0.1' } })
    playground = await startPlayground({ bot: `${app.url}/api/messages` })
    browser = await launch()
    client = await openClient(browser, playground)
  })
  afterAll(async () => {
    await browser?.close()
    await playground?.stop()
    await app?.stop()
    await folder?.remove()
  })

  /** The message of a person that reads so, as the bot got it. */
  const heard = async (words: string): Promise<Record<string, unknown>> => {
    const found = await exchanged(
      playground,
      (each) => toBot('message')(each) && String(each.request.body?.text).includes(words),
    )
    return found.request.body ?? {}
  }

  test('the personal chat begins with a welcome', async () => {
    await client.reads(/language model answers/)
    const shown = await client.text()
    expect(shown).not.toContain('AI generated')
    // It shows no mark-up beside suggestions.
    expect(shown).not.toContain('**')
    // What stands ready to be asked can be read as a whole.
    const fits = await client.page
      .getByRole('button')
      .filter({ hasText: /What can you do|Help me write|Explain something|Improve my/ })
      .evaluateAll((buttons) =>
        buttons.map((button) => {
          const [outer, inner] = [button, button.firstElementChild!].map((each) => each.getBoundingClientRect())
          return inner!.left >= outer!.left && inner!.right <= outer!.right
        }),
      )
    expect(fits).toEqual([true, true, true, true])
  })

  test('what was written stands above its answer', async () => {
    await client.write('help')
    await client.reads(/^help$[\s\S]*I remember what was said in this chat/m)
  })

  test('an answer is seen growing, and becomes a message with its label', async () => {
    await client.write('Hello there, I am Nora')
    const seen = await client.watch(/AI generated[\s\S]*Start the service again/)
    const lengths = seen.map((each) => each.length)
    // Some words, then more of them, before all are there.
    expect(seen.filter((each) => each.includes('built-in demo model')).length).toBeGreaterThan(2)
    expect(lengths.at(-1)).toBeGreaterThan(lengths[0]!)
    const types = (await playground.exchanges())
      .flatMap(({ request }) => (Array.isArray(request.body?.entities) ? request.body.entities : []))
      .filter((entity) => entity.type === 'streaminfo')
      .map((entity) => entity.streamType)
    expect(types[0]).toBe('informative')
    expect(types).toContain('streaming')
    expect(types.at(-1)).toBe('final')
  })

  test('the next one remembers', async () => {
    await client.write('What is my name?')
    await client.reads('I remember that your name is Nora')
  })

  test('an answer can be rated with a few words', async () => {
    await client.rate('Dislike', 'Too short')
    const sent = await exchanged(playground, (each) => toBot('invoke')(each) || each.request.body?.type === 'invoke')
    expect(sent.request.body).toMatchObject({ name: 'message/submitAction', value: { actionName: 'feedback' } })
    expect(sent.response.statusCode).toBe(200)
  })

  test('an edit after the answer is answered by a word about it', async () => {
    const original = await heard('I am Nora')
    await client.mock({
      ...original,
      type: 'messageUpdate',
      text: 'Hello there, I am Olivia',
      channelData: { ...(original.channelData as object), eventType: 'editMessage' },
    })
    await client.reads('You changed your question after I began to answer it.')
    await client.write('Tell me again what is my name')
    await client.reads('I remember that your name is Olivia')
  })

  test('a deleted message is forgotten', async () => {
    const original = await heard('I am Nora')
    const { text: _, ...rest } = original
    await client.mock({
      ...rest,
      type: 'messageDelete',
      channelData: { ...(original.channelData as object), eventType: 'softDeleteMessage' },
    })
    await exchanged(playground, (each) => each.request.body?.type === 'messageDelete')
    await client.write('What do you remember of me?')
    await client.reads(/What do you remember of me\?[\s\S]*Before this one you wrote/)
    const newest = (await client.text()).split('What do you remember of me?').at(-1)!
    expect(newest).not.toContain('Olivia')
    expect(newest).not.toContain('Nora')
  })

  test('an answer can be stopped by a word, and asked for again by its button', async () => {
    await client.write('new')
    await client.reads('begins a new conversation')
    await client.write('Hello, I am Quinn')
    await client.watch(/You wrote: “Hello, I am Quinn”/)
    await client.write('stop')
    await client.reads('Stopped.')
    await client.page.getByRole('button', { name: 'Answer again' }).last().click()
    await client.reads(/Answer again[\s\S]*AI generated[\s\S]*Start the service again/)
    // It finds nothing to say against our cards.
    expect(await client.text()).not.toContain('not supported')
  })

  test('an earlier conversation is chosen from a list, and goes on here', async () => {
    await client.write('continue')
    await client.reads(/Which conversation shall go on\?[\s\S]*from Microsoft Teams · \d+ messages/)
    await client.page.getByRole('button', { name: 'Continue here' }).last().click()
    // It keeps a card apart from its words and lets them not be changed together, so the outcome is a new message here.
    await client.reads(/Done: this chat goes on with it\.[\s\S]*from Microsoft Teams · \d+ messages/)
  })

  test('to be forgotten is asked for first, and called off by a button', async () => {
    await client.write('forget me')
    await client.reads('It cannot be undone.')
    await client.page.getByRole('button', { name: 'Cancel' }).last().click()
    await client.reads('All right: nothing was changed.')
    await client.write('me')
    await client.reads(/Connected accounts: Microsoft Teams/)
  })

  test('in a group the bot answers who mentions it, in one message', async () => {
    await client.visit('Lunch')
    await client.write('Not for the bot')
    await client.write('what can you show?', { mention: true })
    await client.reads(/AI generated[\s\S]*What I can show/)
    const posts = (await playground.exchanges()).filter(
      (each) => each.conversationId?.startsWith('19:playgroundgroup') && each.request.body?.type === 'message',
    )
    expect(posts.filter(({ direction }) => direction.startsWith('User Application'))).toHaveLength(2)
    expect(JSON.stringify(posts)).not.toContain('streaminfo')
  })

  test('in a channel the answer stays in the thread of its question, which goes on', async () => {
    await client.visit('Field Office - General')
    await client.write('hello there, I am Paula', { mention: true, in: 'post' })
    await client.reads(/AI generated[\s\S]*Start the service again/)
    const asked = await heard('I am Paula')
    const { id } = asked.conversation as { id: string }
    expect(id).toContain(';messageid=')
    const answer = await exchanged(
      playground,
      (each) => each.direction.startsWith('User Application') && each.request.url.includes(encodeURIComponent(id)),
    )
    expect(answer.response.statusCode).toBeLessThan(300)
    expect(await client.text()).not.toContain('I only see the messages of this thread')
    await client.write('what is my name?', { mention: true, in: 'thread' })
    await client.reads('I remember that your name is Paula')
  })
})
