import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { messageOf } from '../../src/errors.ts'
import { answers, freePort, startPlayground } from './playground.ts'

/**
 * `npm run teams:playground`: the service in its anonymous development mode, and the Microsoft 365 Agents Playground
 * speaking to it. Teams on your own machine, with no account anywhere. `-- --port 56150 --app-port 3978 --no-open`.
 */
async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '56150' },
      'app-port': { type: 'string', default: '3978' },
      'no-open': { type: 'boolean', default: false },
    },
  })
  const appPort = await freePort(Number(values['app-port']))
  const site = `http://127.0.0.1:${appPort}`
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const app = spawn(process.execPath, ['src/main.ts'], {
    cwd: root,
    env: {
      ...process.env,
      TEAMS_ANONYMOUS: 'true',
      HOST: '127.0.0.1',
      PORT: String(appPort),
      // A real bot's, from .env: the two exclude each other.
      MicrosoftAppId: '',
      MicrosoftAppPassword: '',
      MicrosoftAppTenantId: '',
    },
    stdio: 'inherit',
  })
  const ended = once(app, 'exit')
  const alive = (): boolean => app.exitCode === null && app.signalCode === null
  await answers(`${site}/healthz`, alive)
  // It has said itself what was wrong.
  if (!alive()) {
    process.exitCode = app.exitCode ?? 1
    return
  }
  const stopApp = async (): Promise<void> => {
    if (alive()) app.kill('SIGTERM')
    await ended
  }
  try {
    const playground = await startPlayground({
      bot: `${site}/api/messages`,
      port: Number(values.port),
      open: !values['no-open'],
    })
    process.stdout.write(`
Teams, on this machine:  ${playground.url}
The same on the web:     ${site}
Ctrl+C ends both. (The Playground listens on all network interfaces, the service on this machine alone.)

`)
    const asked = Promise.race(['SIGINT', 'SIGTERM'].map((signal) => once(process, signal)))
    await Promise.race([asked, ended, once(playground.process, 'exit')])
    await playground.stop()
  } finally {
    await stopApp()
  }
}

run().catch((thrown) => {
  process.stderr.write(`${messageOf(thrown)}\n`)
  process.exitCode = 1
})
