import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from './errors.ts'
import type { Vault } from './store.ts'

/** Longer than what is done alone takes. */
const lockMs = 10_000
const pauseMs = 25

/** Do this while nobody else does it, on whichever instance. Waits for its turn; throws `store_unavailable` if that does not come. */
export async function alone<T>(vault: Pick<Vault, 'lock'>, name: string, work: () => Promise<T>): Promise<T> {
  for (let waited = 0; waited <= lockMs; waited += pauseMs) {
    const unlock = await vault.lock(name, lockMs)
    if (unlock) {
      try {
        return await work()
      } finally {
        await unlock()
      }
    }
    await sleep(pauseMs)
  }
  throw new Fault('store_unavailable', { detail: `nobody gave back the lock of ${name}` })
}
