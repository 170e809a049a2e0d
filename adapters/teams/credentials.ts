import { messageOf } from '../../src/errors.ts'
import { pemOf, type TeamsConfig } from './config.ts'
import { TeamsError } from './errors.ts'

const authority = 'https://login.microsoftonline.com'
const scope = 'https://api.botframework.com'
/** Of a token: Entra ID answers within a second. */
const tokenMs = 30_000

/** Gets our token for Teams; botbuilder keeps it until five minutes before its end. */
export async function tokenSource(
  config: TeamsConfig,
  options: { timeoutMs: number } = { timeoutMs: tokenMs },
): Promise<() => Promise<string>> {
  const { appId, standIn, anonymous } = config
  if (standIn) return async () => standIn.token
  if (anonymous || !appId) return async () => ''
  const source = await sourceFor(appId, config)
  return oneAtATime(() => source.getToken(), options.timeoutMs)
}

async function sourceFor(appId: string, config: TeamsConfig): Promise<{ getToken(): Promise<string> }> {
  const { appType, tenantId, certificate, password = '' } = config
  // In a tenant of its own the token must come from there; otherwise from the Bot Framework's.
  const tenant = appType === 'MultiTenant' ? undefined : tenantId
  if (appType === 'UserAssignedMsi') {
    const { default: msi } = await import('botframework-connector/lib/auth/managedIdentityAppCredentials.js')
    const { default: tokens } = await import('botframework-connector/lib/auth/jwtTokenProviderFactory.js')
    return new msi.ManagedIdentityAppCredentials(appId, scope, new tokens.JwtTokenProviderFactory())
  }
  if (certificate) {
    const { default: msal } = await import('botframework-connector/lib/auth/msalAppCredentials.js')
    const url = `${authority}/${tenant ?? 'botframework.com'}`
    return new msal.MsalAppCredentials(appId, signing(certificate), url, scope)
  }
  const { default: auth } = await import('botframework-connector/lib/auth/microsoftAppCredentials.js')
  return new auth.MicrosoftAppCredentials(appId, password, tenant)
}

/** botbuilder hands this on to MSAL, which knows thumbprints by SHA-256 too, though botbuilder's types do not. */
function signing({ thumbprint, privateKey }: NonNullable<TeamsConfig['certificate']>) {
  const sha256 = thumbprint.length === 64
  return {
    privateKey: pemOf(privateKey),
    thumbprint: sha256 ? '' : thumbprint,
    ...(sha256 && { thumbprintSha256: thumbprint }),
  }
}

/** botbuilder would ask for a new token once for each call that waits for it, and wait for ever. */
function oneAtATime(get: () => Promise<string>, timeoutMs: number): () => Promise<string> {
  let pending: Promise<string> | undefined
  return () => {
    pending ??= within(timeoutMs, get())
      .catch((thrown: unknown) => {
        // Nothing was sent. Why Entra ID refused is for the log; what it says in words holds ids.
        const [code = 'NoToken'] = /AADSTS\d+/.exec(messageOf(thrown)) ?? []
        throw new TeamsError('token', { status: 0, code, outcome: 'refused', cause: thrown })
      })
      .finally(() => {
        pending = undefined
      })
    return pending
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error('it takes too long')), ms)
  return Promise.race([work, late.promise]).finally(() => clearTimeout(timer))
}
