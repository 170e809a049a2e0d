import { readFileSync } from 'node:fs'
import { messageOf } from '../errors.ts'
import type { ConfigFault } from './fault.ts'
import { type Values, type Variable, type VariableName, variables } from './variables.ts'

/** Each variable on its own: its value, or a fault. What is faulty counts as not set for whatever is looked at next. */
export function readValues(env: Record<string, string | undefined>, faults: ConfigFault[]): Values {
  const production = env.NODE_ENV?.trim() === 'production'
  const entries = Object.entries<Variable>(variables).map(([name, variable]) => {
    const standard = (production ? variable.production : undefined) ?? variable.default
    const raw = env[name]?.trim() || standard
    if (raw === undefined) return [name, undefined]
    const result = variable.schema.safeParse(raw)
    if (result.success) return [name, result.data]
    const shown = variable.secret || raw.length > 100 ? '' : `is ${JSON.stringify(raw)}, which `
    faults.push({ variable: name, problem: shown + result.error.issues[0]!.message, expected: plain(variable.type) })
    return [name, standard === undefined ? undefined : variable.schema.parse(standard)]
  })
  return Object.fromEntries(entries) as Values
}

type Wrong = (variable: VariableName, problem: string) => void
type Both = (one: VariableName, other: VariableName) => void

const plain = (markdown: string): string => markdown.replaceAll('`', '')

/** The variables in view of each other. */
export function checkTogether(values: Values, faults: ConfigFault[]): void {
  const faulty = new Set(faults.map((fault) => fault.variable))
  const wrong: Wrong = (variable, problem) => {
    if (!faulty.has(variable)) faults.push({ variable, problem, expected: plain(variables[variable].type) })
  }
  const both: Both = (one, other) => {
    if (values[one] && !values[other]) wrong(other, `is not set, but ${one} is`)
    if (values[other] && !values[one]) wrong(one, `is not set, but ${other} is`)
  }
  both('BEDROCK_GUARDRAIL_ID', 'BEDROCK_GUARDRAIL_VERSION')
  both('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY')
  both('SLACK_CLIENT_ID', 'SLACK_CLIENT_SECRET')
  both('SLACK_CLIENT_ID', 'SLACK_STATE_SECRET')
  if (values.SLACK_CLIENT_ID && !values.ENCRYPTION_KEY) wrong('ENCRYPTION_KEY', 'is not set, but SLACK_CLIENT_ID is')
  if (values.SLACK_CLIENT_ID && !values.SLACK_SIGNING_SECRET)
    wrong('SLACK_SIGNING_SECRET', 'is not set, but SLACK_CLIENT_ID is')
  if (values.SLACK_CLIENT_ID && values.SLACK_BOT_TOKEN)
    wrong('SLACK_BOT_TOKEN', 'is set, and SLACK_CLIENT_ID too: one workspace or many, not both')
  const wayIn = values.SLACK_SIGNING_SECRET || values.SLACK_APP_TOKEN
  if (wayIn && !values.SLACK_BOT_TOKEN && !values.SLACK_CLIENT_ID)
    wrong(
      'SLACK_BOT_TOKEN',
      `is not set, but ${values.SLACK_APP_TOKEN ? 'SLACK_APP_TOKEN' : 'SLACK_SIGNING_SECRET'} is`,
    )
  if (values.SLACK_BOT_TOKEN && !wayIn)
    wrong('SLACK_SIGNING_SECRET', 'is not set (nor SLACK_APP_TOKEN), but SLACK_BOT_TOKEN is')
  checkTeams(values, wrong, both)
  checkSignIn(values, wrong, both)
  if (values.NODE_ENV === 'production' && !values.SESSION_SECRET)
    wrong('SESSION_SECRET', 'is not set, but required in production')
  if (values.SESSION_IDLE_MINUTES > values.SESSION_MAX_HOURS * 60)
    wrong('SESSION_IDLE_MINUTES', 'is longer than SESSION_MAX_HOURS')
  if (values.PUBLIC_URL && ![values.BASE_PATH ?? '', '/'].includes(new URL(values.PUBLIC_URL).pathname))
    wrong('PUBLIC_URL', 'has a path that is not BASE_PATH')
}

