import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { messageOf } from '../../../src/errors.ts'
import { startSlack } from '../slack/index.ts'
import { readOffers } from './offers.ts'
import { type Playground, startPage } from './page.ts'

/**
 * `npm run slack:playground`: the app and a Slack of our own, with a page to play people in it. Needs no Slack account.
 * `PLAYGROUND_PORT` (3100) is the page's; the app's other variables hold as usual, but for Slack's own. Answers come from
 * Bedrock where there are AWS credentials, from the demo model otherwise.
 */
async function run(): Promise<void> {
  const root = fileURLToPath(new URL('../../../', import.meta.url))
  const offers = readOffers(join(root, 'manifests/slack/manifest.json'))
  const slack = await startSlack({
    ...(offers.name && { botName: offers.name }),
    ...(offers.scopes && { scopes: offers.scopes }),
    ...(offers.events && { events: offers.events }),
  })
  const port = await freePort()
  const app = `http://127.0.0.1:${port}`
  slack.connect(`${app}/slack/events`)
  const data = process.env.DATA_DIR ?? mkdtempSync(join(tmpdir(), 'slack-playground-'))
  const child = spawn(process.execPath, [join(root, 'src/main.ts')], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...slack.variables, PORT: String(port), HOST: '127.0.0.1', PUBLIC_URL: app, DATA_DIR: data },
  })

  let stopping = false
  let page: Playground | undefined
  async function stop(code: number): Promise<void> {
    if (stopping) return
    stopping = true
    if (child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await gone
    }
    await page?.close()
    await slack.close()
    if (!process.env.DATA_DIR) rmSync(data, { recursive: true, force: true })
    process.exit(code)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop(0))
  child.once('exit', (code) => {
    if (stopping) return
    process.stderr.write('the app ended, so there is nothing to play with\n')
    void stop(code ?? 1)
  })

  try {
    page = await startPage({ slack, offers, port: Number(process.env.PLAYGROUND_PORT ?? 3100) })
  } catch (thrown) {
    process.stderr.write(`the page could not start: ${messageOf(thrown)}; set PLAYGROUND_PORT to another port\n`)
    return stop(1)
  }
  await answering(`${app}/healthz`, () => stopping)
  if (!stopping) process.stdout.write(`\nSlack playground: ${page.url}\n\n`)
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}

async function answering(url: string, over: () => boolean): Promise<void> {
  while (!over()) {
    const up = await fetch(url).then(
      (response) => response.ok,
      () => false,
    )
    if (up) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

run().catch((thrown) => {
  process.stderr.write(`${messageOf(thrown)}\n`)
  process.exitCode = 1
})
