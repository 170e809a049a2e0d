import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import type {
  AwsConfig,
  Config,
  LogConfig,
  RedisConfig,
  SignInSettings,
  SlackSettings,
  TeamsSettings,
} from '../config.ts'
import { Secret } from './secret.ts'
import type { Values } from './variables.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

const days = (count: number | undefined): number | undefined => count && count * day

/** Checked values in the shape that the rest of the program reads. */
export function assemble(values: Values, made: { secrets: readonly Secret[]; systemPrompt: string }): Config {
  const basePath = values.BASE_PATH ?? ''
  const redis = redisOf(values)
  const slack = slackOf(values)
  const teams = teamsOf(values)
  return {
    production: values.NODE_ENV === 'production',
    dataDir: resolve(values.DATA_DIR),
    server: {
      port: values.PORT,
      host: values.HOST,
      basePath,
      ...(values.PUBLIC_URL && { publicUrl: new URL(values.PUBLIC_URL).origin + basePath }),
      trustProxy: values.TRUST_PROXY,
      shutdownMs: values.SHUTDOWN_SECONDS * 1000,
    },
    sessions: {
      secrets: made.secrets,
      idleMs: values.SESSION_IDLE_MINUTES * minute,
      maxMs: values.SESSION_MAX_HOURS * hour,
    },
    ...(redis && { redis }),
    aws: awsOf(values),
    bedrock: bedrockOf(values),
    chat: {
      systemPrompt: made.systemPrompt,
      responseCacheMs: values.RESPONSE_CACHE_SECONDS * 1000,
      maxTurns: values.MAX_TURNS,
      maxWaiting: values.MAX_WAITING,
      maxMessageChars: values.MAX_MESSAGE_CHARS,
    },
    retention: {
      conversationsMs: given({
        slack: days(values.RETENTION_DAYS_SLACK ?? values.RETENTION_DAYS),
        teams: days(values.RETENTION_DAYS_TEAMS ?? values.RETENTION_DAYS),
        web: days(values.RETENTION_DAYS_WEB ?? values.RETENTION_DAYS),
      }),
      auditMs: values.AUDIT_DAYS * day,
    },
    limits: given({
      messagesPerMinute: values.LIMIT_MESSAGES_PER_MINUTE,
      tokensPerDay: values.LIMIT_TOKENS_PER_DAY,
      tokensPerMonth: values.LIMIT_TOKENS_PER_MONTH,
      costPerDay: values.LIMIT_COST_PER_DAY,
      costPerMonth: values.LIMIT_COST_PER_MONTH,
    }),
    people: { linkDomains: new Set((values.LINK_EMAIL_DOMAINS ?? []).map((domain) => domain.toLowerCase())) },
    ...(slack && { slack }),
    ...(teams && { teams }),
    signIn: signInOf(values),
    log: logOf(values, made.secrets),
    metrics: { on: values.METRICS, ...(values.METRICS_TOKEN && { token: values.METRICS_TOKEN }) },
  }
}

function redisOf(values: Values): RedisConfig | undefined {
  const nodes = values.REDIS_CLUSTER_NODES ?? []
  if (!values.REDIS_URL && nodes.length === 0) return undefined
  return { ...(values.REDIS_URL && { url: values.REDIS_URL }), nodes, prefix: values.REDIS_PREFIX }
}

function awsOf(values: Values): AwsConfig {
  return given({
    region: values.AWS_REGION ?? values.AWS_DEFAULT_REGION,
    endpoint: values.AWS_ENDPOINT_URL_BEDROCK_RUNTIME,
    bearerToken: values.AWS_BEARER_TOKEN_BEDROCK,
    accessKeyId: values.AWS_ACCESS_KEY_ID,
    secretAccessKey: values.AWS_SECRET_ACCESS_KEY,
    sessionToken: values.AWS_SESSION_TOKEN,
    profile: values.AWS_PROFILE,
    credentialsFile: values.AWS_SHARED_CREDENTIALS_FILE ?? join(homedir(), '.aws', 'credentials'),
    configFile: values.AWS_CONFIG_FILE ?? join(homedir(), '.aws', 'config'),
    roleArn: values.AWS_ROLE_ARN,
    webIdentityTokenFile: values.AWS_WEB_IDENTITY_TOKEN_FILE,
    containerCredentials: values.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI ?? values.AWS_CONTAINER_CREDENTIALS_FULL_URI,
    instanceMetadata: !values.AWS_EC2_METADATA_DISABLED,
  })
}

function bedrockOf(values: Values): Config['bedrock'] {
  const { BEDROCK_GUARDRAIL_ID: id, BEDROCK_GUARDRAIL_VERSION: version } = values
  return given({
    modelId: values.BEDROCK_MODEL_ID,
    fallbackModelIds: values.BEDROCK_FALLBACK_MODEL_IDS ?? [],
    titleModelId: values.BEDROCK_TITLE_MODEL_ID,
    maxTokens: values.BEDROCK_MAX_TOKENS,
    temperature: values.BEDROCK_TEMPERATURE,
    topP: values.BEDROCK_TOP_P,
    guardrail: id && version ? { id, version } : undefined,
    models: values.BEDROCK_MODELS,
    firstTokenMs: values.BEDROCK_FIRST_TOKEN_SECONDS * 1000,
    idleMs: values.BEDROCK_IDLE_SECONDS * 1000,
  })
}

