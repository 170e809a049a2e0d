import { createSlack } from '../adapters/slack/index.ts'
import { createTeams } from '../adapters/teams/index.ts'
import { createWeb } from '../adapters/web/index.ts'
import type { Workspace } from './admin.ts'
import { features } from './config/features.ts'
import {
  type Config,
  ConfigError,
  configExitCode,
  readConfig,
  Secret,
  type SlackSettings,
  type TeamsSettings,
} from './config.ts'
import { messageOf } from './errors.ts'
import { createLog } from './log.ts'
import { createMetrics } from './metrics.ts'
import { openModel } from './openModel.ts'
import { openStore } from './openStore.ts'
import { hashPassword, needsRehash, passwordFault, verifyPassword } from './passwords.ts'
import { createServer } from './server.ts'
import { createService } from './service.ts'
import { watchFailures } from './storeFailures.ts'
import type { Adapter, Surface } from './types.ts'

/** A running service. */
export interface App {
  readonly url: string
  readonly port: number
  /** Take nothing new, finish or hand over what runs, close everything. */
  stop(): Promise<void>
}

/** Put everything together and listen. Rejects with plain words when the store cannot be used or the port is taken. */
export async function start(config: Config): Promise<App> {
  const logs = await createLog(config.log)
  const log = logs.log('main')
  const crashed = (thrown: Error): void => {
    log.error({ err: thrown }, 'the process ends because of a defect; what it was doing is taken up by the next')
    logs.flush()
  }
  process.on('uncaughtExceptionMonitor', crashed)
  const metrics = createMetrics()
  const opened = await openStore(config, logs.log('store'), { lock: true })
  const store = watchFailures(opened, metrics.storeError)
  metrics.queueDepth(() => store.inbox.depth())
  const model = openModel(config, logs.log('bedrock'), metrics)

  const adapters = new Map<Surface, Adapter>()
  const found: Workspace[] = []
  const service = await createService({ config, store, model, adapters, found, metrics, log: logs.log })
  const { chat, turns, audit } = service

  const web = createWeb({
    config: {
      basePath: config.server.basePath,
      production: config.production,
      ...(config.server.publicUrl?.startsWith('http:') && { plainHttp: true }),
      sessions: { ...config.sessions, secrets: config.sessions.secrets.map((secret) => secret.reveal()) },
      maxMessageChars: config.chat.maxMessageChars,
      ...(config.server.publicUrl &&
        config.signIn.length > 0 && {
          signIn: { publicUrl: config.server.publicUrl, providers: config.signIn.map(revealed) },
        }),
    },
    chat,
    users: store.users,
    sessions: store.sessions,
    counters: store.counters,
    passwords: { hash: hashPassword, verify: verifyPassword, needsRehash, fault: passwordFault },
    identities: service.identities,
    admin: service.admin,
    personal: service.personal,
    left: service.limits.left,
    audit,
    model,
    log: logs.log('web'),
  })
  adapters.set(web.adapter.surface, web.adapter)
  const slack = config.slack && (await openSlack(config, config.slack))
  if (slack) adapters.set(slack.adapter.surface, slack.adapter)
  const teams = config.teams && (await openTeams(config, config.teams))
  if (teams) adapters.set(teams.adapter.surface, teams.adapter)

  function openSlack({ server }: Config, { oauth, ...settings }: SlackSettings) {
    return createSlack({
      config: revealed({
        ...settings,
        ...(oauth && {
          oauth: revealed({ ...oauth, encryptionKeys: oauth.encryptionKeys.map((key) => key.reveal()) }),
        }),
        ...(server.publicUrl && { publicUrl: server.publicUrl }),
      }),
      chat,
      vault: store.vault,
      counters: store.counters,
      registry: {
        async put(id, name) {
          await store.records.put('installation', { id, at: Date.now(), data: { name } })
          await audit.record('installed', { details: { workspace: `slack:${id}` } })
        },
        async drop(id) {
          await store.records.drop('installation', id)
          await audit.record('uninstalled', { details: { workspace: `slack:${id}` } })
        },
        own(id, name) {
          found.splice(0, found.length, { id: `slack:${id}`, name, how: 'configured' })
        },
      },
      log: logs.log('slack'),
    })
  }

  function openTeams({ server, production }: Config, { certificate, ...settings }: TeamsSettings) {
    return createTeams({
      config: revealed({
        ...settings,
        ...(certificate && { certificate: revealed(certificate) }),
        production,
        host: server.host,
        ...(server.publicUrl && { publicUrl: server.publicUrl }),
      }),
      chat,
      cache: store.cache,
      counters: store.counters,
      log: logs.log('teams'),
    })
  }

  const server = createServer({
    config: { ...config.server, production: config.production },
    log: logs.log('http'),
    ...(config.metrics.on && {
      metrics: { ...metrics, ...(config.metrics.token && { token: config.metrics.token.reveal() }) },
    }),
    health: { ready },
    // Before the web page's: Slack signs raw bodies, and nothing may have read them.
    routes: [...(slack?.routes ? [slack.routes] : []), ...(teams ? [teams.routes] : []), web.routes],
  })

  async function ready(): Promise<{ ok: boolean; reasons: string[] }> {
    const reasons = turns.draining ? ['draining'] : []
    await store.ping().catch((thrown) => reasons.push(`store: ${messageOf(thrown)}`))
    return { ok: reasons.length === 0, reasons }
  }

  let stopping: Promise<void> | undefined
  function stop(): Promise<void> {
    stopping ??= (async () => {
      log.info({}, 'stopping')
      // Browsers go first, so that their next request meets an instance that stays.
      web.close()
      const closed = server.close(config.server.shutdownMs)
      await turns.drain(Math.max(0, config.server.shutdownMs - 3_000))
      await Promise.all([slack?.close(), teams?.close()])
      await closed
      await service.close()
      await model.close()
      await store.close()
      log.info({}, 'stopped')
      await logs.close()
      process.off('uncaughtExceptionMonitor', crashed)
    })()
    return stopping
  }

  try {
    await service.start()
    const { port, url } = await server.listen()
    await slack?.start()
    for (const { line } of features(config, model.kind)) log.info({}, line)
    log.info({ url }, `listening on ${url}`)
    await web.announce()
    return { url, port, stop }
  } catch (thrown) {
    await stop()
    throw thrown
  }
}

type Revealed<T> = { [K in keyof T]: T[K] extends Secret | undefined ? string | Extract<T[K], undefined> : T[K] }

/** Settings for a surface, which is handed its secrets as they are. */
function revealed<T extends object>(settings: T): Revealed<T> {
  const entries = Object.entries(settings).map(([name, value]) => [
    name,
    value instanceof Secret ? value.reveal() : value,
  ])
  return Object.fromEntries(entries) as Revealed<T>
}

async function run(): Promise<void> {
  const app = await start(readConfig())
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      // A second signal ends it at once.
      process.once(signal, () => process.exit(1))
      app.stop().then(
        () => process.exit(0),
        (thrown) => {
          process.stderr.write(`could not stop cleanly: ${messageOf(thrown)}\n`)
          process.exit(1)
        },
      )
    })
  }
}

if (import.meta.main) {
  run().catch((thrown) => {
    process.stderr.write(`${messageOf(thrown)}\n`)
    process.exit(thrown instanceof ConfigError ? configExitCode : 1)
  })
}
