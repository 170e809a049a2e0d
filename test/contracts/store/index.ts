import { describe, expect, it } from 'vitest'
import { amendContract } from './amend.ts'
import { budgetsContract } from './budgets.ts'
import { busContract } from './bus.ts'
import { claimsContract } from './claims.ts'
import { commitsContract } from './commits.ts'
import { conversationsContract } from './conversations.ts'
import { identitiesContract } from './identities.ts'
import { inboxContract } from './inbox.ts'
import { bedFor, type Open, type Traits } from './kit.ts'
import { leasesContract } from './leases.ts'
import { mergingContract } from './merging.ts'
import { absencesContract, sessionsContract, usersContract } from './people.ts'
import { placesContract } from './places.ts'
import { privacyContract } from './privacy.ts'
import { interleavingsContract } from './property.ts'
import { recordsContract } from './records.ts'
import { sharedContract } from './shared.ts'
import { cacheContract, countersContract } from './small.ts'
import { usageContract } from './usage.ts'
import { vaultContract } from './vault.ts'

/** What every engine of the store must do, on its own data, whatever it is made of. */
export function storeContract(name: string, open: Open, traits: Traits = {}): void {
  describe(`${name} store`, () => {
    describe('as a whole', () => {
      const bed = bedFor(open)

      it('answers a ping', async () => {
        await expect(bed.store.ping()).resolves.toBeUndefined()
      })

      it('rejects with plain words once it is closed', async () => {
        const other = await bed.again()
        await other.close()
        await other.close()
        await expect(other.users.get('ann')).rejects.toMatchObject({ code: 'store_unavailable' })
        await expect(other.cache.set('k', 'v', 1_000)).rejects.toMatchObject({ code: 'store_unavailable' })
        await expect(bed.store.ping()).resolves.toBeUndefined()
      })
    })
    inboxContract(open)
    placesContract(open)
    amendContract(open)
    claimsContract(open)
    leasesContract(open)
    commitsContract(open)
    privacyContract(open)
    conversationsContract(open)
    sharedContract(open)
    usersContract(open)
    identitiesContract(open)
    mergingContract(open)
    sessionsContract(open)
    absencesContract(open)
    budgetsContract(open)
    usageContract(open)
    recordsContract(open)
    countersContract(open)
    cacheContract(open)
    vaultContract(open)
    busContract(open, traits)
    interleavingsContract(open)
  })
}
