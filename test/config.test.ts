import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { inspect } from 'node:util'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Variable, variables } from '../src/config/variables.ts'
import {
  ConfigError,
  type ConfigFault,
  type Environment,
  environment,
  type Feature,
  features,
  readConfig,
  Secret,
} from '../src/config.ts'

const secretText = 'x1'.repeat(20)
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const read = (env: Environment = {}) => readConfig({ DATA_DIR: folder, ...env })
const production = { NODE_ENV: 'production', SESSION_SECRET: secretText }

function faultsOf(env: Environment): readonly ConfigFault[] {
  try {
    read(env)
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.faults
    throw thrown
  }
  return []
}

describe('the configuration', () => {
  test('needs nothing set outside production', () => {
    const config = read()
    expect(config.production).toBe(false)
    expect(config.server).toMatchObject({ port: 3000, host: '127.0.0.1', basePath: '', trustProxy: false })
    expect(config.redis).toBeUndefined()
    expect(config.bedrock.guardrail).toBeUndefined()
    expect(config.log).toMatchObject({ level: 'info', format: 'pretty' })
    expect(config.chat.systemPrompt).toContain('assistant')
  })

  test('listens to the world and logs JSON in production, unless told otherwise', () => {
    expect(read(production).server.host).toBe('0.0.0.0')
    expect(read(production).log.format).toBe('json')
    expect(read({ ...production, HOST: '127.0.0.1' }).server.host).toBe('127.0.0.1')
  })

  test('counts an empty or blank variable as not set', () => {
    expect(read({ PORT: '', BASE_PATH: '  ', REDIS_URL: '' }).server.port).toBe(3000)
  })

  test('is frozen to the bottom', () => {
    const config = read({ LOG_LEVELS: 'web=debug', BEDROCK_MODELS: '{"m":{"price":{"input":1,"output":2}}}' })
    const open: string[] = []
    const visit = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null) return
      if (!Object.isFrozen(value)) open.push(path)
      for (const [key, inner] of Object.entries(value)) visit(inner, `${path}.${key}`)
    }
    visit(config, 'config')
    expect(open).toEqual([])
  })

  test('has durations in milliseconds and paths absolute', () => {
    const config = read({ SESSION_IDLE_MINUTES: '2', SESSION_MAX_HOURS: '1', LOG_FILE: 'some.log' })
    expect(config.sessions).toMatchObject({ idleMs: 120_000, maxMs: 3_600_000 })
    expect(config.log.file?.path).toBe(resolve('some.log'))
  })
})

describe('.env', () => {
  test('fills in what the environment lacks, and nothing else', () => {
    const file = join(folder, '.env')
    writeFileSync(file, '# notes\nPORT=4000\nHOST="::1"\nexport LOG_LEVEL=warn\nBASE_PATH=/x\n')
    const env = environment({ PORT: '5000', BASE_PATH: '', DATA_DIR: folder }, file)
    expect(env).toEqual({ PORT: '5000', HOST: '::1', LOG_LEVEL: 'warn', BASE_PATH: '', DATA_DIR: folder })
    expect(readConfig(env).server).toMatchObject({ port: 5000, host: '::1', basePath: '' })
  })

  test('may be missing', () => {
    expect(environment({ A: 'b' }, join(folder, '.env'))).toEqual({ A: 'b' })
  })

  test('that cannot be read is a fault', () => {
    expect(() => environment({}, folder)).toThrow(ConfigError)
  })
})

