import { type RunningApp, startApp, temporaryFolder } from '../support/app.ts'
import { type StandIn, startBedrock } from '../support/bedrock.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'
import { startTeams, systemClock, type TeamsStandIn } from '../support/teams/index.ts'

export const model = 'global.anthropic.claude-sonnet-4-6'

/** A Teams, and the service as its operator runs it: processes of their own over one Redis, in the anonymous mode. */
export interface Processes {
  teams: TeamsStandIn
  bedrock: StandIn
  redis: RedisServer
  apps: RunningApp[]
  /** Let so much time pass for Teams, at once. */
  later(ms: number): void
  close(): Promise<void>
}

export const endpointOf = ({ url }: RunningApp): string => `${url}/api/messages`

/** Teams sends to the first process. It brings nothing again by itself: tests do that. */
export async function startProcesses(count: number): Promise<Processes> {
  const ends: (() => unknown)[] = []
  const close = async (): Promise<void> => {
    for (const end of ends.splice(0).reverse()) await end()
  }
  const clock = systemClock()
  let ahead = 0
  try {
    const redis = await startRedis()
    ends.push(() => redis.stop())
    const bedrock = await startBedrock()
    ends.push(() => bedrock.close())
    // No limits: each step is to be reached. How limits are kept is held by other tests.
    const teams = await startTeams({
      anonymous: true,
      limits: false,
      redeliver: false,
      clock: { ...clock, now: () => clock.now() + ahead },
    })
    ends.push(() => teams.close())

    async function run(): Promise<RunningApp> {
      const folder = await temporaryFolder()
      ends.push(() => folder.remove())
      const app = await startApp({
        dataDir: folder.path,
        env: {
          TEAMS_ANONYMOUS: 'true',
          HOST: '127.0.0.1',
          REDIS_URL: redis.url,
          SESSION_SECRET: 'x'.repeat(40),
          AWS_REGION: 'us-east-1',
          BEDROCK_MODEL_ID: model,
          AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
          AWS_SECRET_ACCESS_KEY: 'secret-of-the-test',
          AWS_ENDPOINT_URL_BEDROCK_RUNTIME: bedrock.url,
        },
      })
      ends.push(() => app.stop('SIGKILL'))
      return app
    }

    const apps = await Promise.all(Array.from({ length: count }, run))
    teams.connect(endpointOf(apps[0]!))
    return {
      teams,
      bedrock,
      redis,
      apps,
      later(ms) {
        ahead += ms
      },
      close,
    }
  } catch (thrown) {
    await close()
    throw thrown
  }
}
