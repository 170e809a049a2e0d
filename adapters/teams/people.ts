import { LRUCache } from 'lru-cache'
import { CannotTell } from '../../src/errors.ts'
import { identityOf } from '../../src/ids.ts'
import type { Profile, Sender } from '../../src/types.ts'
import type { Clock } from './clock.ts'
import { allowedTenantsOf, type Limits, type TeamsConfig } from './config.ts'
import { isThrottled, TeamsError } from './errors.ts'
import type { Address } from './incoming.ts'
import type { Member, Transport } from './transport.ts'

/** Where people were met: Teams tells about a person only within a conversation they are in. */
export interface People {
  /** They wrote from there. */
  met(address: Address): void
  profile(sender: Sender): Promise<Profile>
}

const remembered = { max: 20_000 }
/** Names and addresses seldom change, and Teams takes 14 of these look-ups a second. */
const cached = { max: 20_000, ttl: 3_600_000 }
const attempts = 4

export function createPeople(options: {
  config: TeamsConfig
  transport: Transport
  clock: Clock
  limits: Limits
}): People {
  const { config, transport, clock, limits } = options
  const seen = new LRUCache<string, Address>(remembered)
  const known = new LRUCache<string, Profile>(cached)
  const allowed = allowedTenantsOf(config)

  async function look(address: Address): Promise<Member | null> {
    for (let attempt = 1; ; attempt++) {
      try {
        const { serviceUrl, conversation, from } = address
        // Members are of the channel, not of one of its threads.
        const spot = { serviceUrl, conversation: conversation.split(';')[0]! }
        return await transport.member(spot, from.id, limits.previewMs)
      } catch (thrown) {
        if (!(thrown instanceof TeamsError)) throw thrown
        // Not a member of where they wrote.
        if (thrown.status === 404 || thrown.status === 403) return null
        if (attempt === attempts || (thrown.outcome === 'refused' && !isThrottled(thrown) && thrown.status !== 503))
          throw thrown
        await clock.sleep(Math.min(thrown.retryAfterMs ?? 500 * 2 ** attempt, 10_000))
      }
    }
  }

  return {
    met(address) {
      const sender: Sender = { surface: 'teams', workspace: address.tenant, id: address.from.person }
      seen.set(identityOf(sender), address)
    },
    async profile(sender) {
      const key = identityOf(sender)
      const found = known.get(key)
      if (found) return found
      const address = seen.get(key)
      if (!address) throw new CannotTell('nobody knows where in Teams this person is')
      const profile = profileOf(await look(address), address)
      known.set(key, profile)
      return profile
    },
  }

  function profileOf(member: Member | null, { tenant, from }: Address): Profile {
    const name = member?.name || from.name || 'Someone'
    const { email, userPrincipalName: login, tenantId, userRole } = member ?? {}
    const stranger =
      !member ||
      // Without an account of their own: someone who joined a meeting by its link.
      from.person === from.id ||
      (tenantId !== undefined && tenantId !== tenant && !allowed.includes(tenantId)) ||
      (userRole !== undefined && /guest|anonymous|federated/i.test(userRole)) ||
      /#ext#/i.test(login ?? '')
    const address = email ?? (login?.includes('@') && !stranger ? login : undefined)
    // The operator's own organisation is believed; another's may write any address into its directory, but for log-ins,
    // whose domain it must own.
    const vouched = !stranger && (tenant === config.tenantId || address?.toLowerCase() === login?.toLowerCase())
    return {
      name,
      ...(address && { email: address, emailVerified: vouched }),
      ...(stranger && !config.allowGuests && { guest: true }),
    }
  }
}