/** Without credentials anybody could speak for anybody, so nothing is assumed here. */
function checkTeams(values: Values, wrong: Wrong, both: Both): void {
  both('CertificateThumbprint', 'CertificatePrivateKey')
  if (values.TEAMS_ANONYMOUS) {
    if (values.NODE_ENV === 'production') wrong('TEAMS_ANONYMOUS', 'is on, which is not for production')
    if (values.MicrosoftAppId) wrong('TEAMS_ANONYMOUS', 'is on, and MicrosoftAppId is set: one of the two')
    if (!isLoopback(values.HOST)) wrong('TEAMS_ANONYMOUS', 'is on, so HOST must be 127.0.0.1')
    return
  }
  const proof = (['MicrosoftAppPassword', 'MicrosoftAppTenantId', 'CertificateThumbprint'] as const).find(
    (name) => values[name],
  )
  if (proof && !values.MicrosoftAppId) wrong('MicrosoftAppId', `is not set, but ${proof} is`)
  if (!values.MicrosoftAppId) return
  if (values.MicrosoftAppType === 'MultiTenant') {
    if (!values.TEAMS_ALLOWED_TENANTS?.length)
      wrong('TEAMS_ALLOWED_TENANTS', 'is not set, but MicrosoftAppType is MultiTenant')
  } else if (!values.MicrosoftAppTenantId) wrong('MicrosoftAppTenantId', 'is not set, but MicrosoftAppId is')
  if (values.MicrosoftAppType === 'UserAssignedMsi') {
    if (values.MicrosoftAppPassword) wrong('MicrosoftAppPassword', 'is set, but a managed identity needs none')
  } else if (!values.MicrosoftAppPassword && !values.CertificateThumbprint)
    wrong('MicrosoftAppPassword', 'is not set, but MicrosoftAppId is')
}

function checkSignIn(values: Values, wrong: Wrong, both: Both): void {
  both('SIGN_IN_SLACK_CLIENT_ID', 'SIGN_IN_SLACK_CLIENT_SECRET')
  both('SIGN_IN_MICROSOFT_CLIENT_ID', 'SIGN_IN_MICROSOFT_CLIENT_SECRET')
  both('SIGN_IN_OIDC_ISSUER', 'SIGN_IN_OIDC_CLIENT_ID')
  both('SIGN_IN_OIDC_ISSUER', 'SIGN_IN_OIDC_CLIENT_SECRET')
  if (values.SIGN_IN_MICROSOFT_CLIENT_ID && !values.SIGN_IN_MICROSOFT_TENANT && !values.MicrosoftAppTenantId)
    wrong('SIGN_IN_MICROSOFT_TENANT', 'is not set (nor MicrosoftAppTenantId), but SIGN_IN_MICROSOFT_CLIENT_ID is')
  // Whoever signs in for all the world would let all the world in.
  if (values.SIGN_IN_SLACK_CLIENT_ID && !values.SLACK_ALLOWED_TEAMS?.length)
    wrong('SLACK_ALLOWED_TEAMS', 'is not set, but SIGN_IN_SLACK_CLIENT_ID is: whose people may sign in?')
  if (values.SIGN_IN_OIDC_ISSUER?.startsWith('https://accounts.google.com') && !values.SIGN_IN_OIDC_DOMAINS?.length)
    wrong('SIGN_IN_OIDC_DOMAINS', 'is not set, but SIGN_IN_OIDC_ISSUER is Google, where anybody has an account')
  const first = (['SIGN_IN_SLACK_CLIENT_ID', 'SIGN_IN_MICROSOFT_CLIENT_ID', 'SIGN_IN_OIDC_ISSUER'] as const).find(
    (name) => values[name],
  )
  if (first && !values.PUBLIC_URL) wrong('PUBLIC_URL', `is not set, but ${first} is: providers send people back there`)
}

const loopback = new Set(['127.0.0.1', 'localhost', '::1'])
const isLoopback = (host: string): boolean => loopback.has(host.toLowerCase())

const builtInPrompt = `You are the assistant of an organisation. Its people reach you from Slack, Microsoft Teams and a web page.
Answer in the language of the question. Be correct, direct and as brief as the question allows.
If you do not know something or cannot be sure, say so; never invent facts, sources or links.
Use Markdown where it helps reading: lists, tables, and fenced code blocks with their language.`

/** The system prompt from wherever it is. */
export function readSystemPrompt(values: Values, faults: ConfigFault[]): string {
  const file = values.SYSTEM_PROMPT_FILE
  if (file === undefined) return values.SYSTEM_PROMPT ?? builtInPrompt
  const fault = (problem: string, expected: string): string => {
    faults.push({ variable: 'SYSTEM_PROMPT_FILE', problem, expected })
    return ''
  }
  if (values.SYSTEM_PROMPT !== undefined) return fault('is set, and SYSTEM_PROMPT too', 'one of the two')
  try {
    return readFileSync(file, 'utf8').trim() || fault(`is ${JSON.stringify(file)}: it is empty`, 'a file with text')
  } catch (thrown) {
    return fault(`is ${JSON.stringify(file)}: ${messageOf(thrown)}`, 'a readable file')
  }
}
