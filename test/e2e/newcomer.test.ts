import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { service } from '../support/service.ts'
import { until } from '../support/world.ts'

describe('a newcomer who starts it with nothing set', () => {
  const own = service()
  const nothing = { AWS_REGION: '', AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', LOG_FORMAT: '' }

  it('reads one calm line for each surface and feature, then where to go and how to sign in', async () => {
    const app = await own.run(nothing)
    await until(() => app.output.some((line) => line.includes('sign in as')))
    expect(app.output.join('\n')).not.toMatch(/WARN|ERROR|\{"/)
    const told = app.output.map((line) => line.replace(/^\[[\d:.]+\] INFO: \[\w+\] /, ''))
    const lines = told.map((line) => line.split(':')[0])
    expect(new Set(lines).size).toBe(lines.length)
    expect(
      told
        .filter((line) => line.includes(': off, '))
        .every((line) => /\b(set|SQLite)\b.*([A-Z_]{5}|MicrosoftApp)/.test(line)),
    ).toBe(true)
    expect(told).toContainEqual(
      expect.stringMatching(/^Bedrock: off, demo model: no AWS credentials found; set AWS_REGION and /),
    )
    expect(told.at(-2)).toBe(`listening on ${app.url}`)
    expect(told.at(-1)).toContain('user / password')
  })

  it('talks with the demo model, which says what it is wherever it shows', async () => {
    const app = await own.run({ ...nothing, LOG_FORMAT: 'json' })
    const login = await (await fetch(`${app.url}/login`)).text()
    expect(login).toContain('password')
    const browser = await own.signedIn(app)
    const { conversation } = await browser.send('My name is Ada. What can you do?')
    const first = await own.answered(browser, conversation, 2)
    expect(first.messages[1]?.text).toContain('demo model')
    await browser.send('What is my name?', { conversation })
    const second = await own.answered(browser, conversation, 4)
    expect(second.messages[3]?.text).toContain('Ada')
    expect(await browser.page('/')).toMatch(/demo/i)
  })
})

describe('a defect that ends the process', () => {
  const own = service()

  it('is one line in the log and its file, and no message is lost by it', async () => {
    const trap = "process.on('SIGUSR2', () => Promise.reject(new TypeError('a defect of ours')))"
    const file = join(own.dataDir, 'chat.log')
    const env = { LOG_FILE: file, NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(trap)}` }
    const app = await own.run(env)
    own.bedrock.script([{ gate: 'never' }])
    const browser = await own.signedIn(app)
    const { conversation } = await browser.send('Hello')
    await until(() => own.bedrock.requests.length > 0)
    expect(await app.stop('SIGUSR2')).not.toBe(0)
    const line = {
      level: 'error',
      msg: expect.stringContaining('defect'),
      err: expect.objectContaining({ type: 'TypeError' }),
    }
    expect(app.lines).toContainEqual(expect.objectContaining(line))
    const written = ['chat.log', 'chat.1.log'].map((name) => join(own.dataDir, name)).find(existsSync)!
    expect(readFileSync(written, 'utf8')).toContain('a defect of ours')
    const back = await own.signedIn(await own.run(), browser.cookies)
    expect((await own.answered(back, conversation, 2)).messages).toHaveLength(2)
  })
})