describe('faults', () => {
  test('are told all at once: the variable, what is wrong, what is expected', () => {
    const faults = faultsOf({
      NODE_ENV: 'prod',
      PORT: '70000',
      TRUST_PROXY: 'true',
      LOG_LEVELS: 'web',
      BEDROCK_GUARDRAIL_ID: 'abc',
      BEDROCK_TEMPERATURE: '-1',
    })
    expect(faults).toEqual([
      {
        variable: 'NODE_ENV',
        problem: 'is "prod", which is none of these',
        expected: 'development or production or test',
      },
      { variable: 'PORT', problem: 'is "70000", which is above 65535', expected: 'whole number, 0 to 65535' },
      expect.objectContaining({ variable: 'TRUST_PROXY', problem: 'is "true", which would trust everybody' }),
      expect.objectContaining({ variable: 'BEDROCK_TEMPERATURE', problem: 'is "-1", which is below 0' }),
      expect.objectContaining({
        variable: 'LOG_LEVELS',
        problem: 'is "web", which has a part that is not component=level',
      }),
      expect.objectContaining({ variable: 'BEDROCK_GUARDRAIL_VERSION' }),
    ])
    expect(new ConfigError(faults).message.split('\n')).toHaveLength(7)
  })

  test('never show the value of a secret', () => {
    const faults = faultsOf({
      SESSION_SECRET: 'hush-hush',
      REDIS_URL: 'http://me:hush-hush@redis',
      BEDROCK_GUARDRAIL_ID: '!',
    })
    expect(faults.map((fault) => fault.variable)).toEqual(['SESSION_SECRET', 'REDIS_URL', 'BEDROCK_GUARDRAIL_ID'])
    expect(new ConfigError(faults).message).not.toContain('hush-hush')
  })

  test.each([
    [{ NODE_ENV: 'production' }, 'SESSION_SECRET'],
    [{ NODE_ENV: 'production', SESSION_SECRET: `${secretText},short` }, 'SESSION_SECRET'],
    [{ BEDROCK_GUARDRAIL_VERSION: '1' }, 'BEDROCK_GUARDRAIL_ID'],
    [{ AWS_ACCESS_KEY_ID: 'AKIA' }, 'AWS_SECRET_ACCESS_KEY'],
    [{ SYSTEM_PROMPT: 'a', SYSTEM_PROMPT_FILE: 'b' }, 'SYSTEM_PROMPT_FILE'],
    [{ SYSTEM_PROMPT_FILE: '/nowhere/prompt.md' }, 'SYSTEM_PROMPT_FILE'],
    [{ SESSION_IDLE_MINUTES: '61', SESSION_MAX_HOURS: '1' }, 'SESSION_IDLE_MINUTES'],
    [{ PUBLIC_URL: 'https://example.com/other', BASE_PATH: '/bot' }, 'PUBLIC_URL'],
    [{ PUBLIC_URL: 'javascript:alert(1)' }, 'PUBLIC_URL'],
    [{ BASE_PATH: '/../etc' }, 'BASE_PATH'],
    [{ BASE_PATH: '/a b' }, 'BASE_PATH'],
    [{ PORT: '3e3' }, 'PORT'],
    [{ PORT: '-1' }, 'PORT'],
    [{ TRUST_PROXY: '10.0.0.0/33' }, 'TRUST_PROXY'],
    [{ TRUST_PROXY: 'proxy.example.com' }, 'TRUST_PROXY'],
    [{ REDIS_URL: 'localhost:6379' }, 'REDIS_URL'],
    [{ REDIS_URL: 'redis://localhost/name' }, 'REDIS_URL'],
    [{ REDIS_URL: 'redis://:100%@localhost' }, 'REDIS_URL'],
    [{ REDIS_CLUSTER_NODES: 'one,two' }, 'REDIS_CLUSTER_NODES'],
    [{ REDIS_CLUSTER_NODES: 'one:0' }, 'REDIS_CLUSTER_NODES'],
    [{ REDIS_PREFIX: '{chat}' }, 'REDIS_PREFIX'],
    [{ BEDROCK_MODELS: '{' }, 'BEDROCK_MODELS'],
    [{ BEDROCK_MODELS: '{"m":{"contexts":1}}' }, 'BEDROCK_MODELS'],
    [{ AWS_REGION: 'Frankfurt' }, 'AWS_REGION'],
    [{ METRICS: 'maybe' }, 'METRICS'],
  ])('%j is one, of %s', (env, variable) => {
    expect(faultsOf(env).map((fault) => fault.variable)).toEqual([variable])
  })

  test('leave no trace in the data folder', () => {
    const dataDir = join(folder, 'data')
    expect(faultsOf({ DATA_DIR: dataDir, PORT: 'x' })).toHaveLength(1)
    expect(() => statSync(dataDir)).toThrow()
  })
})

