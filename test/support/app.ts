import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const root = new URL('../../', import.meta.url)
const program = fileURLToPath(new URL('src/main.ts', root))
/** As `npm start` has them. */
const [, ...flags] = (JSON.parse(readFileSync(new URL('package.json', root), 'utf8')).scripts.start as string).split(
  ' ',
)

/** The app as an operator runs it: a process of its own, spoken to over HTTP and signals. */
export interface RunningApp {
  url: string
  port: number
  process: ChildProcess
  /** Every line it logged so far, parsed. */
  lines: Record<string, unknown>[]
  /** All that it printed that is no JSON line. */
  output: string[]
  /** End it and wait until it is gone; resolves with its exit code (null when killed). */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

export interface AppOptions {
  /** Over an environment that has nothing of this machine in it but PATH. */
  env?: Record<string, string>
  /** Also the folder it is started in, so that no `.env` of a developer is read. */
  dataDir: string
}

/** A folder for one test's data, with its own removal. */
export async function temporaryFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'chat-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** Starts `src/main.ts` on a free port and waits until it listens; rejects with what it printed if it ends before. */
export async function startApp({ env = {}, dataDir }: AppOptions): Promise<RunningApp> {
  const child = spawn(process.execPath, [...flags.slice(0, -1), program], {
    cwd: dataDir,
    env: {
      PATH: process.env.PATH,
      HOME: dataDir,
      DATA_DIR: dataDir,
      PORT: '0',
      LOG_FORMAT: 'json',
      AWS_EC2_METADATA_DISABLED: 'true',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: RunningApp['lines'] = []
  const output: string[] = []
  const listening = Promise.withResolvers<string>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    const parsed = asJson(line)
    if (!parsed) output.push(line)
    else lines.push(parsed)
    // Whether it logs for people or for programs.
    const url = /listening on (http\S+)/.exec(parsed ? String(parsed.msg) : line)?.[1]
    if (url) listening.resolve(url)
  })
  createInterface({ input: child.stderr }).on('line', (line) => output.push(line))
  const exited = once(child, 'exit').then(([code]) => code as number | null)
  const url = await Promise.race([
    listening.promise,
    exited.then((code) =>
      Promise.reject(new AppEnded(code, [...output, ...lines.map((line) => JSON.stringify(line))])),
    ),
  ])
  return {
    url,
    port: Number(new URL(url).port),
    process: child,
    lines,
    output,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      return exited
    },
  }
}

/** The app ended before it listened. */
export class AppEnded extends Error {
  readonly code: number | null
  readonly output: string[]
  constructor(code: number | null, output: string[]) {
    super(`the app ended with ${code}:\n${output.join('\n')}`)
    this.code = code
    this.output = output
  }
}

function asJson(line: string): Record<string, unknown> | null {
  try {
    const value = JSON.parse(line)
    return value !== null && typeof value === 'object' ? value : null
  } catch {
    return null
  }
}
