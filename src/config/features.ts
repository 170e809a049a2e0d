import { join, relative } from 'node:path'
import type { Config } from '../config.ts'
import type { Model } from '../types.ts'

/** A surface or feature as start-up tells of it. */
export interface Feature {
  name: string
  on: boolean
  /** What is on, or which variables turn it on. */
  line: string
}

/** `model` is what was found when the parts were put together. */
type Teller = (config: Config, model: Model['kind']) => Feature

const feature = (name: string, on: boolean, text: string): Feature => ({
  name,
  on,
  line: `${name}: ${on ? 'on' : 'off'}, ${text}`,
})
const on = (name: string, text: string): Feature => feature(name, true, text)
const off = (name: string, text: string): Feature => feature(name, false, text)

/** What to set so that Bedrock answers, the simplest first. */
export const credentialVariables =
  'AWS_REGION and AWS_BEARER_TOKEN_BEDROCK (or AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)'

/** One function a surface or feature. To add one, add it here. */
const tellers: Teller[] = [
  ({ server }) => on('web page', server.publicUrl ?? `port ${server.port}${server.basePath}`),
  ({ slack }) => {
    if (!slack) return off('Slack', 'set SLACK_BOT_TOKEN, and SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET')
    const ways = [slack.signingSecret && 'requests at /slack/events', slack.appToken && 'Socket Mode'].filter(Boolean)
    return on(
      'Slack',
      `${ways.join(' and ')}, ${slack.oauth ? 'workspaces install at /slack/install' : 'one workspace'}`,
    )
  },
  ({ teams }) => {
    if (!teams) return off('Teams', 'set MicrosoftAppId, MicrosoftAppPassword and MicrosoftAppTenantId')
    if (teams.anonymous)
      return on('Teams', 'requests at /api/messages from this machine, with no proof of who sends them')
    const tenants = teams.allowedTenants.length || 1
    return on('Teams', `requests at /api/messages, ${tenants === 1 ? 'one tenant' : `${tenants} tenants`}`)
  },
  ({ signIn }) =>
    signIn.length > 0
      ? on('sign-in elsewhere', signIn.map(({ name }) => name).join(', '))
      : off(
          'sign-in elsewhere',
          'set PUBLIC_URL and SIGN_IN_SLACK_CLIENT_ID, SIGN_IN_MICROSOFT_CLIENT_ID or SIGN_IN_OIDC_ISSUER',
        ),
  ({ bedrock, aws, production }, model) => {
    if (model === 'bedrock') return on('Bedrock', `${bedrock.modelId}, ${aws.region ?? 'region of the profile'}`)
    const what = production ? 'questions cannot be answered' : 'demo model'
    return off('Bedrock', `${what}: no AWS credentials found; set ${credentialVariables}`)
  },
  ({ bedrock: { fallbackModelIds: ids } }) =>
    ids.length > 0 ? on('fallback models', ids.join(', ')) : off('fallback models', 'set BEDROCK_FALLBACK_MODEL_IDS'),
  ({ bedrock: { guardrail } }) =>
    guardrail
      ? on('guardrail', `${guardrail.id}, version ${guardrail.version}`)
      : off('guardrail', 'set BEDROCK_GUARDRAIL_ID and BEDROCK_GUARDRAIL_VERSION'),
  ({ redis, dataDir }) => {
    if (redis)
      return on('Redis', redis.nodes.length > 0 ? `cluster of ${redis.nodes.length} known nodes` : 'one server')
    const file = relative('', join(dataDir, 'chat.db'))
    return off('Redis', `SQLite in ${file}, for one instance; set REDIS_URL or REDIS_CLUSTER_NODES`)
  },
  ({ chat: { responseCacheMs: ms } }) =>
    ms > 0 ? on('response cache', `${ms / 1000} s`) : off('response cache', 'set RESPONSE_CACHE_SECONDS'),
  ({ metrics }) => {
    if (!metrics.on) return off('metrics', 'set METRICS=on')
    return on('metrics', metrics.token ? '/metrics, with METRICS_TOKEN' : '/metrics, open to whoever reaches the port')
  },
  ({ log: { file } }) => (file ? on('log file', file.path) : off('log file', 'set LOG_FILE')),
]

/** One line for each surface and feature, for the log at start-up. */
export function features(config: Config, model: Model['kind']): Feature[] {
  return tellers.map((tell) => tell(config, model))
}