describe('values', () => {
  test.each([
    ['false', false],
    ['0', false],
    ['2', 2],
    ['loopback, 10.0.0.0/8,::1', ['loopback', '10.0.0.0/8', '::1']],
  ])('TRUST_PROXY=%s', (text, value) => {
    expect(read({ TRUST_PROXY: text }).server.trustProxy).toEqual(value)
  })

  test.each([
    ['/', ''],
    ['bot', '/bot'],
    ['/a/bot/', '/a/bot'],
  ])('BASE_PATH=%s', (text, value) => {
    expect(read({ BASE_PATH: text }).server.basePath).toBe(value)
  })

  test.each([
    ['https://example.com', 'https://example.com/bot'],
    ['https://example.com/bot/', 'https://example.com/bot'],
  ])('PUBLIC_URL=%s has the base path', (text, value) => {
    expect(read({ PUBLIC_URL: text, BASE_PATH: '/bot' }).server.publicUrl).toBe(value)
  })

  test('of a Redis Cluster, with IPv6', () => {
    const { redis } = read({ REDIS_CLUSTER_NODES: 'one:7000, [::1]:7001', REDIS_URL: 'rediss://u:p@ignored' })
    expect(redis?.nodes).toEqual([
      { host: 'one', port: 7000 },
      { host: '::1', port: 7001 },
    ])
    expect(redis?.url?.reveal()).toBe('rediss://u:p@ignored')
  })

  test('of AWS: the region has two names, credentials are found without the network', () => {
    expect(read({ AWS_DEFAULT_REGION: 'eu-central-1' }).aws.region).toBe('eu-central-1')
    expect(read({ AWS_DEFAULT_REGION: 'eu-central-1', AWS_REGION: 'us-east-1' }).aws.region).toBe('us-east-1')
    const { aws } = read({ AWS_CONFIG_FILE: '/c', AWS_EC2_METADATA_DISABLED: 'true' })
    expect(aws).toMatchObject({ configFile: '/c', instanceMetadata: false })
    expect(aws.credentialsFile).toMatch(/\.aws[/\\]credentials$/)
  })

  test('of the system prompt, from its file', () => {
    const file = join(folder, 'prompt.md')
    writeFileSync(file, '\nBe kind.\n')
    expect(read({ SYSTEM_PROMPT_FILE: file }).chat.systemPrompt).toBe('Be kind.')
  })

  test('all have a default that is a value of theirs', () => {
    for (const variable of Object.values<Variable>(variables))
      for (const text of [variable.default, variable.production, variable.example])
        if (text !== undefined) expect(() => variable.schema.parse(text)).not.toThrow()
  })
})