function slackOf(values: Values): SlackSettings | undefined {
  const { SLACK_CLIENT_ID: clientId, SLACK_CLIENT_SECRET: clientSecret, SLACK_STATE_SECRET: stateSecret } = values
  const { ENCRYPTION_KEY: encryptionKeys, SLACK_SIGNING_SECRET: signingSecret, SLACK_APP_TOKEN: appToken } = values
  if (!signingSecret && !appToken) return undefined
  return given({
    signingSecret,
    appToken,
    botToken: values.SLACK_BOT_TOKEN,
    oauth:
      clientId && clientSecret && stateSecret && encryptionKeys
        ? { clientId, clientSecret, stateSecret, encryptionKeys }
        : undefined,
    apiUrl: values.SLACK_API_URL,
    allowedTeams: values.SLACK_ALLOWED_TEAMS ?? [],
    allowGuests: values.SLACK_ALLOW_GUESTS,
    allowExternal: values.SLACK_ALLOW_EXTERNAL,
  })
}

function teamsOf(values: Values): TeamsSettings | undefined {
  const { CertificateThumbprint: thumbprint, CertificatePrivateKey: privateKey } = values
  if (!values.MicrosoftAppId && !values.TEAMS_ANONYMOUS) return undefined
  return given({
    appId: values.MicrosoftAppId,
    tenantId: values.MicrosoftAppTenantId,
    appType: values.MicrosoftAppType,
    password: values.MicrosoftAppPassword,
    certificate: thumbprint && privateKey ? { thumbprint, privateKey } : undefined,
    anonymous: values.TEAMS_ANONYMOUS,
    allowedTenants: values.TEAMS_ALLOWED_TENANTS ?? [],
    allowGuests: values.TEAMS_ALLOW_GUESTS,
  })
}

function signInOf(values: Values): SignInSettings[] {
  const tenant = values.SIGN_IN_MICROSOFT_TENANT ?? values.MicrosoftAppTenantId ?? ''
  const slack = clientOf(values.SIGN_IN_SLACK_CLIENT_ID, values.SIGN_IN_SLACK_CLIENT_SECRET)
  const microsoft = clientOf(values.SIGN_IN_MICROSOFT_CLIENT_ID, values.SIGN_IN_MICROSOFT_CLIENT_SECRET)
  const issuer = values.SIGN_IN_OIDC_ISSUER
  const other = clientOf(values.SIGN_IN_OIDC_CLIENT_ID, values.SIGN_IN_OIDC_CLIENT_SECRET)
  const settings: (SignInSettings | false | undefined)[] = [
    slack && {
      ...slack,
      id: 'slack',
      name: 'Slack',
      issuer: values.SIGN_IN_SLACK_ISSUER,
      teams: values.SLACK_ALLOWED_TEAMS ?? [],
    },
    microsoft && {
      ...microsoft,
      id: 'microsoft',
      name: 'Microsoft',
      issuer: values.SIGN_IN_MICROSOFT_ISSUER ?? `https://login.microsoftonline.com/${tenant.toLowerCase()}/v2.0`,
      tenant,
      allowGuests: values.TEAMS_ALLOW_GUESTS,
    },
    other &&
      issuer !== undefined && {
        ...other,
        id: 'oidc',
        name: values.SIGN_IN_OIDC_NAME,
        issuer,
        domains: (values.SIGN_IN_OIDC_DOMAINS ?? []).map((domain) => domain.toLowerCase()),
      },
  ]
  return settings.filter((one) => typeof one === 'object')
}

const clientOf = (clientId: string | undefined, clientSecret: Secret | undefined) =>
  clientId && clientSecret ? { clientId, clientSecret } : undefined

function logOf(values: Values, sessionSecrets: readonly Secret[]): LogConfig {
  const { LOG_FILE_SIZE: megabytes, LOG_FILE_COUNT: count } = values
  const all = Object.values(values).flatMap((value) => [value].flat().filter((one) => one instanceof Secret))
  return given({
    level: values.LOG_LEVEL,
    levels: values.LOG_LEVELS ?? {},
    format: values.LOG_FORMAT,
    file: values.LOG_FILE ? { path: resolve(values.LOG_FILE), megabytes, count } : undefined,
    secrets: [...sessionSecrets, ...all, ...passwordsOf(values.REDIS_URL)],
  })
}

/** The password inside a URL, as it is written there and as it is meant. */
function passwordsOf(url: Secret | undefined): Secret[] {
  const { password } = new URL(url?.reveal() ?? 'redis://none')
  return password ? [new Secret(password), new Secret(decodeURIComponent(password))] : []
}

type Given<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

/** Without the fields that are undefined. */
function given<T extends object>(fields: T): Given<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>
}
