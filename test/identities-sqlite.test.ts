import { describe } from 'vitest'
import { identitiesContract } from './contracts/identities.ts'
import { sqliteOpener } from './support/sqlite.ts'

describe('identities over SQLite', () => identitiesContract(sqliteOpener()))