describe('secrets', () => {
  test('are never printed', () => {
    const config = read({
      SESSION_SECRET: `${secretText},${secretText}2`,
      REDIS_URL: `redis://:${secretText}@localhost`,
      AWS_BEARER_TOKEN_BEDROCK: secretText,
      METRICS_TOKEN: secretText,
    })
    const lines: string[] = []
    pino({}, { write: (line: string) => lines.push(line) }).info({ config }, 'configuration')
    const prints = [
      JSON.stringify(config),
      inspect(config, { depth: null, showHidden: true }),
      lines.join(''),
      `${config.metrics.token}`,
    ]
    for (const print of prints) {
      expect(print).toContain('[secret]')
      expect(print).not.toContain(secretText)
    }
    expect(config.sessions.secrets.map((secret) => secret.reveal())).toEqual([secretText, `${secretText}2`])
  })

  test('are all known to the log, so that it can keep them out', () => {
    const config = read({ REDIS_URL: 'redis://:p%40ssword@localhost', METRICS_TOKEN: 'token-of-mine' })
    const known = config.log.secrets.map((secret) => secret.reveal())
    expect(known).toEqual(expect.arrayContaining(['p%40ssword', 'p@ssword', 'token-of-mine']))
    expect(known).toContain(config.sessions.secrets[0]!.reveal())
  })

  test('every variable with a secret is marked as one', () => {
    for (const [name, variable] of Object.entries<Variable>(variables)) {
      const looksSecret = /SECRET|TOKEN$|TOKEN_BEDROCK|PASSWORD|PRIVATEKEY/i.test(name)
      expect([name, variable.secret ?? false]).toEqual([
        name,
        looksSecret || ['REDIS_URL', 'ENCRYPTION_KEY'].includes(name),
      ])
    }
    expect(new Secret('a').reveal()).toBe('a')
  })

  test('for sessions are made once and kept, for the owner only', () => {
    const [first] = read().sessions.secrets
    const [second] = read().sessions.secrets
    const file = join(folder, 'session-secret')
    expect(first!.reveal()).toHaveLength(48)
    expect(second!.reveal()).toBe(first!.reveal())
    expect(readFileSync(file, 'utf8')).toBe(first!.reveal())
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  test('for sessions are only read where there are some, so that a full disk keeps nobody from starting', () => {
    read()
    // Any file made or removed in a folder changes its time.
    const before = statSync(folder, { bigint: true }).mtimeNs
    read()
    expect(statSync(folder, { bigint: true }).mtimeNs).toBe(before)
  })

  test('for sessions are not guessed from a damaged file', () => {
    writeFileSync(join(folder, 'session-secret'), '')
    expect(faultsOf({})).toEqual([expect.objectContaining({ variable: 'DATA_DIR' })])
  })

  test('for sessions need a folder that can be written', () => {
    writeFileSync(join(folder, 'file'), '')
    expect(faultsOf({ DATA_DIR: join(folder, 'file', 'data') })).toEqual([
      expect.objectContaining({ variable: 'DATA_DIR', expected: 'a folder that can be written' }),
    ])
  })
})

describe('the lines at start-up', () => {
  const linesOf = (env: Environment, kind: 'bedrock' | 'demo' | 'none'): Record<string, Feature> =>
    Object.fromEntries(features(read(env), kind).map((line) => [line.name, line]))

  test('name the variables that turn each feature on', () => {
    const lines = linesOf({}, 'demo')
    expect(lines['web page']?.on).toBe(true)
    const known = Object.keys(variables)
    for (const line of Object.values(lines).filter((one) => !one.on)) {
      const named = line.line.match(/\b[A-Z][A-Z0-9]*_[A-Z_0-9]+\b|METRICS|Microsoft\w+/g) ?? []
      expect(named.length).toBeGreaterThan(0)
      expect(known).toEqual(expect.arrayContaining(named))
    }
    expect(lines.Bedrock?.line).toContain('demo model: no AWS credentials found; set AWS_REGION and ')
    expect(linesOf(production, 'none').Bedrock?.line).toContain('cannot be answered')
  })

  test('tell what is on', () => {
    const lines = linesOf(
      {
        REDIS_URL: 'redis://localhost',
        BEDROCK_GUARDRAIL_ID: 'abc',
        BEDROCK_GUARDRAIL_VERSION: '3',
        BEDROCK_FALLBACK_MODEL_IDS: 'x,y',
        RESPONSE_CACHE_SECONDS: '60',
        LOG_FILE: 'a.log',
        SLACK_BOT_TOKEN: 'xoxb-1',
        SLACK_SIGNING_SECRET: 's',
        TEAMS_ANONYMOUS: 'on',
        PUBLIC_URL: 'https://chat.example.com',
        SIGN_IN_OIDC_ISSUER: 'https://id.example.com',
        SIGN_IN_OIDC_CLIENT_ID: 'chat',
        SIGN_IN_OIDC_CLIENT_SECRET: 's',
      },
      'bedrock',
    )
    expect(Object.values(lines).filter((line) => !line.on)).toEqual([])
    expect(lines.guardrail?.line).toBe('guardrail: on, abc, version 3')
  })
})

describe('Slack', () => {
  const key = Buffer.alloc(32, 7).toString('base64')
  const oauth = { SLACK_CLIENT_ID: '1.2', SLACK_CLIENT_SECRET: 's', SLACK_STATE_SECRET: 't', SLACK_SIGNING_SECRET: 'u' }

  test('is off without its variables', () => {
    expect(read().slack).toBeUndefined()
  })

  test('is on in one workspace, by requests or by Socket Mode', () => {
    expect(read({ SLACK_BOT_TOKEN: 'xoxb-1', SLACK_SIGNING_SECRET: 's' }).slack).toMatchObject({
      allowedTeams: [],
      allowGuests: false,
      allowExternal: false,
    })
    const socket = read({ SLACK_BOT_TOKEN: 'xoxb-1', SLACK_APP_TOKEN: 'xapp-1', SLACK_ALLOWED_TEAMS: 'T1, E2' }).slack
    expect(socket?.appToken?.reveal()).toBe('xapp-1')
    expect(socket?.allowedTeams).toEqual(['T1', 'E2'])
  })

  test('is on in many workspaces, with keys in base64 or hex', () => {
    const hex = Buffer.alloc(32, 9).toString('hex')
    const { slack } = read({ ...oauth, ENCRYPTION_KEY: `${key}, ${hex}` })
    expect(slack?.oauth?.encryptionKeys.map((each) => each.reveal())).toEqual([key, hex])
  })

  test.each([
    [{ SLACK_BOT_TOKEN: 'xoxb-1' }, ['SLACK_SIGNING_SECRET']],
    [{ SLACK_APP_TOKEN: 'xapp-1' }, ['SLACK_BOT_TOKEN']],
    [{ SLACK_BOT_TOKEN: 'xapp-1', SLACK_SIGNING_SECRET: 's' }, ['SLACK_BOT_TOKEN']],
    [oauth, ['ENCRYPTION_KEY']],
    [{ ...oauth, ENCRYPTION_KEY: 'short' }, ['ENCRYPTION_KEY']],
    [{ ...oauth, ENCRYPTION_KEY: key, SLACK_BOT_TOKEN: 'xoxb-1' }, ['SLACK_BOT_TOKEN']],
    [
      { SLACK_CLIENT_ID: '1.2' },
      ['ENCRYPTION_KEY', 'SLACK_CLIENT_SECRET', 'SLACK_SIGNING_SECRET', 'SLACK_STATE_SECRET'],
    ],
    [{ SLACK_ALLOWED_TEAMS: 'acme' }, ['SLACK_ALLOWED_TEAMS']],
  ])('half set up, %j, is a fault', (env, variables) => {
    expect(new Set(faultsOf(env as Environment).map(({ variable }) => variable))).toEqual(new Set(variables))
  })
})

describe('Teams', () => {
  const id = '11111111-2222-4333-8444-555555555555'
  const bot = { MicrosoftAppId: id, MicrosoftAppPassword: 's', MicrosoftAppTenantId: id }

  test('is off without its variables', () => {
    expect(read().teams).toBeUndefined()
    expect(read({ TEAMS_ALLOW_GUESTS: 'on' }).teams).toBeUndefined()
  })

  test('is on for the application’s own tenant, with a secret or a certificate', () => {
    expect(read(bot).teams).toMatchObject({ appId: id, appType: 'SingleTenant', allowedTenants: [], anonymous: false })
    const { teams } = read({
      ...bot,
      MicrosoftAppPassword: '',
      CertificateThumbprint: 'AB'.repeat(20),
      CertificatePrivateKey: '-----BEGIN',
    })
    expect(teams?.certificate?.privateKey.reveal()).toBe('-----BEGIN')
    expect(features(read(bot), 'demo').find(({ name }) => name === 'Teams')?.line).toBe(
      'Teams: on, requests at /api/messages, one tenant',
    )
  })

  test('is on without any proof on this machine alone', () => {
    expect(read({ TEAMS_ANONYMOUS: 'true' }).teams).toMatchObject({ anonymous: true })
  })

  test.each([
    [{ MicrosoftAppId: id }, ['MicrosoftAppPassword', 'MicrosoftAppTenantId']],
    [{ MicrosoftAppPassword: 's' }, ['MicrosoftAppId']],
    [{ ...bot, MicrosoftAppId: 'my-bot' }, ['MicrosoftAppId']],
    [{ ...bot, MicrosoftAppType: 'MultiTenant' }, ['TEAMS_ALLOWED_TENANTS']],
    [{ ...bot, MicrosoftAppType: 'UserAssignedMsi' }, ['MicrosoftAppPassword']],
    [{ ...bot, CertificateThumbprint: 'AB'.repeat(20) }, ['CertificatePrivateKey']],
    [{ ...bot, TEAMS_ALLOWED_TENANTS: 'contoso' }, ['TEAMS_ALLOWED_TENANTS']],
    [{ ...bot, TEAMS_ANONYMOUS: 'on' }, ['TEAMS_ANONYMOUS']],
    [{ TEAMS_ANONYMOUS: 'on', HOST: '0.0.0.0' }, ['TEAMS_ANONYMOUS']],
    [{ TEAMS_ANONYMOUS: 'on', NODE_ENV: 'production', SESSION_SECRET: 'x'.repeat(32) }, ['TEAMS_ANONYMOUS']],
  ])('half set up, %j, is a fault', (env, variables) => {
    expect(new Set(faultsOf(env as Environment).map(({ variable }) => variable))).toEqual(new Set(variables))
  })
})

describe('people', () => {
  test('are free of limits and kept for ever unless it is said', () => {
    const { limits, retention, people } = read()
    expect(limits).toEqual({})
    expect(retention.conversationsMs).toEqual({})
    expect(people.linkDomains.size).toBe(0)
  })

  test('limits, times and domains are read', () => {
    const { limits, retention, people } = read({
      LIMIT_TOKENS_PER_DAY: '5000',
      LIMIT_COST_PER_MONTH: '2.5',
      RETENTION_DAYS: '30',
      RETENTION_DAYS_SLACK: '7',
      LINK_EMAIL_DOMAINS: 'Example.com, example.org',
    })
    expect(limits).toEqual({ tokensPerDay: 5000, costPerMonth: 2.5 })
    const day = 24 * 3_600_000
    expect(retention.conversationsMs).toEqual({ slack: 7 * day, teams: 30 * day, web: 30 * day })
    expect([...people.linkDomains]).toEqual(['example.com', 'example.org'])
  })

  test.each([{ LINK_EMAIL_DOMAINS: '@example.com' }, { RETENTION_DAYS: '0' }, { LIMIT_TOKENS_PER_DAY: '-5' }])(
    '%j is a fault',
    (env) => expect(faultsOf(env as Environment).map(({ variable }) => variable)).toEqual(Object.keys(env)),
  )
})
