import { describe, expect, it } from 'vitest'
import { bedFor, type Open } from './kit.ts'

/** Secrets of surfaces, and the locks on them. */
export function vaultContract(open: Open): void {
  describe('vault', () => {
    const bed = bedFor(open)

    it('keeps a text until it is set anew or deleted, however long', async () => {
      const { vault } = bed.store
      expect(await vault.get('T1')).toBeNull()
      await vault.set('T1', 'v1:a/b+c== “ü”')
      bed.clock.advance(10 * 365 * 24 * 3_600_000)
      expect(await (await bed.again()).vault.get('T1')).toBe('v1:a/b+c== “ü”')
      await vault.set('T1', '')
      expect(await vault.get('T1')).toBe('')
      expect(await vault.get('T2')).toBeNull()
      await vault.delete('T1')
      await vault.delete('T1')
      expect(await vault.get('T1')).toBeNull()
    })

    it('gives the lock of a key to one at a time, over two instances', async () => {
      const other = await bed.again()
      const tries = await Promise.all(
        Array.from({ length: 6 }, (_, n) => (n % 2 ? other : bed.store).vault.lock('T1', 1_000)),
      )
      const unlocks = tries.filter((unlock) => unlock !== null)
      expect(unlocks).toHaveLength(1)
      expect(await other.vault.lock('T2', 1_000)).not.toBeNull()
      await unlocks[0]!()
      expect(await other.vault.lock('T1', 1_000)).not.toBeNull()
    })

    it('frees a lock whose time is over, and never ends the next one’s', async () => {
      const { vault } = bed.store
      const late = await vault.lock('T1', 1_000)
      bed.clock.advance(999)
      expect(await vault.lock('T1', 1_000)).toBeNull()
      bed.clock.advance(1)
      const next = await vault.lock('T1', 1_000)
      expect(next).not.toBeNull()
      await late!()
      expect(await vault.lock('T1', 1_000)).toBeNull()
      await next!()
      await next!()
      expect(await vault.lock('T1', 1_000)).not.toBeNull()
    })

    it('keeps a lock and the text under it apart', async () => {
      const { vault } = bed.store
      const unlock = await vault.lock('T1', 1_000)
      await vault.set('T1', 'x')
      await vault.delete('T1')
      expect(await vault.lock('T1', 1_000)).toBeNull()
      await unlock!()
      expect(await vault.get('T1')).toBeNull()
    })
  })
}
