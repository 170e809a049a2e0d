import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { config } from './config.ts'

/** Microsoft's own client for trying a Teams bot, as a process of its own: a development dependency that is never shipped. */

const cli = fileURLToPath(new URL('../../node_modules/@microsoft/m365agentsplayground/cli.js', import.meta.url))
export const installed = existsSync(cli)
export const missing =
  'The Microsoft 365 Agents Playground is not installed: npm install (with development dependencies).'

export interface PlaygroundOptions {
  /** The bot's messaging endpoint. */
  bot: string
  port?: number
  /** Let it open a browser. */
  open?: boolean
}

/** One call between the Playground and the bot, as it records them. */
export interface Exchange {
  direction: string
  activityName: string
  conversationId?: string
  request: { body?: Record<string, unknown>; url: string; method: string }
  response: { statusCode: number; body: unknown }
}

export interface Playground {
  readonly url: string
  readonly process: ChildProcess
  exchanges(): Promise<Exchange[]>
  stop(): Promise<void>
}

/** Resolves when its page answers; rejects with what it wrote to its log if it ends before. */
export async function startPlayground({ bot, port = 0, open = false }: PlaygroundOptions): Promise<Playground> {
  if (!installed) throw new Error(missing)
  const folder = await mkdtemp(join(tmpdir(), 'playground-'))
  await writeFile(join(folder, '.m365agentsplayground.yml'), JSON.stringify(config))
  const free = await freePort(port)
  const url = `http://127.0.0.1:${free}`
  const args = [
    '-e',
    bot,
    '-c',
    'msteams',
    '-p',
    String(free),
    '--su',
    `${url}/_connector`,
    '--er',
    '--disable-telemetry',
  ]
  const child = spawn(process.execPath, [cli, 'start', ...args], {
    cwd: folder,
    env: { ...desktop(), PATH: open ? process.env.PATH : await withoutBrowser(folder) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output: string[] = []
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => output.push(line))
  const exited = once(child, 'exit')
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await exited
    await rm(folder, { recursive: true, force: true })
  }
  try {
    // It says that it listens before it has read its configuration.
    await Promise.race([answers(url, () => child.exitCode === null), exited.then(() => fail(folder, output))])
  } catch (thrown) {
    await stop()
    throw thrown
  }
  return { url, process: child, exchanges: () => recorded(folder), stop }
}

/** The wanted port if it is free: the Playground would quietly take another. 0: any free one. */
export async function freePort(wanted: number): Promise<number> {
  for (const port of [wanted, 0]) {
    // Where it listens itself: on all interfaces.
    const server = createServer().listen(port)
    const listening = await Promise.race([
      once(server, 'listening').then(() => true),
      once(server, 'error').then(() => false),
    ])
    if (!listening) continue
    const address = server.address()
    await new Promise((resolve) => server.close(resolve))
    if (address && typeof address === 'object') return address.port
  }
  throw new Error('there is no free port')
}

/** Resolves when a page answers at this address; looks while `alive`. */
export async function answers(url: string, alive: () => boolean): Promise<void> {
  while (alive()) {
    const there = await fetch(url).then(
      (response) => response.ok,
      () => false,
    )
    if (there) return
    await sleep(50)
  }
}

/** What a program needs to open a browser, and none of the service's secrets: it is not ours. */
function desktop(): NodeJS.ProcessEnv {
  const wanted =
    /^(HOME|USER|LANG|TMP|TEMP|TMPDIR|DISPLAY|WAYLAND_DISPLAY|BROWSER|DBUS_.*|XDG_.*|WSL.*|APPDATA|LOCALAPPDATA|USERPROFILE|SYSTEMROOT)$/i
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => wanted.test(name)))
}

/** A PATH on which the Playground finds something harmless where it looks for a browser: without any it would end. */
async function withoutBrowser(folder: string): Promise<string> {
  const bin = join(folder, 'bin')
  await mkdir(bin)
  for (const name of ['xdg-open', 'open']) {
    await writeFile(join(bin, name), '#!/bin/sh\nexit 0\n')
    await chmod(join(bin, name), 0o755)
  }
  return [bin, process.env.PATH ?? ''].join(delimiter)
}

async function fail(folder: string, output: string[]): Promise<never> {
  const log = await readFile(join(folder, 'devTools', 'm365agentsplayground.log'), 'utf8').catch(() => '')
  const reasons = log.split('\n').filter((line) => line.startsWith('error '))
  throw new Error(`the Playground ended:\n${[...output, ...reasons].join('\n')}`)
}

async function recorded(folder: string): Promise<Exchange[]> {
  const devTools = join(folder, 'devTools')
  const names = (await readdir(devTools)).filter((name) => name.startsWith('events_recording_'))
  const texts = await Promise.all(names.toSorted().map((name) => readFile(join(devTools, name), 'utf8')))
  return texts.flatMap((text) =>
    text.split(/^---$/m).flatMap((part) => {
      try {
        return [JSON.parse(part) as Exchange]
      } catch {
        // The end of the file, or a record that is being written.
        return []
      }
    }),
  )
}
