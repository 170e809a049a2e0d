import { z } from 'zod'
import type { ModelFacts } from '../models.ts'
import { defaultMaxWaiting } from '../store.ts'
import {
  decimal,
  hostPorts,
  json,
  type Kind,
  levelNames,
  levels,
  listOf,
  matching,
  oneOf,
  onOff,
  path,
  redisUrl,
  secret,
  secretList,
  text,
  trustProxy,
  webUrl,
  whole,
} from './kinds.ts'
import { peopleVariables } from './peopleVariables.ts'
import { signInVariables } from './signInVariables.ts'
import { slackVariables } from './slackVariables.ts'
import { teamsVariables } from './teamsVariables.ts'

/**
 * Every variable there is. Validation, the table in the README and `.env.example` all come from here, so this is the one
 * place to add one (then give it a place in the `Config` in ../config.ts, and run `npm run docs:env`).
 */
export interface Variable extends Kind<unknown> {
  /** The surface or feature it belongs to: its heading in the README. */
  group: Group
  /** As it would be written in the environment. Absent: unset, which `unset` explains. */
  default?: string
  /** The default where `NODE_ENV` is `production`, if it differs. */
  production?: string
  /** What holds while it is not set, in words. */
  unset?: string
  /** What it does, in a sentence or two of Markdown. */
  text: string
  /** What `.env.example` shows where there is no default. */
  example?: string
  /** Its value is never printed. */
  secret?: true
}

export type Group =
  | 'Server'
  | 'Web page'
  | 'Store'
  | 'AWS'
  | 'Bedrock'
  | 'Answers'
  | 'People'
  | 'Slack'
  | 'Microsoft Teams'
  | 'Sign-in'
  | 'Logs and metrics'

const modelId = matching(
  'model id, inference profile or ARN',
  /^[\w.:/-]{1,2048}$/,
  'has characters that no model id has',
)

const tokens = z.int().positive()
const dollars = z.number().nonnegative()

const modelFacts: z.ZodType<ModelFacts> = z.strictObject({
  family: z.string().min(1).optional(),
  context: tokens.optional(),
  output: tokens.optional(),
  sampling: z.boolean().optional(),
  caching: z.boolean().optional(),
  price: z
    .strictObject({
      input: dollars,
      output: dollars,
      cacheRead: dollars.optional(),
      cacheWrite: dollars.optional(),
    })
    .optional(),
})

