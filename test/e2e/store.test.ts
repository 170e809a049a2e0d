import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { RunningApp } from '../support/app.ts'
import { say, start, stop, usage } from '../support/bedrock.ts'
import { describeRedis, startRedis } from '../support/redis.ts'
import { service } from '../support/service.ts'
import type { Browser } from '../support/web.ts'
import { until } from '../support/world.ts'

const readiness = async (app: RunningApp) => (await fetch(`${app.url}/readyz`)).status
const inWords = {
  error: { code: 'store_unavailable', text: expect.stringContaining('cannot reach its storage'), retry: true },
}

async function send(browser: Browser, message: object): Promise<{ status: number; body: unknown }> {
  const response = await browser.api('POST', '/messages', message)
  return { status: response.status, body: await response.json() }
}

describeRedis('while Redis is gone', () => {
  const own = service()

  it('everybody is told so in words, and nothing that was accepted is lost when it is back', async () => {
    const redis = await startRedis()
    const app = await own.run({ REDIS_URL: redis.url, SESSION_SECRET: 'x'.repeat(40) })
    const browser = await own.signedIn(app)
    own.bedrock.script([
      start,
      ...say('The first half'),
      { gate: 'go on' },
      ...say(', the second.'),
      ...stop(),
      usage(),
    ])
    const { conversation, turn } = await browser.send('Tell me both halves')
    const watched = watch(browser, conversation, turn)
    await until(() => watched.text === 'The first half')

    await redis.kill()
    const unheard = { id: randomUUID(), text: 'Can you hear me?', conversation }
    expect(await send(browser, unheard)).toEqual({ status: 503, body: inWords })
    await until(async () => (await readiness(app)) === 503)
    const page = await browser.get('/')
    expect([page.status, await page.text()]).toEqual([503, expect.stringContaining('cannot reach its storage')])
    expect((await fetch(`${app.url}/healthz`)).status).toBe(200)
    expect(await (await fetch(`${app.url}/metrics`)).text()).toMatch(
      /^chat_store_errors_total\{engine="redis"\} [1-9]/m,
    )
    // The answer goes on: it needs no store until it is whole.
    own.bedrock.open('go on')
    await until(() => watched.text === 'The first half, the second.')

    await redis.start()
    await until(async () => (await readiness(app)) === 200)
    await watched.ended
    expect(await send(browser, unheard)).toMatchObject({ status: 202, body: { status: 'accepted', conversation } })
    const { messages } = await own.answered(browser, conversation, 4)
    expect(messages.map(({ text, answer }) => [text, answer?.stop])).toEqual([
      ['Tell me both halves', undefined],
      ['The first half, the second.', 'end'],
      ['Can you hear me?', undefined],
      [expect.stringContaining('You said: “Can you hear me?”'), 'end'],
    ])
    await redis.stop()
  })
})

/** Collects the text of a turn as its watcher sees it. */
function watch(browser: Browser, conversation: string, turn: string) {
  const watched = { text: '', ended: Promise.resolve() }
  watched.ended = (async () => {
    for await (const { event, data } of browser.stream(conversation, turn)) {
      const { text = '' } = data as { text?: string }
      if (event === 'text') watched.text += text
      if (event === 'reset') watched.text = text
    }
  })()
  return watched
}

/** `prlimit` of util-linux changes a limit of a process that runs. */
const limitable = spawnSync('prlimit', ['--version']).status === 0
if (!limitable) console.warn('Skipped "while the disk is full": prlimit (util-linux) was not found.')

describe.skipIf(!limitable && process.env.CI !== 'true')('while the disk is full', () => {
  const own = service()

  /** No file of the process may grow past so many bytes: what it writes then fails, as on a full disk. */
  function allow(app: RunningApp, bytes: number | 'unlimited'): void {
    const { status, stderr } = spawnSync('prlimit', ['--pid', String(app.process.pid), `--fsize=${bytes}:`])
    if (status !== 0) throw new Error(String(stderr))
  }

  it('no message is accepted that is not stored, what was goes on, and all heals when there is room', async () => {
    const app = await own.run()
    const browser = await own.signedIn(app)
    own.bedrock.script([start, ...say('Half'), { gate: 'go on' }, ...say(' and half.'), ...stop(), usage()])
    const running = await browser.send('Before')
    allow(app, statSync(join(own.dataDir, 'chat.db-wal')).size)

    const unheard = { id: randomUUID(), text: 'long '.repeat(5_000) }
    expect(await send(browser, unheard)).toEqual({ status: 503, body: inWords })
    expect(await readiness(app)).toBe(503)
    expect(await (await fetch(`${app.url}/metrics`)).text()).toMatch(
      /^chat_store_errors_total\{engine="sqlite"\} [1-9]/m,
    )
    // What is stored can be read all the same.
    expect((await browser.get(`/c/${running.conversation}`)).status).toBe(200)
    own.bedrock.open('go on')
    await until(() => app.lines.some(({ msg }) => msg === 'the store did not answer, trying again'))
    expect(await own.opened(browser, running.conversation)).toMatchObject({ messages: [], pending: [{}] })

    allow(app, 'unlimited')
    await until(async () => (await readiness(app)) === 200)
    const { messages } = await own.answered(browser, running.conversation, 2)
    expect(messages.map(({ text }) => text)).toEqual(['Before', 'Half and half.'])
    const again = await send(browser, unheard)
    expect(again).toMatchObject({ status: 202, body: { status: 'accepted' } })
    const { conversation } = again.body as { conversation: string }
    expect((await own.answered(browser, conversation, 2)).messages).toHaveLength(2)
  })
})
