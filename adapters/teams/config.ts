import { createPrivateKey } from 'node:crypto'

/** What the Teams surface needs to know of the configuration. Secrets come as plain strings and are never logged. */
export interface TeamsConfig {
  /** `MicrosoftAppId`: the bot's application in Entra ID. */
  appId?: string
  /** `MicrosoftAppTenantId`: the organisation that the application belongs to. */
  tenantId?: string
  /** `MicrosoftAppType`. Microsoft makes no new `MultiTenant` bots since July 2025. */
  appType: AppType
  /** `MicrosoftAppPassword`: a client secret. */
  password?: string
  /** `CertificateThumbprint` and `CertificatePrivateKey` (PEM), instead of a secret. */
  certificate?: { thumbprint: string; privateKey: string }
  /** Take requests without any token: for the Playground alone, outside production, on loopback. */
  anonymous: boolean
  production: boolean
  /** The address the server listens on. */
  host: string
  /** Organisations whose people may use the bot. Empty: the app's own. */
  allowedTenants: readonly string[]
  allowGuests: boolean
  /** The web page's address with its base path and without a slash at the end. Without it there are no links to it. */
  publicUrl?: string
  /** For tests; see `defaults` for what holds otherwise. */
  limits?: Partial<Limits>
  /** For tests: what takes Microsoft's place. */
  standIn?: StandIn
}

export type AppType = 'SingleTenant' | 'MultiTenant' | 'UserAssignedMsi'

export interface StandIn {
  /** Where the keys are announced that sign what comes in. */
  openIdMetadata: string
  /** Goes out with every call. */
  token: string
  /** Hosts (without port) that answers may be sent to, over plain HTTP too. */
  hosts: readonly string[]
}

export const defaults = {
  /** The largest request. Teams' own messages stay below 100 kB, and come twice in one activity (text and HTML). */
  bodyBytes: 1024 * 1024,
  /** One call that shows something for good: a connector that is slow for half a minute must not be asked twice. */
  callMs: 60_000,
  /** One call whose loss is made good by the next: a preview, typing. */
  previewMs: 20_000,
  /** How long the connector lets a stream run is 120 s from its start; then it goes on as a message that is updated. */
  streamMs: 110_000,
  /** One call a second is taken in a stream. */
  streamGapMs: 1_000,
  /** Between two looks at the growing text: Microsoft asks to gather 1.5 to 2 s. */
  streamPaceMs: 1_500,
  /** Between two updates of a posted message: 1,800 calls an hour and thread are taken. */
  updatePaceMs: 3_000,
  /** How long typing is shown. */
  typingMs: 4_000,
  /** An answer in a group that takes longer than this is shown while it grows. */
  patienceMs: 6_000,
  /** Of one message's text. Teams takes about 100 kB with everything around it. */
  messageBytes: 80_000,
  /** How long a click may wait for its answer: Teams shows a failure after some seconds. */
  invokeMs: 3_000,
  /** How long work that nobody waits for may go on after `close`. */
  graceMs: 5_000,
}

export type Limits = typeof defaults

/** Teams is configured at all. */
export function isConfigured(config: Partial<TeamsConfig>): boolean {
  return Boolean(config.appId) || config.anonymous === true
}

const loopbackNames = new Set(['127.0.0.1', 'localhost', '::1', '[::1]', '::ffff:127.0.0.1'])

export function isLoopback(host: string): boolean {
  return loopbackNames.has(host.toLowerCase())
}

/**
 * What is wrong with a configuration, in words; empty when it is fine. Without credentials botbuilder would take every
 * request and send answers to whatever address it names, so nothing is assumed here.
 */
export function faultsOf(config: TeamsConfig): string[] {
  const faults: string[] = []
  if (config.anonymous) {
    if (config.production) faults.push('TEAMS_ANONYMOUS takes requests from anybody, so it is not for production')
    if (!isLoopback(config.host)) faults.push('TEAMS_ANONYMOUS needs HOST to be 127.0.0.1')
    if (config.appId) faults.push('TEAMS_ANONYMOUS and MicrosoftAppId exclude each other')
    return faults
  }
  if (!config.appId) return ['MicrosoftAppId is missing']
  if (config.appType !== 'MultiTenant' && !config.tenantId)
    faults.push(`MicrosoftAppTenantId is missing (MicrosoftAppType is ${config.appType})`)
  const managed = config.appType === 'UserAssignedMsi'
  if (managed && config.password) faults.push('MicrosoftAppPassword is not used with a managed identity')
  if (!managed && !config.password && !config.certificate && !config.standIn)
    faults.push('MicrosoftAppPassword (or CertificateThumbprint and CertificatePrivateKey) is missing')
  if (config.certificate && !isPrivateKey(pemOf(config.certificate.privateKey)))
    faults.push('CertificatePrivateKey is no private key in PEM without a passphrase')
  if (allowedTenantsOf(config).length === 0)
    faults.push('TEAMS_ALLOWED_TENANTS is missing: a bot of type MultiTenant has no tenant of its own')
  return faults
}

/** A key as it stands in a file; in an environment of one line its line breaks are often written as `\\n`. */
export function pemOf(privateKey: string): string {
  return privateKey.replaceAll('\\r', '').replaceAll('\\n', '\n').trim()
}

function isPrivateKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyType === 'rsa'
  } catch {
    return false
  }
}

export function allowedTenantsOf(config: TeamsConfig): readonly string[] {
  if (config.allowedTenants.length > 0) return config.allowedTenants
  return config.tenantId ? [config.tenantId] : []
}

/** Where Teams' connectors live; credentials go nowhere else. */
const connectorHosts = ['smba.trafficmanager.net', 'botframework.com']

/** Whether answers (and our token) may be sent to a service URL. */
export function isTrusted(serviceUrl: string, config: Pick<TeamsConfig, 'anonymous' | 'standIn'>): boolean {
  if (!URL.canParse(serviceUrl)) return false
  const { protocol, hostname, username } = new URL(serviceUrl)
  if (username !== '') return false
  if (config.anonymous) return (protocol === 'http:' || protocol === 'https:') && isLoopback(hostname)
  if (config.standIn?.hosts.includes(hostname)) return protocol === 'http:' || protocol === 'https:'
  return protocol === 'https:' && connectorHosts.some((host) => hostname === host || hostname.endsWith(`.${host}`))
}
