import { type RunningApp, startApp, temporaryFolder } from '../../test/support/app.ts'
import { startRedis } from '../../test/support/redis.ts'
import { startProgram } from '../rig.ts'
import type { Target, Usage } from '../slack/rig.ts'

/** The app and the minimum, side by side before the same model, the same Teams and the same Redis. All on loopback. */
export interface TeamsRig {
  ours: Target
  minimum: Target
  /** Of the connector's stand-in, with a slash at the end as Teams' own. */
  serviceUrl: string
  stop(): Promise<void>
}

export async function startTeamsRig(env: Record<string, string> = {}): Promise<TeamsRig> {
  const redis = await startRedis()
  const model = await startProgram('./standin.ts', [])
  const teams = await startProgram('./teams/standin.ts', [])
  const folder = await temporaryFolder()
  const app = await startBenchApp(folder.path, redis.url, { AWS_ENDPOINT_URL_BEDROCK_RUNTIME: model.url, ...env })
  // With the app's own flags, which say how memory is used.
  const flags = app.process.spawnargs.slice(1, -1)
  const minimum = await startProgram('./teams/minimum.ts', [model.url, redis.url], flags)
  return {
    ours: { url: `${app.url}/api/messages`, usage: () => usageOfApp(app.url) },
    minimum: {
      url: `${minimum.url}/api/messages`,
      usage: async () => (await (await fetch(`${minimum.url}/usage`)).json()) as Usage,
    },
    serviceUrl: `${teams.url}/`,
    async stop() {
      // On a signal that it can heed, so that a profile that was asked for is written.
      await app.stop()
      for (const one of [minimum, teams, model]) one.stop()
      await redis.stop()
      await folder.remove()
    },
  }
}

/** Without tokens, as the Playground speaks to it: what their check costs is measured apart. */
export function startBenchApp(dataDir: string, redisUrl: string, env: Record<string, string>): Promise<RunningApp> {
  return startApp({
    dataDir,
    env: {
      LOG_LEVEL: 'warn',
      LOG_LEVELS: 'main=info',
      REDIS_URL: redisUrl,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'secret',
      BEDROCK_TITLE_MODEL_ID: 'titles',
      TEAMS_ANONYMOUS: 'true',
      ...env,
    },
  })
}

export async function usageOfApp(url: string): Promise<Usage> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const metric = (name: string): number => Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1])
  return { cpuSeconds: metric('process_cpu_seconds_total'), memory: metric('process_resident_memory_bytes') }
}
