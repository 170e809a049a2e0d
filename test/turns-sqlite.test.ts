import { continuingContract } from './contracts/continuing.ts'
import { platformContract } from './contracts/platform.ts'
import { turnsContract } from './contracts/turns.ts'
import { sqliteOpener } from './support/sqlite.ts'

const openStore = sqliteOpener()

// SQLite serves one instance: a second one in these tests stands on the same open store, as it would after a restart.
const open = async () => {
  const store = await openStore()
  return { store, again: async () => store, close: () => store.close() }
}

turnsContract('SQLite', open)
platformContract('SQLite', open)
continuingContract('SQLite', open)
