import { turnsContract } from './contracts/turns.ts'
import { sqliteOpener } from './support/sqlite.ts'

const openStore = sqliteOpener()

// SQLite serves one instance: a second one in these tests stands on the same open store, as it would after a restart.
turnsContract('SQLite', async () => {
  const store = await openStore()
  return { store, again: async () => store, close: () => store.close() }
})
