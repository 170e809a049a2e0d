import { storeContract } from '../contracts/store/index.ts'
import { sqliteOpener } from '../support/sqlite.ts'

storeContract('sqlite', sqliteOpener(), { sharedBus: false })