export const variables = {
  NODE_ENV: {
    group: 'Server',
    ...oneOf('development', 'production', 'test'),
    default: 'development',
    text: 'With `production`: JSON logs, `SESSION_SECRET` required, no demo users and no demo model.',
  },
  PORT: {
    group: 'Server',
    ...whole(0, 65_535),
    default: '3000',
    text: 'The port to listen on. `0` takes any free one.',
  },
  HOST: {
    group: 'Server',
    ...matching('address or host name', /^[\w.:-]+$/, 'is not an address or a host name'),
    default: '127.0.0.1',
    production: '0.0.0.0',
    text: 'The address to listen on.',
  },
  BASE_PATH: {
    group: 'Server',
    ...path,
    unset: 'the root',
    example: '/bot',
    text: 'The path under which a proxy serves it, passed on to us as it is.',
  },
  PUBLIC_URL: {
    group: 'Server',
    ...webUrl,
    unset: 'links are relative',
    example: 'https://chat.example.com',
    text: 'The address people open it under, used for links from elsewhere. `BASE_PATH` is added where it is missing. In production sign-in needs HTTPS, unless this begins with `http://`.',
  },
  TRUST_PROXY: {
    group: 'Server',
    ...trustProxy,
    default: 'false',
    text: 'Whose `X-Forwarded-*` headers to believe. Behind one load balancer: `1`. Needed where a proxy ends TLS.',
  },
  SHUTDOWN_SECONDS: {
    group: 'Server',
    ...whole(1, 600),
    default: '25',
    text: 'How long running answers may take to finish after SIGTERM, before they are handed over. Keep it below the grace period of your platform (Kubernetes: 30).',
  },

  SESSION_SECRET: {
    group: 'Web page',
    ...secretList(32),
    unset: 'made once and kept in `DATA_DIR`; required in production',
    secret: true,
    text: 'Signs the session cookies. Several, separated by commas: the first signs, all are accepted, so that it can be changed without signing people out. Make one with `openssl rand -base64 36`.',
  },
  SESSION_IDLE_MINUTES: {
    group: 'Web page',
    ...whole(1, 525_600),
    default: '480',
    text: 'A session ends after so long without a request.',
  },
  SESSION_MAX_HOURS: {
    group: 'Web page',
    ...whole(1, 8_760),
    default: '168',
    text: 'A session ends after so long in any case.',
  },

  DATA_DIR: {
    group: 'Store',
    ...text('folder'),
    default: './data',
    text: 'Where the SQLite database and a generated session secret are kept.',
  },
  REDIS_URL: {
    group: 'Store',
    ...redisUrl,
    unset: 'SQLite in `DATA_DIR`, for one instance',
    example: 'redis://localhost:6379',
    secret: true,
    text: 'Keeps everything in Redis, for any number of instances. User, password and database may be in it.',
  },
  REDIS_CLUSTER_NODES: {
    group: 'Store',
    ...hostPorts,
    unset: 'no cluster',
    example: 'redis-1:6379,redis-2:6379,redis-3:6379',
    text: 'Some nodes of a Redis Cluster to start from. User, password and TLS are those of `REDIS_URL`, if it is set too.',
  },
  REDIS_PREFIX: {
    group: 'Store',
    ...matching('text', /^[\w:.-]{1,64}$/, 'has characters other than letters, digits and _:.- (or more than 64)'),
    default: 'chat:',
    text: 'In front of every key, so that several installations can share a Redis.',
  },

  AWS_REGION: {
    group: 'AWS',
    ...matching('AWS region', /^[a-z]{2,4}(-[a-z]+)+-\d+$/, 'is not the name of a region'),
    unset: 'that of the profile',
    example: 'us-east-1',
    text: 'The region of Bedrock.',
  },
  AWS_DEFAULT_REGION: {
    group: 'AWS',
    ...matching('AWS region', /^[a-z]{2,4}(-[a-z]+)+-\d+$/, 'is not the name of a region'),
    unset: '',
    example: 'us-east-1',
    text: 'Used where `AWS_REGION` is not set.',
  },
  AWS_BEARER_TOKEN_BEDROCK: {
    group: 'AWS',
    ...secret,
    unset: '',
    secret: true,
    text: 'A Bedrock API key. Goes before all other credentials.',
  },
  AWS_ACCESS_KEY_ID: { group: 'AWS', ...text(), unset: '', text: 'An access key.' },
  AWS_SECRET_ACCESS_KEY: { group: 'AWS', ...secret, unset: '', secret: true, text: 'The secret of the access key.' },
  AWS_SESSION_TOKEN: {
    group: 'AWS',
    ...secret,
    unset: '',
    secret: true,
    text: 'The session token of a temporary access key.',
  },
  AWS_PROFILE: {
    group: 'AWS',
    ...text(),
    unset: '`default`',
    example: 'default',
    text: 'A profile of the shared files (keys, single sign-on, role).',
  },
  AWS_SHARED_CREDENTIALS_FILE: {
    group: 'AWS',
    ...text('file'),
    unset: '`~/.aws/credentials`',
    text: 'The shared credentials file.',
  },
  AWS_CONFIG_FILE: { group: 'AWS', ...text('file'), unset: '`~/.aws/config`', text: 'The shared configuration file.' },
  AWS_ROLE_ARN: { group: 'AWS', ...text('ARN'), unset: '', text: 'The role to take with the web identity token.' },
  AWS_WEB_IDENTITY_TOKEN_FILE: {
    group: 'AWS',
    ...text('file'),
    unset: '',
    text: 'A web identity token. Set by EKS for a service account with a role.',
  },
  AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: {
    group: 'AWS',
    ...text('path'),
    unset: '',
    text: 'Where a container gets its credentials. Set by ECS.',
  },
  AWS_CONTAINER_CREDENTIALS_FULL_URI: {
    group: 'AWS',
    ...text('URL'),
    unset: '',
    text: 'Where a container gets its credentials. Set by EKS Pod Identity and others.',
  },
  AWS_EC2_METADATA_DISABLED: {
    group: 'AWS',
    ...onOff,
    default: 'off',
    text: 'With `true`, the role of the EC2 instance is not looked for.',
  },
  AWS_ENDPOINT_URL_BEDROCK_RUNTIME: {
    group: 'AWS',
    ...webUrl,
    unset: 'that of the region',
    example: 'https://vpce-0123.bedrock-runtime.us-east-1.vpce.amazonaws.com',
    text: 'Another endpoint for Bedrock, such as one inside your VPC.',
  },

  BEDROCK_MODEL_ID: {
    group: 'Bedrock',
    ...modelId,
    default: 'global.anthropic.claude-sonnet-5-5',
    text: 'The model that answers. Inference profiles (`us.`, `eu.`, `global.`) keep requests in their regions.',
  },
  BEDROCK_FALLBACK_MODEL_IDS: {
    group: 'Bedrock',
    ...listOf(modelId, 'list of model ids'),
    unset: 'none',
    example: 'global.anthropic.claude-sonnet-4-6',
    text: 'Models to turn to, in this order, when one is overloaded or down before its first word.',
  },
  BEDROCK_TITLE_MODEL_ID: {
    group: 'Bedrock',
    ...modelId,
    default: 'global.anthropic.claude-haiku-4-5-20251001-v1:0',
    text: 'A cheap model for titles and summaries.',
  },
  BEDROCK_MAX_TOKENS: {
    group: 'Bedrock',
    ...whole(1, 200_000),
    default: '4096',
    text: 'The most tokens of one answer. Your quota is reserved by this number, so keep it no higher than you need.',
  },
  BEDROCK_TEMPERATURE: {
    group: 'Bedrock',
    ...decimal(0, 1),
    unset: 'the model’s own',
    example: '0.5',
    text: 'Sampling temperature. Newer Claude models refuse it.',
  },
  BEDROCK_TOP_P: {
    group: 'Bedrock',
    ...decimal(0, 1),
    unset: 'the model’s own',
    example: '0.9',
    text: 'Nucleus sampling. Newer Claude models refuse it.',
  },
  BEDROCK_GUARDRAIL_ID: {
    group: 'Bedrock',
    ...matching('guardrail id or ARN', /^[\w:/-]{1,2048}$/, 'has characters that no guardrail id has'),
    unset: 'no guardrail',
    example: 'abc123def456',
    text: 'A guardrail for questions and answers. Needs `BEDROCK_GUARDRAIL_VERSION`.',
  },
  BEDROCK_GUARDRAIL_VERSION: {
    group: 'Bedrock',
    ...matching('number or `DRAFT`', /^([1-9]\d{0,7}|DRAFT)$/, 'is neither a number nor DRAFT'),
    unset: '',
    example: '1',
    text: 'The version of the guardrail.',
  },
  BEDROCK_MODELS: {
    group: 'Bedrock',
    ...json('JSON object', z.record(z.string().min(1), modelFacts)),
    default: '{}',
    text: 'What is known of a model, by its id as configured, over the built-in table: `family`, `context` and `output` (tokens), `sampling`, `caching`, `price` (dollars per million tokens). Needed for ARNs that hide the family: `{"arn:…":{"family":"claude-sonnet-4-6"}}`.',
  },
  BEDROCK_FIRST_TOKEN_SECONDS: {
    group: 'Bedrock',
    ...whole(1, 3_600),
    default: '120',
    text: 'How long a model may take to its first word.',
  },
  BEDROCK_IDLE_SECONDS: {
    group: 'Bedrock',
    ...whole(1, 3_600),
    default: '60',
    text: 'How long a model may be silent in the middle of an answer.',
  },

  SYSTEM_PROMPT: {
    group: 'Answers',
    ...text(),
    unset: 'a built-in one',
    example: 'You are the assistant of Example Ltd. Answer briefly.',
    text: 'What the model is told about its task before every conversation.',
  },
  SYSTEM_PROMPT_FILE: {
    group: 'Answers',
    ...text('file'),
    unset: '',
    example: './prompt.md',
    text: 'The same from a file. Not together with `SYSTEM_PROMPT`.',
  },
  RESPONSE_CACHE_SECONDS: {
    group: 'Answers',
    ...whole(0, 31_536_000),
    default: '0',
    text: 'How long an answer is kept to answer the same person’s identical prompt again. `0` turns it off.',
  },
  MAX_TURNS: {
    group: 'Answers',
    ...whole(1, 10_000),
    default: '200',
    text: 'Answers that run at once on one instance. The rest wait for any instance.',
  },
  MAX_WAITING: {
    group: 'Answers',
    ...whole(1, 1_000),
    default: String(defaultMaxWaiting),
    text: 'Messages that may wait in one conversation.',
  },
  MAX_MESSAGE_CHARS: {
    group: 'Answers',
    ...whole(1, 1_000_000),
    default: '32000',
    text: 'The longest message a person may send.',
  },

  ...peopleVariables,
  ...slackVariables,
  ...teamsVariables,
  ...signInVariables,
  LOG_LEVEL: {
    group: 'Logs and metrics',
    ...oneOf(...levelNames),
    default: 'info',
    text: 'The least level that is logged.',
  },
  LOG_LEVELS: {
    group: 'Logs and metrics',
    ...levels,
    unset: 'all as `LOG_LEVEL`',
    example: 'bedrock=debug,web=warn',
    text: 'The level of single components.',
  },
  LOG_FORMAT: {
    group: 'Logs and metrics',
    ...oneOf('json', 'pretty'),
    default: 'pretty',
    production: 'json',
    text: 'How the console shows it. A file always has JSON lines.',
  },
  LOG_FILE: {
    group: 'Logs and metrics',
    ...matching('file', /^[^<>|?*"]+$/, 'has characters that a file name cannot have'),
    unset: 'console only',
    example: './data/logs/chat.log',
    text: 'Logs go here too. A number is put before the ending: `chat.1.log`.',
  },
  LOG_FILE_SIZE: {
    group: 'Logs and metrics',
    ...whole(1, 10_000),
    default: '20',
    text: 'A new log file begins at this size, in megabytes.',
  },
  LOG_FILE_COUNT: {
    group: 'Logs and metrics',
    ...whole(1, 1_000),
    default: '5',
    text: 'How many log files are kept. The oldest is deleted when a new one begins.',
  },
  METRICS: {
    group: 'Logs and metrics',
    ...onOff,
    default: 'on',
    text: 'Whether `/metrics` answers, in the format of Prometheus.',
  },
  METRICS_TOKEN: {
    group: 'Logs and metrics',
    ...secret,
    unset: 'open to whoever reaches the port',
    secret: true,
    text: 'What a scraper must send as `Authorization: Bearer …`.',
  },
} satisfies Record<string, Variable>

export type VariableName = keyof typeof variables

type ValueOf<V> = V extends { schema: z.ZodType<infer T, string> }
  ? V extends { default: string }
    ? T
    : T | undefined
  : never

/** What the variables say, by name. */
export type Values = { [Name in VariableName]: ValueOf<(typeof variables)[Name]> }
