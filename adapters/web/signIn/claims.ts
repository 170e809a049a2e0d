import { Fault } from '../../../src/errors.ts'
// Types alone: whoever joins identities is handed over.
import type { Proof } from '../../../src/identities.ts'
import { identityOf } from '../../../src/ids.ts'
import type { Profile } from '../../../src/types.ts'
import { cleanLine } from '../text.ts'
import type { MicrosoftProvider, OtherProvider, Provider, SlackProvider } from './providers.ts'

/** What a provider says of a person, in a token whose signature, issuer, audience, times and nonce are checked. */
export type Claims = Readonly<Record<string, unknown>>

const slackClaim = (name: string): string => `https://slack.com/${name}`
const nameChars = 200
/** RFC 3696, erratum 1690: no address is longer. */
const addressChars = 254

/** Who a provider says this is. Throws `refused_workspace`, `refused_guest`, or `sign_in_failed` where it does not say who. */
export function proofOf(provider: Provider, claims: Claims): Proof {
  if (provider.id === 'slack') return slackProof(provider, claims)
  if (provider.id === 'microsoft') return microsoftProof(provider, claims)
  return otherProof(provider, claims)
}

/** An identity as the messages of Slack spell it: by the organisation where there is one, else by the workspace. */
function slackProof({ teams }: SlackProvider, claims: Claims): Proof {
  const team = demand(claims, slackClaim('team_id'), /^T[A-Z0-9]+$/)
  const user = demand(claims, slackClaim('user_id'), /^[UW][A-Z0-9]+$/)
  const enterprise = claims[slackClaim('enterprise_id')]
    ? demand(claims, slackClaim('enterprise_id'), /^E[A-Z0-9]+$/)
    : undefined
  if (teams.length > 0 && ![team, enterprise].some((id) => id !== undefined && teams.includes(id)))
    throw new Fault('refused_workspace')
  return {
    identity: identityOf({ surface: 'slack', workspace: enterprise ?? team, id: user }),
    profile: profileOf(claims, isTrue(claims.email_verified)),
  }
}

const guid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i

function microsoftProof({ tenant, allowGuests }: MicrosoftProvider, claims: Claims): Proof {
  const tid = demand(claims, 'tid', guid).toLowerCase()
  const oid = demand(claims, 'oid', guid).toLowerCase()
  if (tid !== tenant.toLowerCase()) throw new Fault('refused_workspace')
  const guest = isGuest(claims, tid)
  if (guest && !allowGuests) throw new Fault('refused_guest')
  const login = textOf(claims.preferred_username)?.toLowerCase()
  // Anyone may have written any address into a directory; a log-in name has a domain that the tenant proved to own.
  const vouched =
    isTrue(claims.email_verified) || isTrue(claims.xms_edov) || textOf(claims.email)?.toLowerCase() === login
  return {
    identity: identityOf({ surface: 'teams', workspace: tid, id: oid }),
    profile: profileOf(claims, vouched && !guest),
  }
}

/** `acct` is an optional claim; `idp` names the home of those who are at home elsewhere; guests' log-ins say so as well. */
function isGuest(claims: Claims, tenant: string): boolean {
  const home = textOf(claims.idp)?.toLowerCase()
  return (
    String(claims.acct) === '1' ||
    (home !== undefined && !home.includes(tenant)) ||
    /#ext#/i.test(textOf(claims.preferred_username) ?? '')
  )
}

function otherProof({ domains }: OtherProvider, claims: Claims): Proof {
  const issuer = demand(claims, 'iss', /^https?:\/\/.{1,500}$/)
  // OpenID Connect Core, 2: at most 255 characters of ASCII.
  const subject = demand(claims, 'sub', /^[\x20-\x7e]{1,255}$/)
  const profile = profileOf(claims, isTrue(claims.email_verified))
  const domain = profile.emailVerified ? profile.email?.split('@')[1] : undefined
  if (domains.length > 0 && !(domain && domains.includes(domain))) throw new Fault('refused_workspace')
  return { identity: `oidc:${issuer}:${subject}`, profile }
}

function profileOf(claims: Claims, vouched: boolean): Profile {
  const email = addressOf(claims.email)
  const parts = [textOf(claims.given_name), textOf(claims.family_name)].filter(Boolean).join(' ')
  const name = textOf(claims.name) ?? (parts || textOf(claims.preferred_username) || email || 'Someone')
  const locale = textOf(claims.locale)
  const timeZone = textOf(claims.zoneinfo)
  return {
    name: cleanLine(name).slice(0, nameChars).toWellFormed() || 'Someone',
    ...(email !== undefined && { email, emailVerified: vouched }),
    ...(locale !== undefined && { locale: locale.slice(0, 35) }),
    ...(timeZone !== undefined && { timeZone: timeZone.slice(0, 60) }),
  }
}

function addressOf(claim: unknown): string | undefined {
  const address = textOf(claim)?.trim().toLowerCase()
  return address && address.length <= addressChars && /^[^\s@]+@[^\s@]+$/.test(address) ? address : undefined
}

/** Some providers write booleans as texts or numbers. */
const isTrue = (claim: unknown): boolean => claim === true || claim === 'true' || claim === 1 || claim === '1'

const textOf = (claim: unknown): string | undefined => (typeof claim === 'string' && claim !== '' ? claim : undefined)

function demand(claims: Claims, name: string, pattern: RegExp): string {
  const value = textOf(claims[name])
  if (value === undefined || !pattern.test(value))
    throw new Fault('sign_in_failed', { detail: `no usable claim ${name}` })
  return value
}
