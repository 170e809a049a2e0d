import { newId } from '../../ids.ts'
import type { Vault } from '../../store.ts'
import type { Engine } from './engine.ts'

export function openVault({ connection, keys, given }: Engine): Vault {
  return {
    get: (key) => connection.run((redis) => redis.get(keys.vault(key))),
    async set(key, value) {
      await connection.run((redis) => redis.set(keys.vault(key), value))
    },
    async delete(key) {
      await connection.run((redis) => redis.del(keys.vault(key)))
    },
    async lock(key, ms) {
      const owner = newId()
      const hold = async (forMs: number) =>
        (await connection.script('lock', [keys.hold(key)], given({ owner, ms: forMs }))) === 1
      if (!(await hold(ms))) return null
      return async () => void (await hold(0))
    },
  }
}
