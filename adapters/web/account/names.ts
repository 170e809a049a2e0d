// Types alone: whoever joins identities is handed over.
import type { Side } from '../../../src/identities.ts'
import { hashOf } from '../../../src/ids.ts'
import type { Provider } from '../signIn/providers.ts'

/** An identity as its person knows it. */
export interface ShownIdentity {
  /** Stands for it in forms and addresses, which are no place for what a provider calls somebody. */
  key: string
  icon: string
  name: string
  /** Which one of several; may be empty. */
  detail: string
}

export type KnownProvider = Pick<Provider, 'id' | 'name' | 'issuer'>

export const providerIcons: Record<Provider['id'], string> = { slack: 'slack', microsoft: 'microsoft', oidc: 'key' }

export const keyOf = (identity: string): string => hashOf(['identity', identity]).slice(0, 16)

export function shownIdentity(identity: string, providers: readonly KnownProvider[]): ShownIdentity {
  return { key: keyOf(identity), ...told(identity, providers) }
}

function told(identity: string, providers: readonly KnownProvider[]): Omit<ShownIdentity, 'key'> {
  const [kind, workspace = '', ...rest] = identity.split(':')
  const id = rest.join(':')
  if (kind === 'slack') return { icon: 'slack', name: 'Slack', detail: `${id} in ${workspace}` }
  // The first part of a GUID tells two of them apart.
  if (kind === 'teams') return { icon: 'teams', name: 'Microsoft Teams', detail: `account ${id.split('-')[0]}…` }
  if (kind === 'web' && workspace === 'demo') return { icon: 'web', name: 'Demo user', detail: id }
  if (kind === 'web') return { icon: 'web', name: 'Name and password', detail: id }
  const provider = providers.find((one) => one.id === 'oidc' && identity.startsWith(`oidc:${one.issuer}:`))
  const host = /^oidc:https?:\/\/([^/:]+)/.exec(identity)?.[1] ?? ''
  return { icon: 'key', name: provider?.name ?? 'Other sign-in', detail: host }
}

/** One of two users who may become one. */
export interface ShownSide {
  name: string
  ways: string[]
  conversations: string
  agreed?: boolean
}

export function shownSide(side: Side & { agreed?: boolean }, providers: readonly KnownProvider[]): ShownSide {
  const ways = side.identities.map((identity) => shownIdentity(identity, providers))
  return {
    name: side.name,
    ways: ways.map(({ name, detail }) => (detail ? `${name} (${detail})` : name)),
    conversations: counted(side.conversations),
    ...(side.agreed !== undefined && { agreed: side.agreed }),
  }
}

/** They are counted up to here, see identities.ts. */
const countedUpTo = 100

function counted(count: number): string {
  if (count === 0) return 'No conversations'
  if (count === 1) return '1 conversation'
  return count >= countedUpTo ? `${countedUpTo} conversations or more` : `${count} conversations`
}
