import { expect, test } from 'vitest'
import { Fault } from '../src/errors.ts'
import type { Store } from '../src/store.ts'
import { watchFailures } from '../src/storeFailures.ts'

test('each call that fails because the store does is counted once, whoever made it, and fails as it did', async () => {
  const gone = new Fault('store_unavailable')
  const defect = new TypeError('ours')
  const bare = {
    engine: 'sqlite',
    users: {
      name: 'users',
      get: async (id: string) => ({ id, of: 'users' }),
      find: () => Promise.reject(gone),
      list: () => Promise.reject(defect),
    },
    ping: () => Promise.reject(gone),
    close: async () => {},
  } as unknown as Store
  const counted: string[] = []
  const store = watchFailures(bare, (engine) => counted.push(engine))

  expect(store.engine).toBe('sqlite')
  expect(await store.users.get('ann')).toEqual({ id: 'ann', of: 'users' })
  await expect(store.users.list({ limit: 1 })).rejects.toBe(defect)
  expect(counted).toEqual([])
  await expect(store.users.find('web:local:ann')).rejects.toBe(gone)
  await expect(store.ping()).rejects.toBe(gone)
  expect(counted).toEqual(['sqlite', 'sqlite'])
  expect(store.users).toBe(store.users)
})
