import { randomBytes } from 'node:crypto'
import { createCipher } from '../../adapters/slack/cipher.ts'
import { createInstallations } from '../../adapters/slack/installations.ts'
import { openRedis } from '../../src/stores/redis/index.ts'
import { startApp, temporaryFolder } from '../../test/support/app.ts'
import { startRedis } from '../../test/support/redis.ts'
import { startProgram } from '../rig.ts'

/** The app and the minimum, side by side before the same model, the same Slack and the same Redis. All on loopback. */
export interface SlackRig {
  ours: Target
  minimum: Target
  slackUrl: string
  redisUrl: string
  stop(): Promise<void>
}

/** Whatever answers in Slack. */
export interface Target {
  /** Where events go. */
  url: string
  usage(): Promise<Usage>
}

/** What a process has used: CPU since it began, memory now (resident, in bytes). */
export interface Usage {
  cpuSeconds: number
  memory: number
}

export const signingSecret = 'a secret for benchmarks'
/** In front of every key of the app's. */
export const prefix = 'chat:'

const program = 'team-chat-bot-bench'

/** With the bot installed in so many workspaces, named `T0`, `T1`, … */
export async function startSlackRig(workspaces: number, env: Record<string, string> = {}): Promise<SlackRig> {
  const redis = await startRedis()
  const model = await startProgram('./standin.ts', [])
  const slack = await startProgram('./slack/standin.ts', [])
  const folder = await temporaryFolder()
  const key = randomBytes(32).toString('base64')
  await install(redis.url, key, workspaces)
  const app = await startApp({
    dataDir: folder.path,
    env: {
      LOG_LEVEL: 'warn',
      LOG_LEVELS: 'main=info',
      REDIS_URL: redis.url,
      REDIS_PREFIX: prefix,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_ENDPOINT_URL_BEDROCK_RUNTIME: model.url,
      BEDROCK_TITLE_MODEL_ID: 'titles',
      SLACK_SIGNING_SECRET: signingSecret,
      SLACK_CLIENT_ID: program,
      SLACK_CLIENT_SECRET: program,
      SLACK_STATE_SECRET: program,
      ENCRYPTION_KEY: key,
      SLACK_API_URL: `${slack.url}/api`,
      ...env,
    },
  })
  // With the app's own flags, which say how memory is used.
  const flags = app.process.spawnargs.slice(1, -1)
  const minimum = await startProgram('./slack/minimum.ts', [model.url, slack.url, redis.url, signingSecret], flags)
  return {
    ours: { url: `${app.url}/slack/events`, usage: () => usageOfApp(app.url) },
    minimum: {
      url: `${minimum.url}/slack/events`,
      usage: async () => (await (await fetch(`${minimum.url}/usage`)).json()) as Usage,
    },
    slackUrl: slack.url,
    redisUrl: redis.url,
    async stop() {
      // On a signal that it can heed, so that a profile that was asked for is written.
      await app.stop()
      for (const one of [minimum, slack, model]) one.stop()
      await redis.stop()
      await folder.remove()
    },
  }
}

/** As if the admins of all workspaces had gone through `/slack/install`. */
async function install(redisUrl: string, key: string, workspaces: number): Promise<void> {
  const store = await openRedis({ url: redisUrl, prefix })
  try {
    const installations = createInstallations(store.vault, createCipher([key]))
    for (let i = 0; i < workspaces; i++)
      await installations.write(`T${i}`, {
        team: { id: `T${i}` },
        enterprise: undefined,
        user: { id: `U${i}`, token: undefined, scopes: undefined },
        bot: { id: 'B1', userId: 'UBOT', token: `xoxb-T${i}`, scopes: ['chat:write'] },
      })
  } finally {
    await store.close()
  }
}

async function usageOfApp(url: string): Promise<Usage> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const metric = (name: string): number => Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1])
  return { cpuSeconds: metric('process_cpu_seconds_total'), memory: metric('process_resident_memory_bytes') }
}
