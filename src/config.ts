import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { assemble } from './config/assemble.ts'
import { checkTogether, readSystemPrompt, readValues } from './config/check.ts'
import { ConfigError, type ConfigFault, configExitCode } from './config/fault.ts'
import type { HostPort, Level } from './config/kinds.ts'
import { Secret } from './config/secret.ts'
import { keptSecret } from './config/sessionSecret.ts'
import { messageOf } from './errors.ts'
import type { Rule } from './limits/rules.ts'
import type { ModelFacts } from './models.ts'
import type { RetentionTimes } from './retention.ts'

export { type Feature, features } from './config/features.ts'
export { ConfigError, type ConfigFault, configExitCode, type HostPort, type Level, Secret }
export type Environment = Record<string, string | undefined>

/** All there is to know of how to run. Frozen to the bottom; durations in milliseconds, paths absolute. */
export interface Config {
  readonly production: boolean
  readonly dataDir: string
  readonly server: {
    readonly port: number
    readonly host: string
    /** '' or '/bot'. */
    readonly basePath: string
    /** Where people open it, with the base path, without a slash at the end. */
    readonly publicUrl?: string
    /** In Express' terms. */
    readonly trustProxy: false | number | readonly string[]
    readonly shutdownMs: number
  }
  readonly sessions: {
    /** The first signs, all verify. Never empty. */
    readonly secrets: readonly Secret[]
    readonly idleMs: number
    readonly maxMs: number
  }
  /** Absent: SQLite in `dataDir`. */
  readonly redis?: RedisConfig
  readonly aws: AwsConfig
  readonly bedrock: {
    readonly modelId: string
    readonly fallbackModelIds: readonly string[]
    readonly titleModelId: string
    readonly maxTokens: number
    readonly temperature?: number
    readonly topP?: number
    readonly guardrail?: { readonly id: string; readonly version: string }
    /** Over the built-in table, by model id as configured. */
    readonly models: Readonly<Record<string, ModelFacts>>
    readonly firstTokenMs: number
    readonly idleMs: number
  }
  readonly chat: {
    readonly systemPrompt: string
    /** 0: off. */
    readonly responseCacheMs: number
    /** Turns that run at once on this instance. */
    readonly maxTurns: number
    /** Messages that may wait in one inbox. */
    readonly maxWaiting: number
    readonly maxMessageChars: number
  }
  readonly retention: RetentionTimes
  /** For everyone, until an admin says otherwise. */
  readonly limits: Rule
  readonly people: {
    /** Lower case. An e-mail address in one of these tells that two accounts are one person. */
    readonly linkDomains: ReadonlySet<string>
  }
  /** Absent: off. */
  readonly slack?: SlackSettings
  /** Absent: off. */
  readonly teams?: TeamsSettings
  /** Who else signs people in on the web page, in the order of their buttons. */
  readonly signIn: readonly SignInSettings[]
  readonly log: LogConfig
  readonly metrics: { readonly on: boolean; readonly token?: Secret }
}

export interface RedisConfig {
  /** With nodes: what it says of user, password and TLS holds for all of them. */
  readonly url?: Secret
  /** Of a cluster; empty for a single server. */
  readonly nodes: readonly HostPort[]
  readonly prefix: string
}

/** What the environment says of AWS, enough to tell without the network where the SDK may find credentials. */
export interface AwsConfig {
  readonly region?: string
  readonly endpoint?: string
  readonly bearerToken?: Secret
  readonly accessKeyId?: string
  readonly secretAccessKey?: Secret
  readonly sessionToken?: Secret
  readonly profile?: string
  readonly credentialsFile: string
  readonly configFile: string
  readonly roleArn?: string
  readonly webIdentityTokenFile?: string
  /** A URL, or the path of one on the container platform's own address. */
  readonly containerCredentials?: string
  /** Whether the SDK may ask the instance's metadata service (over the network). */
  readonly instanceMetadata: boolean
}

/** A way in (requests checked by `signingSecret`, or Socket Mode by `appToken`), and a token or a way to get one. */
export interface SlackSettings {
  readonly signingSecret?: Secret
  readonly botToken?: Secret
  readonly appToken?: Secret
  readonly oauth?: {
    readonly clientId: string
    readonly clientSecret: Secret
    readonly stateSecret: Secret
    readonly encryptionKeys: readonly Secret[]
  }
  readonly apiUrl?: string
  /** Empty: all. */
  readonly allowedTeams: readonly string[]
  readonly allowGuests: boolean
  readonly allowExternal: boolean
}

/** The bot's application in Entra ID with its proof (secret, certificate or managed identity), or `anonymous`. */
export interface TeamsSettings {
  readonly appId?: string
  readonly tenantId?: string
  readonly appType: 'SingleTenant' | 'UserAssignedMsi' | 'MultiTenant'
  readonly password?: Secret
  readonly certificate?: { readonly thumbprint: string; readonly privateKey: Secret }
  readonly anonymous: boolean
  /** Empty: the application's own. */
  readonly allowedTenants: readonly string[]
  readonly allowGuests: boolean
}

/** A provider of OpenID Connect, and whom of its people to let in. */
export type SignInSettings = {
  /** For people, after "Sign in with". */
  readonly name: string
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: Secret
} & (
  | { readonly id: 'slack' /** Empty: all. */; readonly teams: readonly string[] }
  | { readonly id: 'microsoft'; readonly tenant: string; readonly allowGuests: boolean }
  | { readonly id: 'oidc' /** Empty: all. */; readonly domains: readonly string[] }
)

export interface LogConfig {
  readonly level: Level
  readonly levels: Readonly<Record<string, Level>>
  readonly format: 'json' | 'pretty'
  readonly file?: { readonly path: string; readonly megabytes: number; readonly count: number }
  /** Whatever must not be in any line. */
  readonly secrets: readonly Secret[]
}

/**
 * The environment, with what it lacks taken from a `.env` file. A variable that is set stays as it is, even if empty.
 * Adds to `env` itself, because libraries (the AWS SDK) look there on their own.
 */
export function environment(env: Environment = process.env, file = '.env'): Environment {
  for (const [name, value] of Object.entries(parseEnv(readIfThere(file)))) env[name] ??= value
  return env
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw new ConfigError([
      { variable: file, problem: `cannot be read: ${messageOf(thrown)}`, expected: 'a readable file' },
    ])
  }
}

/**
 * The configuration: environment over `.env` over defaults. An empty variable counts as not set. Throws a `ConfigError`
 * that lists every fault at once. May write one file, and only if nothing is wrong: a session secret in the data folder.
 */
export function readConfig(env: Environment = environment()): Config {
  const faults: ConfigFault[] = []
  const values = readValues(env, faults)
  const systemPrompt = readSystemPrompt(values, faults)
  checkTogether(values, faults)
  if (faults.length > 0) throw new ConfigError(faults)
  const secrets = values.SESSION_SECRET ?? [keptSecret(resolve(values.DATA_DIR))]
  return frozen(assemble(values, { secrets, systemPrompt }))
}

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  Object.values(value).forEach(frozen)
  return Object.freeze(value)
}
